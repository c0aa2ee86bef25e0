/* Any bytes as a list of calls into the library, for a fuzzer or, compiled with -DLOOP, for a loop of mutations.
 *
 * Each call is `which (1) · length (2, big-endian) · bytes`. Buffers are as long as the library is told, to the byte, so
 * that the address sanitizer sees whoever reads beyond one. Handles and pointers are always good: what is made of wrong
 * ones is for walk.c. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wiremark.h>

enum { FLOWS = 8, CALLS_MAX = 256 };

static wiremark_classifier *shipped, *shared;
static wiremark_names *names;

static void check(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "not so: %s\n", what);
        abort();
    }
}

static void must(wiremark_status status) {
    check(status == WIREMARK_OK, wiremark_last_error());
}

/* A status of the list, and a sentence for each that is not OK. */
static int good(wiremark_status status) {
    check(*wiremark_status_name(status) != 0, "a status with a name");
    check(status != WIREMARK_INTERNAL, wiremark_last_error());
    check(status == WIREMARK_OK || *wiremark_last_error() != 0, "a sentence for an error");
    return status == WIREMARK_OK;
}

/* Bytes that are left, and what is taken of them. */
typedef struct input { const uint8_t *bytes; size_t length; } input;

static void take(input *from, void *to, size_t length) {
    size_t there = length < from->length ? length : from->length;
    memset(to, 0, length);
    if (there)
        memcpy(to, from->bytes, there);
    from->bytes += there;
    from->length -= there;
}

/* What a struct says of its size is between the caller and the library: no longer than it is. */
static uint32_t size_said(uint32_t given, size_t whole) {
    return given % 8 == 0 ? (uint32_t)whole : given % (uint32_t)(whole + 1);
}

/* The rest, in a buffer of its length. */
static uint8_t *own(const input *from) {
    uint8_t *copy = malloc(from->length ? from->length : 1);
    if (from->length)
        memcpy(copy, from->bytes, from->length);
    return copy;
}

static void said(const wiremark_verdict *verdict) {
    check((verdict->app != 0) == (verdict->signature != 0), "an app by a signature");
    check(*wiremark_carrier_name(verdict->carrier) != 0, "a carrier with a name");
    check(*wiremark_confidence_name(verdict->confidence) != 0, "a confidence with a name");
}

static void count(void *user, const wiremark_flow_record *flow) {
    check(flow->packets[0] + flow->packets[1] > 0, "a flow has packets");
    said(&flow->verdict);
    ++*(size_t *)user;
}

typedef struct state {
    wiremark_context *context;
    wiremark_tracker *tracker;
    wiremark_flow flows[FLOWS];
    /* Somebody wrote into it: what it says means nothing. */
    int spoilt[FLOWS];
    size_t ended;
} state;

static void classify(state *s, const wiremark_packet *packet, uint8_t flow) {
    wiremark_verdict verdict;
    char *id = malloc(WIREMARK_COMMUNITY_ID_BYTES);
    wiremark_flow *its = &s->flows[flow % FLOWS], before = *its;
    /* An older struct may end before its flags. */
    int is_whole = packet->struct_bytes == sizeof *packet && !s->spoilt[flow % FLOWS];
    int refused = is_whole && !wiremark_wants(its, packet->tcp_flags, packet->payload_bytes);
    /* A length without bytes is refused by the library itself. */
    if (is_whole && packet->fragment == WIREMARK_FRAGMENT_WHOLE && (packet->payload || packet->payload_bytes == 0))
        refused |= !wiremark_wants_now(s->context, its, packet->transport, packet->tcp_flags, packet->payload, packet->payload_bytes);
    if (good(wiremark_classify(shared, s->context, its, packet, &verdict))) {
        check(!refused || memcmp(its, &before, sizeof before) == 0, "what is not wanted changes nothing");
        check(!refused || !(verdict.flags & WIREMARK_VERDICT_CHANGED), "what is not wanted tells nothing");
        must(wiremark_flow_verdict(its, &verdict));
        if (!s->spoilt[flow % FLOWS])
            said(&verdict);
        must(wiremark_community_id(packet, id));
        check(strlen(id) == WIREMARK_COMMUNITY_ID_BYTES - 1, "an id of its length");
    }
    uint64_t key[2] = {flow, 1};
    (void)wiremark_packet_hash(packet, key);
    (void)wiremark_packet_hash(packet, NULL);
    free(id);
}

static void parsed(state *s, input in) {
    uint8_t head[4];
    take(&in, head, sizeof head);
    uint8_t *bytes = own(&in);
    wiremark_packet packet = {.struct_bytes = sizeof packet};
    if (good(wiremark_packet_parse((int32_t)(head[0] << 8 | head[1]), head[2], bytes, in.length, &packet))) {
        check(packet.payload_bytes <= in.length, "a payload within the frame");
        classify(s, &packet, head[3]);
    }
    free(bytes);
}

/* Fields of a packet as they come; only the pointer is right. */
static void made(state *s, input in) {
    uint8_t flow;
    wiremark_packet packet;
    take(&in, &flow, sizeof flow);
    take(&in, &packet, sizeof packet);
    packet.struct_bytes = size_said(packet.struct_bytes, sizeof packet);
    if (flow & 64) {
        packet.ip_version = packet.ip_version % 2 ? 6 : 4;
        packet.transport = packet.transport % 2 ? WIREMARK_TCP : WIREMARK_UDP;
        packet.fragment %= 3;
        packet.reserved = 0;
    }
    uint8_t *payload = own(&in);
    packet.payload = payload;
    packet.payload_bytes = in.length;
    classify(s, &packet, flow);
    free(payload);
}

static void frame(state *s, input in) {
    uint8_t head[4];
    take(&in, head, sizeof head);
    uint8_t *bytes = own(&in);
    wiremark_frame one = {.struct_bytes = sizeof one, .link_type = head[0] << 8 | head[1], .time_us = (uint64_t)head[2] << (head[3] % 57),
                          .bytes = bytes, .captured_bytes = in.length};
    wiremark_seen seen = {.struct_bytes = sizeof seen};
    if (good(wiremark_tracker_frame(s->tracker, &one, head[3] & 128 ? NULL : &seen)) && !(head[3] & 128))
        said(&seen.verdict);
    free(bytes);
}

/* Signatures, which may come in force. */
static void load(input in) {
    uint8_t *text = own(&in);
    wiremark_source source = {.file = "fuzz.toml", .text = (const char *)text, .text_bytes = in.length};
    wiremark_classifier *fresh = NULL;
    if (good(wiremark_classifier_from_memory(&source, 1, NULL, &fresh))) {
        must(wiremark_classifier_replace(shared, fresh));
        must(wiremark_classifier_free(fresh));
    } else {
        check(fresh == NULL, "left alone on failure");
    }
    free(text);
}

/* A set of one row: options are taken alike with the shipped set, which takes thousands of times as long to load. */
static const char one_row[] =
    "[app]\nid = 1\nname = \"one\"\nroles = [\"only\"]\n"
    "[[signature]]\nid = 1\nname = \"hello\"\nrole = \"only\"\nwhy = \"a greeting\"\nsource = \"made up\"\n"
    "transport = \"udp\"\nprefix = '\"hello\"'\nhit = ['\"hello\"']\nmiss = ['\"hallo\"']\n";

static void options(input in) {
    wiremark_options o;
    wiremark_context_options c;
    wiremark_tracker_options t;
    /* What is not said is 0, which stands for the sizes a context has by itself: those take long, so they want to be said. */
    uint32_t least = in.length < sizeof o + sizeof c + sizeof t;
    take(&in, &o, sizeof o);
    take(&in, &c, sizeof c);
    o.struct_bytes = size_said(o.struct_bytes, sizeof o);
    c.struct_bytes = size_said(c.struct_bytes, sizeof c);
    /* Little enough to take and give back many times a second. */
    c.parked_slots = least + c.parked_slots % 64;
    c.slot_bytes = least + c.slot_bytes % 1024;
    c.remembered = least + c.remembered % 256;
    take(&in, &t, sizeof t);
    t.struct_bytes = size_said(t.struct_bytes, sizeof t);
    t.capacity = least + t.capacity % 256;
    t.fragmented_packets = least + t.fragmented_packets % 64;
    t.context = &c;
    t.ended = NULL;
    wiremark_source source = {.file = "one.toml", .text = one_row, .text_bytes = sizeof one_row - 1};
    wiremark_classifier *fresh = NULL;
    if (good(wiremark_classifier_from_memory(&source, 1, &o, &fresh)))
        must(wiremark_classifier_free(fresh));
    wiremark_context *context = NULL;
    if (good(wiremark_context_new(&c, &context)))
        must(wiremark_context_free(context));
    wiremark_tracker *tracker = NULL;
    if (good(wiremark_tracker_new(shared, &t, &tracker)))
        must(wiremark_tracker_free(tracker));
}

static void words(input in) {
    uint16_t number[2];
    take(&in, number, sizeof number);
    check(wiremark_app_name(names, number[0]) && wiremark_role_name(names, number[0], (uint8_t)number[1]) &&
              wiremark_signature_name(names, number[1]) && wiremark_status_name(number[0]), "names are texts");
    wiremark_app app = {.struct_bytes = size_said(number[1], sizeof app)};
    wiremark_signature signature = {.struct_bytes = size_said(number[1], sizeof signature)};
    (void)good(wiremark_names_app(names, number[0], &app));
    (void)good(wiremark_names_signature(names, number[0], &signature));
    (void)good(wiremark_check_abi(number[0], number[1], sizeof(wiremark_verdict)));
}

/* `finished`: the tracker was, so no fragment waits for others. */
static void look(state *s, int finished) {
    size_t flows = 0;
    wiremark_statistics seen = {.struct_bytes = sizeof seen};
    must(wiremark_tracker_flows(s->tracker, count, &flows));
    must(wiremark_tracker_statistics(s->tracker, &seen));
    check(seen.flows == s->ended + flows, "every flow is in the table or has ended");
    uint64_t counted = seen.packets + seen.truncated + seen.malformed + seen.unsupported + seen.fragments_lost;
    check(counted <= seen.frames && seen.frames - counted <= seen.fragments, "no frame is counted twice");
    check(!finished || counted == seen.frames, "every frame is counted once");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (!shipped) {
        must(WIREMARK_CHECK_ABI());
        must(wiremark_classifier_new(NULL, &shipped));
        must(wiremark_classifier_new(NULL, &shared));
        must(wiremark_names_new(shipped, &names));
    }
    must(wiremark_classifier_replace(shared, shipped));
    wiremark_context_options small = {.struct_bytes = sizeof small, .parked_slots = 3, .slot_bytes = 600, .remembered = 8};
    state s = {0};
    wiremark_tracker_options table = {.struct_bytes = sizeof table, .capacity = 16, .fragmented_packets = 3, .context = &small,
                                      .ended = count, .user = &s.ended};
    must(wiremark_context_new(&small, &s.context));
    must(wiremark_tracker_new(shared, &table, &s.tracker));

    input in = {bytes, length};
    for (int calls = 0; in.length > 0 && calls < CALLS_MAX; calls++) {
        uint8_t head[3];
        take(&in, head, sizeof head);
        size_t wanted = (size_t)head[1] << 8 | head[2];
        input part = {in.bytes, wanted < in.length ? wanted : in.length};
        in.bytes += part.length;
        in.length -= part.length;
        switch (head[0] % 16) {
        case 8: load(part); break;
        case 9: options(part); break;
        case 10: words(part); break;
        case 11: look(&s, 0); break;
        case 12: must(wiremark_tracker_finish(s.tracker)); break;
        case 13:
            take(&part, &s.flows[head[0] >> 5], sizeof s.flows[0]);
            s.spoilt[head[0] >> 5] = 1;
            break;
        default: (head[0] % 3 == 0 ? frame : head[0] % 3 == 1 ? parsed : made)(&s, part);
        }
    }
    look(&s, 0);
    must(wiremark_tracker_finish(s.tracker));
    look(&s, 1);
    must(wiremark_tracker_free(s.tracker));
    must(wiremark_context_free(s.context));
    return 0;
}

#ifdef LOOP
/* fuzz COUNT CAPTURE [SEED]: calls made of the frames of a capture (pcap, little-endian), mutated, so many times. */
static uint64_t word_state;

static uint64_t word(void) {
    word_state += 0x9e3779b97f4a7c15u;
    uint64_t z = word_state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint32_t u32(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    unsigned long times = strtoul(argv[1], NULL, 10);
    word_state = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    static uint8_t file[1 << 22], calls[1 << 15];
    FILE *capture = fopen(argv[2], "rb");
    size_t length = capture ? fread(file, 1, sizeof file, capture) : 0;
    if (length < 40)
        return 2;
    fclose(capture);
    size_t frame = 24;
    for (unsigned long n = 0; n < times; n++) {
        /* Some frames in their order, each as one of the calls that take packets, now and then another call. */
        size_t end = 0;
        for (size_t left = 1 + word() % 6; left > 0; left--) {
            size_t captured = u32(file + frame + 8);
            if (end + captured + 8 > sizeof calls)
                break;
            calls[end++] = word() % 8 == 0 ? (uint8_t)word() : (uint8_t)(word() % 8);
            calls[end++] = (uint8_t)((captured + 4) >> 8);
            calls[end++] = (uint8_t)(captured + 4);
            memcpy(calls + end, (uint8_t[]){0, 1, 1, (uint8_t)(word() % 8)}, 4);
            memcpy(calls + end + 4, file + frame + 16, captured);
            end += captured + 4;
            frame += 16 + captured;
            if (frame + 16 > length || frame + 16 + u32(file + frame + 8) > length)
                frame = 24;
        }
        for (size_t changes = word() % 8; changes > 0; changes--) {
            size_t at = word() % end;
            switch (word() % 4) {
            case 0: calls[at] ^= (uint8_t)(1u << word() % 8); break;
            case 1: calls[at] = (uint8_t[]){0, 1, 127, 128, 254, 255}[word() % 6]; break;
            case 2: calls[at] = (uint8_t)word(); break;
            default: end = word() % 8 == 0 ? at + 1 : end; break;
            }
        }
        LLVMFuzzerTestOneInput(calls, end);
    }
    must(wiremark_names_free(names));
    must(wiremark_classifier_free(shared));
    must(wiremark_classifier_free(shipped));
    printf("%lu lists of calls\n", times);
    return 0;
}
#endif
