/* swap FILE [COUNT]: four threads classify a capture over and over while signatures are swapped under them, by default
 * 1,000 times. */
#define _DEFAULT_SOURCE
#include <pcap/pcap.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wiremark.h>

enum { THREADS = 4, PLACES = 1 << 12, READY = 20 };

typedef struct frame { uint64_t time_us; uint8_t *bytes; size_t length; } frame;
typedef struct flow { uint64_t hash; wiremark_flow state; } flow;

static frame *frames;
static size_t frame_count;
static int link_type;
static wiremark_classifier *shared;
static atomic_int done;
static atomic_ulong passes, packets, wanted;

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, wiremark_last_error());
    exit(1);
}

static void load(const char *path) {
    char error[PCAP_ERRBUF_SIZE] = "";
    pcap_t *capture = pcap_open_offline(path, error);
    if (!capture) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    link_type = pcap_datalink(capture);
    struct pcap_pkthdr *header;
    for (const u_char *bytes; pcap_next_ex(capture, &header, &bytes) == 1; frame_count++) {
        frames = realloc(frames, (frame_count + 1) * sizeof *frames);
        frame *f = &frames[frame_count];
        *f = (frame){(uint64_t)header->ts.tv_sec * 1000000 + (uint64_t)header->ts.tv_usec, malloc(header->caplen + 1), header->caplen};
        memcpy(f->bytes, bytes, header->caplen);
    }
    pcap_close(capture);
}

/* The whole capture once, as new flows. How many flows end with an app. */
static size_t pass(wiremark_context *context, flow *flows) {
    memset(flows, 0, PLACES * sizeof *flows);
    for (size_t i = 0; i < frame_count; i++) {
        wiremark_packet packet = {.struct_bytes = sizeof packet};
        if (wiremark_packet_parse(link_type, frames[i].time_us, frames[i].bytes, frames[i].length, &packet) != WIREMARK_OK)
            continue;
        uint64_t hash = wiremark_packet_hash(&packet, NULL);
        flow *f = &flows[hash % PLACES];
        while (f->hash != 0 && f->hash != hash)
            f = f + 1 == flows + PLACES ? flows : f + 1;
        f->hash = hash;
        wiremark_verdict verdict;
        if (wiremark_classify(shared, context, &f->state, &packet, &verdict) != WIREMARK_OK)
            fail("classify");
        /* Enough since the last swap: whoever swaps comes before those who go on. */
        if (atomic_fetch_add(&packets, 1) >= atomic_load(&wanted))
            sched_yield();
    }
    size_t known = 0;
    for (size_t i = 0; i < PLACES; i++) {
        wiremark_verdict verdict;
        if (wiremark_flow_verdict(&flows[i].state, &verdict) != WIREMARK_OK)
            fail("verdict");
        known += verdict.app != 0;
    }
    return known;
}

static void count(void *user, const wiremark_flow_record *flow) {
    *(size_t *)user += flow->verdict.app != 0;
}

static wiremark_tracker *new_tracker(const wiremark_classifier *classifier, size_t *known) {
    wiremark_tracker *tracker = NULL;
    wiremark_tracker_options options = {.struct_bytes = sizeof options, .capacity = PLACES, .ended = count, .user = known};
    if (wiremark_tracker_new(classifier, &options, &tracker) != WIREMARK_OK)
        fail("tracker");
    return tracker;
}

/* The whole capture once through a tracker. */
static void track(wiremark_tracker *tracker) {
    for (size_t i = 0; i < frame_count; i++) {
        wiremark_frame f = {.struct_bytes = sizeof f, .link_type = link_type, .time_us = frames[i].time_us,
                            .bytes = frames[i].bytes, .captured_bytes = frames[i].length};
        wiremark_tracker_frame(tracker, &f, NULL);
    }
    if (wiremark_tracker_finish(tracker) != WIREMARK_OK)
        fail("finish");
}

/* A tracker takes up what is put in force in the classifier it was made with. */
static int follows(void) {
    size_t known = 0;
    wiremark_options address = {.struct_bytes = sizeof address, .evidence = WIREMARK_EVIDENCE_ADDRESS};
    wiremark_classifier *blind = NULL;
    if (wiremark_classifier_new(&address, &blind) != WIREMARK_OK)
        fail("new");
    wiremark_tracker *tracker = new_tracker(blind, &known);
    track(tracker);
    size_t before = known;
    known = 0;
    if (wiremark_classifier_replace(blind, shared) != WIREMARK_OK || wiremark_classifier_free(blind) != WIREMARK_OK)
        fail("replace");
    track(tracker);
    wiremark_tracker_free(tracker);
    return before < known;
}

/* With contexts as new, so that every pass finds the same. */
static size_t fresh_pass(void) {
    wiremark_context *context = NULL;
    flow *flows = calloc(PLACES, sizeof *flows);
    if (wiremark_context_new(NULL, &context) != WIREMARK_OK)
        fail("context");
    size_t known = pass(context, flows);
    wiremark_context_free(context);
    free(flows);
    return known;
}

static void *work(void *unused) {
    (void)unused;
    wiremark_context *context = NULL;
    flow *flows = calloc(PLACES, sizeof *flows);
    if (wiremark_context_new(NULL, &context) != WIREMARK_OK)
        fail("context");
    size_t known = 0;
    wiremark_tracker *tracker = new_tracker(shared, &known);
    do {
        pass(context, flows);
        track(tracker);
        atomic_fetch_add(&passes, 1);
    } while (!atomic_load(&done));
    /* Errors are the thread's own. */
    if (wiremark_classify(shared, context, NULL, NULL, NULL) != WIREMARK_NULL || *wiremark_last_error() == 0)
        fail("error");
    wiremark_tracker_free(tracker);
    wiremark_context_free(context);
    free(flows);
    return NULL;
}

int main(int argc, char **argv) {
    long swaps = argc > 2 ? strtol(argv[2], NULL, 10) : 1000;
    if (argc < 2 || swaps <= 0)
        return 2;
    load(argv[1]);
    if (wiremark_classifier_new(NULL, &shared) != WIREMARK_OK)
        fail("new");
    size_t before = fresh_pass();

    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    /* In turn all evidence, and names only: other signatures in effect. Every so often one is made anew and the old one
     * freed, while threads may still be at work with it. */
    wiremark_classifier *ready[READY] = {NULL};
    for (long swap = 0; swap < swaps; swap++) {
        int i = (int)(swap % READY);
        if (!ready[i] || swap % 25 == 0) {
            wiremark_options options = {.struct_bytes = sizeof options, .evidence = i % 2 ? 0 : WIREMARK_EVIDENCE_NAME};
            if (wiremark_classifier_free(ready[i]) != WIREMARK_OK || wiremark_classifier_new(&options, &ready[i]) != WIREMARK_OK)
                fail("new");
        }
        /* One that sleeps is waited for less long than one that yields. */
        const struct timespec moment = {.tv_nsec = 50000};
        if (wiremark_classifier_replace(shared, ready[i]) != WIREMARK_OK)
            fail("replace");
        /* Each meets as many packets as the capture has, wherever in it the threads are. */
        atomic_store(&wanted, atomic_load(&packets) + frame_count);
        while (atomic_load(&packets) < atomic_load(&wanted))
            nanosleep(&moment, NULL);
    }
    for (int i = 0; i < READY; i++)
        wiremark_classifier_free(ready[i]);
    atomic_store(&done, 1);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);

    size_t after = fresh_pass();
    int tracker_follows = follows();
    printf("%lu passes, %zu flows of known apps before and %zu after\n", atomic_load(&passes), before, after);
    wiremark_classifier_free(shared);
    for (size_t i = 0; i < frame_count; i++)
        free(frames[i].bytes);
    free(frames);
    return before == 0 || before != after || !tracker_follows;
}
