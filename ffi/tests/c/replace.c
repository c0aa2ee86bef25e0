/* Signatures replaced over and over while four threads classify: every verdict is that of a set which was in force
 * between the call's begin and its end, and of that set alone. Broken signatures are refused and change nothing.
 *
 * replace [COUNT]: so many replacements, by default 200, at most 60,000. */
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wiremark.h>

enum { THREADS = 4 };

static wiremark_classifier *shared;
/* Replacements begun and ended. Set number n, from 0, is in force from the n-th replacement on. */
static atomic_uint begun, ended;
static atomic_int done;
static atomic_ulong calls;

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, wiremark_last_error());
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Set number n: app and signature n + 1, role n % 3 + 1, all for the same bytes. NULL where it is refused. */
static wiremark_classifier *set(unsigned n, const char *prefix) {
    char text[1024];
    int length = snprintf(text, sizeof text,
        "[app]\nid = %u\nname = \"app-%u\"\nroles = [\"one\", \"two\", \"three\"]\n"
        "[[signature]]\nid = %u\nname = \"hello\"\nrole = \"%s\"\nwhy = \"a greeting\"\nsource = \"made up\"\n"
        "transport = \"udp\"\nprefix = '%s'\nhit = ['\"hello\"']\nmiss = ['\"hallo\"']\n",
        n + 1, n + 1, n + 1, (const char *[]){"one", "two", "three"}[n % 3], prefix);
    wiremark_source source = {.file = "set.toml", .text = text, .text_bytes = (size_t)length};
    wiremark_classifier *fresh = NULL;
    wiremark_status status = wiremark_classifier_from_memory(&source, 1, NULL, &fresh);
    if (status != WIREMARK_OK && (status != WIREMARK_REFUSED || fresh))
        fail("from memory");
    return fresh;
}

/* A verdict of one set only, which was in force at some time from replacement `first` to `last`. */
static void explain(const wiremark_verdict *verdict, unsigned first, unsigned last) {
    unsigned n = verdict->app - 1u;
    if (verdict->app == 0 || n < first || n > last || verdict->signature != n + 1 || verdict->role != n % 3 + 1 ||
        verdict->confidence != WIREMARK_CONFIDENCE_PAYLOAD) {
        fprintf(stderr, "app %u, role %u, signature %u, confidence %u between replacements %u and %u\n", verdict->app,
                verdict->role, verdict->signature, verdict->confidence, first, last);
        exit(1);
    }
}

static const uint8_t hello[] = "hello";

static wiremark_verdict ask(wiremark_context *context, wiremark_flow *flow, uint32_t number) {
    wiremark_packet packet = {.struct_bytes = sizeof packet, .payload = hello, .payload_bytes = 5, .src = {10, 0, 0, 1},
                              .dst = {192, 0, 2, 1}, .src_port = (uint16_t)number, .dst_port = 9999, .ip_version = 4,
                              .transport = WIREMARK_UDP};
    wiremark_verdict verdict;
    if (wiremark_classify(shared, context, flow, &packet, &verdict) != WIREMARK_OK)
        fail("classify");
    return verdict;
}

/* IPv4 and UDP with the greeting, of a flow of its own. */
static wiremark_verdict show(wiremark_tracker *tracker, uint32_t number) {
    uint8_t bytes[33] = {0x45, 0, 0, 33, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 0, 192, 0, 2, 1, 0, 0, 0x27, 0x0f, 0, 13, 0, 0};
    memcpy(bytes + 28, hello, 5);
    bytes[13] = (uint8_t)(number >> 24);
    bytes[14] = (uint8_t)(number >> 16);
    bytes[15] = (uint8_t)(number >> 8);
    bytes[21] = (uint8_t)number;
    wiremark_frame frame = {.struct_bytes = sizeof frame, .link_type = WIREMARK_LINK_IP, .time_us = number,
                            .bytes = bytes, .captured_bytes = sizeof bytes};
    wiremark_seen seen = {.struct_bytes = sizeof seen};
    if (wiremark_tracker_frame(tracker, &frame, &seen) != WIREMARK_OK)
        fail("frame");
    return seen.verdict;
}

/* Longest call in nanoseconds. */
static void *work(void *argument) {
    int with_tracker = *(int *)argument % 2;
    wiremark_context *context = NULL;
    wiremark_tracker *tracker = NULL;
    wiremark_tracker_options options = {.struct_bytes = sizeof options, .capacity = 1024};
    if (wiremark_context_new(NULL, &context) != WIREMARK_OK || wiremark_tracker_new(shared, &options, &tracker) != WIREMARK_OK)
        fail("new");
    /* A flow that was decided by the first set keeps its verdict. */
    wiremark_flow old = {0};
    wiremark_verdict before = ask(context, &old, 1);
    uint64_t longest = 0;
    for (uint32_t number = 2; !atomic_load(&done); number++) {
        wiremark_flow flow = {0};
        uint64_t start = now_ns();
        unsigned first = atomic_load(&ended);
        wiremark_verdict verdict = with_tracker ? show(tracker, number) : ask(context, &flow, number);
        unsigned last = atomic_load(&begun);
        uint64_t took = now_ns() - start;
        longest = took > longest ? took : longest;
        explain(&verdict, first, last);
        atomic_fetch_add(&calls, 1);
    }
    wiremark_verdict after = ask(context, &old, 1);
    if (before.app != after.app || before.signature != after.signature)
        fail("a decided flow lost its verdict");
    wiremark_tracker_free(tracker);
    wiremark_context_free(context);
    uint64_t *out = malloc(sizeof *out);
    *out = longest;
    return out;
}

int main(int argc, char **argv) {
    unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 200;
    if (count == 0 || count > 60000)
        return 2;
    shared = set(0, "\"hello\"");
    wiremark_context *context = NULL;
    if (!shared || wiremark_context_new(NULL, &context) != WIREMARK_OK)
        fail("new");
    pthread_t threads[THREADS];
    int numbers[THREADS] = {0, 1, 2, 3};
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, &numbers[i]);

    uint64_t longest_replace = 0, began = now_ns();
    unsigned refused = 0;
    for (unsigned n = 1; n <= count; n++) {
        if (n % 4 == 0) {
            /* Neither bytes nor text; and what is in force stays so. */
            if (set(n, "hello"))
                fail("a broken set was taken");
            refused++;
            wiremark_flow flow = {0};
            wiremark_verdict verdict = ask(context, &flow, 0);
            explain(&verdict, n - 1, n - 1);
        }
        wiremark_classifier *fresh = set(n, "\"hello\"");
        if (!fresh)
            fail("a good set was refused");
        unsigned long before = atomic_load(&calls);
        uint64_t start = now_ns();
        atomic_store(&begun, n);
        if (wiremark_classifier_replace(shared, fresh) != WIREMARK_OK)
            fail("replace");
        atomic_store(&ended, n);
        uint64_t took = now_ns() - start;
        longest_replace = took > longest_replace ? took : longest_replace;
        wiremark_classifier_free(fresh);
        /* Somebody gets on before the next. */
        while (atomic_load(&calls) == before)
            sched_yield();
    }
    double seconds = (double)(now_ns() - began) / 1e9;
    atomic_store(&done, 1);
    uint64_t longest = 0;
    for (int i = 0; i < THREADS; i++) {
        void *own;
        pthread_join(threads[i], &own);
        longest = *(uint64_t *)own > longest ? *(uint64_t *)own : longest;
        free(own);
    }
    printf("%u replacements, %u broken sets refused, %lu verdicts in %.1f s; longest call %.1f ms, longest replacement %.1f ms\n",
           count, refused, atomic_load(&calls), seconds, (double)longest / 1e6, (double)longest_replace / 1e6);
    wiremark_context_free(context);
    wiremark_classifier_free(shared);
    return 0;
}
