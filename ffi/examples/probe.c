/*
 * A probe: which apps' flows pass by, one line a flow as it becomes known, and statistics at the end.
 *
 *     cc -std=c11 -o probe probe.c $(pkg-config --cflags --libs wiremark libpcap)
 *     probe FILE             a capture (pcap, pcapng; - is standard input)
 *     probe -i INTERFACE     live, until SIGINT or SIGTERM
 *     probe -a ...           also a line for every flow when it has ended, known or not
 */
#define _DEFAULT_SOURCE
#include <arpa/inet.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <wiremark.h>

typedef struct probe {
    wiremark_tracker *tracker;
    wiremark_names *names;
    int link_type;
    uint64_t known; /* flows of known apps that have ended */
} probe;

static pcap_t *capture; /* for the signal only */

static void stop(int signal) {
    (void)signal;
    pcap_breakloop(capture);
}

static void print_end(uint8_t ip_version, const uint8_t *address, uint16_t port) {
    char text[INET6_ADDRSTRLEN] = "?";
    inet_ntop(ip_version == 4 ? AF_INET : AF_INET6, address, text, sizeof text);
    printf(ip_version == 4 ? "%s:%u" : "[%s]:%u", text, port);
}

static const char *or_dash(const char *text) {
    return *text ? text : "-";
}

/* app role carrier confidence signature */
static void print_verdict(const probe *p, wiremark_verdict v) {
    printf(" %s %s %s %s %s", or_dash(wiremark_app_name(p->names, v.app)),
           or_dash(wiremark_role_name(p->names, v.app, v.role)), wiremark_carrier_name(v.carrier),
           wiremark_confidence_name(v.confidence), or_dash(wiremark_signature_name(p->names, v.signature)));
}

/* The packet that made the flow known says who talks to whom. */
static void print_known(const probe *p, const wiremark_frame *frame, const wiremark_seen *seen) {
    wiremark_packet packet = {.struct_bytes = sizeof packet};
    if (wiremark_packet_parse(frame->link_type, frame->time_us, frame->bytes, frame->captured_bytes, &packet) != WIREMARK_OK)
        return;
    int swap = seen->direction == WIREMARK_RESPONDER;
    printf("flow %" PRIu64 " %s ", seen->flow_number, packet.transport == WIREMARK_TCP ? "TCP" : "UDP");
    print_end(packet.ip_version, swap ? packet.dst : packet.src, swap ? packet.dst_port : packet.src_port);
    printf(" > ");
    print_end(packet.ip_version, swap ? packet.src : packet.dst, swap ? packet.src_port : packet.dst_port);
    print_verdict(p, seen->verdict);
    printf(" packet %" PRIu64 "\n", seen->packet_number);
}

static void count_ended(void *user, const wiremark_flow_record *flow) {
    probe *p = user;
    p->known += flow->verdict.app != 0;
}

static void print_ended(void *user, const wiremark_flow_record *flow) {
    count_ended(user, flow);
    printf("ended %" PRIu64 " %s ", flow->number, flow->transport == WIREMARK_TCP ? "TCP" : "UDP");
    print_end(flow->ip_version, flow->src, flow->src_port);
    printf(" > ");
    print_end(flow->ip_version, flow->dst, flow->dst_port);
    print_verdict(user, flow->verdict);
    printf(" %u %s packet %" PRIu64 " packets %" PRIu64 "/%" PRIu64 " bytes %" PRIu64 "/%" PRIu64 "\n",
           flow->verdict.signature, flow->verdict.flags & WIREMARK_VERDICT_FINAL ? "final" : "open",
           flow->decided_at_packet, flow->packets[0], flow->packets[1], flow->bytes[0], flow->bytes[1]);
}

static void look(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes) {
    probe *p = (probe *)user;
    wiremark_frame frame = {
        .struct_bytes = sizeof frame,
        .link_type = p->link_type,
        .time_us = (uint64_t)header->ts.tv_sec * 1000000 + (uint64_t)header->ts.tv_usec,
        .bytes = bytes,
        .captured_bytes = header->caplen,
        .wire_bytes = header->len < 1 << 20 ? header->len : header->caplen, /* a damaged file may say anything */
    };
    wiremark_seen seen = {.struct_bytes = sizeof seen};
    /* Frames without a packet are no fault of ours; the tracker counts them. */
    if (wiremark_tracker_frame(p->tracker, &frame, &seen) == WIREMARK_OK
        && seen.verdict.flags & WIREMARK_VERDICT_CHANGED && seen.verdict.app)
        print_known(p, &frame, &seen);
}

static int complain(const char *what) {
    fprintf(stderr, "probe: %s\n", what);
    return 1;
}

int main(int argc, char **argv) {
    const char *interface = NULL;
    int all = 0;
    for (int option; (option = getopt(argc, argv, "ai:")) != -1;) {
        if (option == 'a')
            all = 1;
        else if (option == 'i')
            interface = optarg;
        else
            return 2;
    }
    if (optind + !interface != argc) {
        fprintf(stderr, "usage: probe [-a] FILE | probe [-a] -i INTERFACE\n");
        return 2;
    }

    char error[PCAP_ERRBUF_SIZE] = "";
    capture = interface ? pcap_open_live(interface, 65535, 1, 100, error) : pcap_open_offline(argv[optind], error);
    if (!capture)
        return complain(error);

    probe p = {.link_type = pcap_datalink(capture)};
    wiremark_classifier *classifier = NULL;
    wiremark_tracker_options options = {
        .struct_bytes = sizeof options,
        .ended = all ? print_ended : count_ended,
        .user = &p,
    };
    if (WIREMARK_CHECK_ABI() != WIREMARK_OK
        || wiremark_classifier_new(NULL, &classifier) != WIREMARK_OK
        || wiremark_names_new(classifier, &p.names) != WIREMARK_OK
        || wiremark_tracker_new(classifier, &options, &p.tracker) != WIREMARK_OK)
        return complain(wiremark_last_error());

    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);

    int failed = pcap_loop(capture, -1, look, (u_char *)&p) == PCAP_ERROR;
    if (failed)
        complain(pcap_geterr(capture));

    wiremark_tracker_finish(p.tracker);
    wiremark_statistics s = {.struct_bytes = sizeof s};
    if (wiremark_tracker_statistics(p.tracker, &s) == WIREMARK_OK)
        fprintf(stderr,
                "frames: %" PRIu64 ", with TCP or UDP: %" PRIu64 ", cut: %" PRIu64 ", malformed: %" PRIu64
                ", other: %" PRIu64 "\nflows: %" PRIu64 ", of known apps: %" PRIu64 ", timed out: %" PRIu64
                ", evicted: %" PRIu64 "\n",
                s.frames, s.packets, s.truncated, s.malformed, s.unsupported, s.flows, p.known, s.timed_out, s.evicted);

    wiremark_tracker_free(p.tracker);
    wiremark_names_free(p.names);
    wiremark_classifier_free(classifier);
    pcap_close(capture);
    return failed;
}
