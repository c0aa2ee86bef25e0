// Which apps are in a capture: wiremark with a flow table of your own. cc classify.c -lwiremark -lpcap
#define _DEFAULT_SOURCE // pcap.h asks for it
#include <pcap/pcap.h>
#include <stdio.h>
#include <wiremark.h>

static struct flow { uint64_t hash; wiremark_flow state; char id[WIREMARK_COMMUNITY_ID_BYTES]; } flows[1 << 16];

static struct flow *find(const wiremark_packet *packet) { // your table goes here; this one never forgets
    uint64_t hash = wiremark_packet_hash(packet, NULL), at = hash;
    for (int tries = 0; tries < 64; tries++, at++) {
        struct flow *flow = &flows[at & 0xffff];
        if (flow->hash == hash) return flow;
        if (flow->hash == 0) return flow->hash = hash, wiremark_community_id(packet, flow->id), flow;
    }
    return NULL;
}

int main(int argc, char **argv) {
    char error[PCAP_ERRBUF_SIZE] = "usage: classify CAPTURE";
    pcap_t *capture = argc == 2 ? pcap_open_offline(argv[1], error) : NULL;
    wiremark_classifier *classifier = NULL; // one for all threads
    wiremark_context *context = NULL;       // one for each thread
    wiremark_names *names = NULL;           // words for the numbers in a verdict
    if (!capture) return fprintf(stderr, "%s\n", error), 1;
    if (WIREMARK_CHECK_ABI() || wiremark_classifier_new(NULL, &classifier)
        || wiremark_context_new(NULL, &context) || wiremark_names_new(classifier, &names))
        return fprintf(stderr, "%s\n", wiremark_last_error()), 1;
    struct pcap_pkthdr *header;
    for (const u_char *bytes; pcap_next_ex(capture, &header, &bytes) == 1;) {
        uint64_t time_us = (uint64_t)header->ts.tv_sec * 1000000 + (uint64_t)header->ts.tv_usec;
        wiremark_packet packet = {.struct_bytes = sizeof packet};
        if (wiremark_packet_parse(pcap_datalink(capture), time_us, bytes, header->caplen, &packet)) continue;
        struct flow *flow = find(&packet);
        wiremark_verdict verdict;
        if (flow && !wiremark_classify(classifier, context, &flow->state, &packet, &verdict)
            && verdict.flags & WIREMARK_VERDICT_CHANGED && verdict.app) // it is new: act on it now
            printf("%s %s %s\n", flow->id, wiremark_app_name(names, verdict.app),
                   wiremark_role_name(names, verdict.app, verdict.role));
    }
    wiremark_names_free(names), wiremark_context_free(context), wiremark_classifier_free(classifier);
    return pcap_close(capture), 0;
}
