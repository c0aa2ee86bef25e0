/*
 * nDPI and wiremark on the same packets, with one flow table: one line a flow when it ends, with both verdicts and
 * which of the two decided.
 *
 *     ndpi_probe FILE | ndpi_probe -i INTERFACE
 *
 * A flow holds nDPI's state and, beside it, wiremark's 64 bytes. nDPI is asked until it has its verdict or has seen
 * enough, and its state is freed then; wiremark is called for every packet, because much of what tells one messenger's
 * flow from another's comes later. wiremark then refines what nDPI said, as refine() has it.
 */
#define _DEFAULT_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wiremark.h>
#include "ndpi_versions.h"

enum {
    PLACES = 1 << 16,        /* flows at the same time; a power of two */
    TRIES = 16,              /* places a flow can lie in */
    NDPI_PACKETS_TCP = 80,   /* after so many packets nDPI gives up, as its own reader does */
    NDPI_PACKETS_UDP = 24,
};

static const uint64_t TCP_TIMEOUT_US = UINT64_C(1800000000);
static const uint64_t UDP_TIMEOUT_US = UINT64_C(60000000);

typedef struct flow {
    uint64_t hash;      /* 0: a free place */
    uint64_t number, last_packet_us, packets;
    wiremark_packet first;         /* who talks to whom, as the first packet had it */
    struct ndpi_flow_struct *ndpi; /* NULL when nDPI is done with it */
    ndpi_protocol ndpi_verdict;
    uint64_t ndpi_packets;         /* packets nDPI was asked about */
    uint8_t ndpi_guessed;
    wiremark_flow wiremark;
    uint64_t decided_at_packet;    /* when wiremark's app and role became what they are */
    wiremark_verdict verdict;
} flow;

static flow *flows;
static uint64_t flow_count, decided_by_wiremark, decided_by_ndpi, agreed;
static struct ndpi_detection_module_struct *ndpi;
static wiremark_classifier *classifier;
static wiremark_context *context;
static wiremark_names *names;
static uint64_t hash_key[2];
static pcap_t *capture;

static void stop(int signal) {
    (void)signal;
    pcap_breakloop(capture);
}

/* Whether nDPI's protocol is of wiremark's app: nDPI has several protocols for one, such as WhatsAppCall. */
static int is_same(const char *ndpi_name, const char *app) {
    for (; *app; app++, ndpi_name++)
        if (tolower((unsigned char)*ndpi_name) != *app)
            return 0;
    return 1;
}

/*
 * Who decides. wiremark's app stands wherever it rests on the flow's own bytes, on a name in it or on a related flow;
 * by an address list alone it only fills in where nDPI knows nothing. Everything else is nDPI's.
 */
static const char *refine(const flow *f, const char *ndpi_name, const char *app) {
    int ndpi_knows = NDPI_APP(f->ndpi_verdict) != NDPI_PROTOCOL_UNKNOWN || NDPI_MASTER(f->ndpi_verdict) != NDPI_PROTOCOL_UNKNOWN;
    if (!f->verdict.app)
        return ndpi_knows ? "ndpi" : "nobody";
    if (is_same(ndpi_name, app))
        return "both";
    return f->verdict.confidence > WIREMARK_CONFIDENCE_ADDRESS || !ndpi_knows ? "wiremark" : "ndpi";
}

static void ndpi_finish(flow *f) {
    if (!f->ndpi)
        return;
    if (!ndpi_is_done(ndpi, f->ndpi, f->ndpi_verdict))
        f->ndpi_verdict = ndpi_last_word(ndpi, f->ndpi, &f->ndpi_guessed);
    ndpi_free_flow(f->ndpi);
    f->ndpi = NULL;
}

static void print_end(const wiremark_packet *p, const uint8_t *address, uint16_t port) {
    char text[INET6_ADDRSTRLEN] = "?";
    inet_ntop(p->ip_version == 4 ? AF_INET : AF_INET6, address, text, sizeof text);
    printf(p->ip_version == 4 ? "%s:%u" : "[%s]:%u", text, port);
}

static void end(flow *f) {
    if (!f->hash)
        return;
    ndpi_finish(f);
    uint16_t master = NDPI_MASTER(f->ndpi_verdict), sub = NDPI_APP(f->ndpi_verdict);
    const char *ndpi_app = ndpi_get_proto_name(ndpi, sub != NDPI_PROTOCOL_UNKNOWN ? sub : master);
    const char *app = wiremark_app_name(names, f->verdict.app);
    const char *who = refine(f, ndpi_app, app);
    printf("flow %" PRIu64 " %s ", f->number, f->first.transport == WIREMARK_TCP ? "TCP" : "UDP");
    print_end(&f->first, f->first.src, f->first.src_port);
    printf(" > ");
    print_end(&f->first, f->first.dst, f->first.dst_port);
    printf(" packets=%" PRIu64 " ndpi=", f->packets);
    if (master != NDPI_PROTOCOL_UNKNOWN && sub != NDPI_PROTOCOL_UNKNOWN && master != sub)
        printf("%s.", ndpi_get_proto_name(ndpi, master));
    printf("%s ndpi_packets=%" PRIu64 "%s", ndpi_app, f->ndpi_packets, f->ndpi_guessed ? " (guessed)" : "");
    if (f->verdict.app)
        printf(" wiremark=%s/%s by %s, %s, packet %" PRIu64, app, wiremark_role_name(names, f->verdict.app, f->verdict.role),
               wiremark_confidence_name(f->verdict.confidence), wiremark_signature_name(names, f->verdict.signature),
               f->decided_at_packet);
    else
        printf(" wiremark=-");
    int is_wiremarks = strcmp(who, "wiremark") == 0 || strcmp(who, "both") == 0;
    printf(" verdict=%s decided=%s\n", is_wiremarks ? app : ndpi_app, who);
    decided_by_wiremark += strcmp(who, "wiremark") == 0;
    decided_by_ndpi += strcmp(who, "ndpi") == 0;
    agreed += strcmp(who, "both") == 0;
    memset(f, 0, sizeof *f);
}

static int is_over(const flow *f, uint64_t now_us) {
    uint64_t quiet_us = now_us > f->last_packet_us ? now_us - f->last_packet_us : 0;
    return quiet_us > (f->first.transport == WIREMARK_TCP ? TCP_TIMEOUT_US : UDP_TIMEOUT_US);
}

/* The packet's flow: found, or begun in a free place, in one whose flow is over, or in that of the quietest. */
static flow *find(const wiremark_packet *packet) {
    uint64_t hash = wiremark_packet_hash(packet, hash_key) | 1;
    flow *place = NULL;
    for (uint64_t i = 0; i < TRIES; i++) {
        flow *f = &flows[((hash >> 32) + i) & (PLACES - 1)];
        if (f->hash == hash && !is_over(f, packet->time_us))
            return f;
        if (!place || (place->hash && (!f->hash || f->hash == hash || f->last_packet_us < place->last_packet_us)))
            place = f;
    }
    end(place);
    place->hash = hash;
    place->number = ++flow_count;
    place->first = *packet;
    place->first.payload = NULL;
    place->ndpi = ndpi_new_flow();
    return place;
}

/* Where the IP header begins: what nDPI wants. Tunnels it opens itself. 0 where there is none. */
static size_t ip_offset(int link_type, const uint8_t *bytes, size_t length) {
    size_t at = link_type == DLT_LINUX_SLL ? 14 : 12;
    switch (link_type) {
    case DLT_RAW:
        return 0;
    case DLT_NULL:
    case DLT_LOOP:
        return 4;
    case DLT_LINUX_SLL2:
        return 20;
    default:
        while (at + 2 <= length) {
            unsigned type = (unsigned)bytes[at] << 8 | bytes[at + 1];
            at += type == 0x8100 || type == 0x88a8 || type == 0x9100 ? 4 : 2;
            if (type == 0x0800 || type == 0x86dd)
                return at;
            if (type == 0x8864) /* PPPoE */
                return at + 8;
            if (type != 0x8100 && type != 0x88a8 && type != 0x9100)
                break;
        }
        return length;
    }
}

static void ask_ndpi(flow *f, const uint8_t *ip, size_t ip_bytes, uint64_t time_us) {
    if (!f->ndpi)
        return;
    f->ndpi_packets++;
    f->ndpi_verdict = ndpi_look(ndpi, f->ndpi, ip, (uint16_t)(ip_bytes > 65535 ? 65535 : ip_bytes), time_us / 1000);
    uint64_t limit = f->first.transport == WIREMARK_TCP ? NDPI_PACKETS_TCP : NDPI_PACKETS_UDP;
    if (f->ndpi_packets >= limit || ndpi_is_done(ndpi, f->ndpi, f->ndpi_verdict))
        ndpi_finish(f);
}

static void ask_wiremark(flow *f, const wiremark_packet *packet) {
    wiremark_verdict before = f->verdict;
    if (wiremark_classify(classifier, context, &f->wiremark, packet, &f->verdict) != WIREMARK_OK)
        return;
    if (before.app != f->verdict.app || before.role != f->verdict.role)
        f->decided_at_packet = f->packets;
}

static void look(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes) {
    int link_type = *(const int *)(const void *)user;
    uint64_t time_us = (uint64_t)header->ts.tv_sec * 1000000 + (uint64_t)header->ts.tv_usec;
    wiremark_packet packet = {.struct_bytes = sizeof packet};
    if (wiremark_packet_parse(link_type, time_us, bytes, header->caplen, &packet) != WIREMARK_OK)
        return;
    flow *f = find(&packet);
    f->packets++;
    f->last_packet_us = time_us;
    size_t at = ip_offset(link_type, bytes, header->caplen);
    if (at < header->caplen)
        ask_ndpi(f, bytes + at, header->caplen - at, time_us);
    ask_wiremark(f, &packet);
}

static int by_number(const void *a, const void *b) {
    uint64_t x = ((const flow *)a)->number, y = ((const flow *)b)->number;
    return (x > y) - (x < y);
}

static int complain(const char *what) {
    fprintf(stderr, "ndpi_probe: %s\n", what);
    return 1;
}

int main(int argc, char **argv) {
    int live = argc == 3 && strcmp(argv[1], "-i") == 0;
    if (!live && argc != 2) {
        fprintf(stderr, "usage: ndpi_probe FILE | ndpi_probe -i INTERFACE\n");
        return 2;
    }
    char error[PCAP_ERRBUF_SIZE] = "";
    capture = live ? pcap_open_live(argv[2], 65535, 1, 100, error) : pcap_open_offline(argv[1], error);
    if (!capture)
        return complain(error);
    int link_type = pcap_datalink(capture);

    if (WIREMARK_CHECK_ABI() != WIREMARK_OK || wiremark_classifier_new(NULL, &classifier) != WIREMARK_OK
        || wiremark_context_new(NULL, &context) != WIREMARK_OK || wiremark_names_new(classifier, &names) != WIREMARK_OK)
        return complain(wiremark_last_error());
    ndpi = ndpi_open();
    flows = calloc(PLACES, sizeof *flows);
    if (!ndpi || !flows)
        return complain("nDPI or the flow table cannot be set up");
    FILE *random = fopen("/dev/urandom", "rb");
    if (!random || fread(hash_key, sizeof hash_key, 1, random) != 1)
        return complain("/dev/urandom cannot be read");
    fclose(random);

    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    int failed = pcap_loop(capture, -1, look, (u_char *)&link_type) == PCAP_ERROR;
    if (failed)
        complain(pcap_geterr(capture));

    qsort(flows, PLACES, sizeof *flows, by_number);
    for (size_t i = 0; i < PLACES; i++)
        end(&flows[i]);
    fprintf(stderr,
            "nDPI %s, wiremark %s; flows: %" PRIu64 ", decided by wiremark: %" PRIu64 ", by nDPI: %" PRIu64
            ", both alike: %" PRIu64 "\n",
            ndpi_revision(), wiremark_version(), flow_count, decided_by_wiremark, decided_by_ndpi, agreed);

    free(flows);
    ndpi_exit_detection_module(ndpi);
    wiremark_names_free(names);
    wiremark_context_free(context);
    wiremark_classifier_free(classifier);
    pcap_close(capture);
    return failed;
}
