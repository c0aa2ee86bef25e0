/* Every export with NULL, misaligned pointers, wrong sizes, freed and foreign handles: a status, never a crash. */
#include <stdio.h>
#include <string.h>
#include <wiremark.h>

static int failures;

#define WANT(wanted, call)                                                                                   \
    do {                                                                                                     \
        wiremark_status got = (call);                                                                        \
        if (got != (wanted)) {                                                                               \
            failures++;                                                                                      \
            fprintf(stderr, "line %d: %s: %s instead of %s (%s)\n", __LINE__, #call, wiremark_status_name(got), \
                    #wanted, wiremark_last_error());                                                         \
        } else if (got != WIREMARK_OK && *wiremark_last_error() == 0) {                                      \
            failures++;                                                                                      \
            fprintf(stderr, "line %d: %s: no message\n", __LINE__, #call);                                   \
        }                                                                                                    \
    } while (0)

#define TRUE(condition)                                                                \
    do {                                                                               \
        if (!(condition)) {                                                            \
            failures++;                                                                \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);            \
        }                                                                              \
    } while (0)

/* What the last error's sentence must have in it. */
#define SAID(part) TRUE(strstr(wiremark_last_error(), part) != NULL)

/* A pointer that is aligned for bytes only. */
static _Alignas(16) unsigned char room[1024];
#define ASKEW(type) ((type *)(void *)(room + 1))

static const uint8_t question[] = "\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01x\x07" "example\x00\x00\x01\x00\x01";

static wiremark_packet a_packet(void) {
    return (wiremark_packet){
        .struct_bytes = sizeof(wiremark_packet),
        .payload = question,
        .payload_bytes = sizeof question - 1,
        .src = {192, 0, 2, 1},
        .dst = {192, 0, 2, 53},
        .src_port = 40000,
        .dst_port = 53,
        .ip_version = 4,
        .transport = WIREMARK_UDP,
    };
}

static wiremark_tracker *reentered;

static void reenter(void *user, const wiremark_flow_record *flow) {
    wiremark_statistics s = {.struct_bytes = sizeof s};
    ++*(int *)user;
    TRUE(flow->struct_bytes >= sizeof *flow);
    WANT(WIREMARK_BUSY, wiremark_tracker_statistics(reentered, &s));
    WANT(WIREMARK_BUSY, wiremark_tracker_finish(reentered));
    WANT(WIREMARK_BUSY, wiremark_tracker_free(reentered));
}

#ifndef OLD_HEADER
static void count(void *user, const wiremark_flow_record *flow) {
    TRUE(flow->number == 1 && flow->packets[0] == 2 && flow->transport == WIREMARK_UDP && flow->src_port == 40000);
    WANT(WIREMARK_BUSY, wiremark_tracker_finish(reentered));
    ++*(int *)user;
}

/* What later headers have. */
static void later(wiremark_tracker *t) {
    int flows = 0;
    WANT(WIREMARK_NULL, wiremark_tracker_flows(NULL, count, &flows));
    WANT(WIREMARK_NULL, wiremark_tracker_flows(t, NULL, &flows));
    WANT(WIREMARK_OK, wiremark_tracker_flows(t, count, &flows));
    TRUE(flows == 1);
}

/* A flow that was looked at to its end is not wanted until the context learns something, or for STUN. */
static void rests(const wiremark_classifier *c, wiremark_context *x) {
    static const uint8_t stun[] = "\x00\x01\x00\x00\x21\x12\xa4\x42............";
    static const uint8_t answer[] = "\x00\x01\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" /* header: a response, one question, one answer */
                                    "\x03mmg\x08whatsapp\x03net\x00\x00\x01\x00\x01"      /* the name */
                                    "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc6\x33\x64\x07"; /* is at 198.51.100.7 */
    wiremark_flow f = {0};
    wiremark_verdict v = {0};
    wiremark_packet p = a_packet();
    p.payload = (const uint8_t *)"\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe", p.payload_bytes = 8, p.transport = WIREMARK_UDP, p.ip_version = 4;
    memcpy(p.dst, "\xc6\x33\x64\x07", 4), p.dst_port = 9;
    for (int i = 0; i < 40; i++) {
        TRUE(wiremark_wants_now(x, &f, p.transport, 0, p.payload, p.payload_bytes) == (i < 8)); /* nothing fits */
        WANT(WIREMARK_OK, wiremark_classify(c, x, &f, &p, &v));
    }
    TRUE(v.app == 0 && wiremark_wants(&f, 0, 8) && !wiremark_wants_now(x, &f, p.transport, 0, p.payload, p.payload_bytes));
    TRUE(wiremark_wants_now(x, &f, p.transport, 0, stun, sizeof stun - 1));
    wiremark_flow asks = {0};
    wiremark_packet told = p;
    memcpy(told.dst, p.src, sizeof told.dst), memcpy(told.src, "\x0a\x00\x00\x35", 4);
    told.src_port = 53, told.dst_port = p.src_port, told.payload = answer, told.payload_bytes = sizeof answer - 1;
    WANT(WIREMARK_OK, wiremark_classify(c, x, &asks, &told, &v));
    TRUE(v.app != 0);
    TRUE(wiremark_wants_now(x, &f, p.transport, 0, p.payload, p.payload_bytes));
    WANT(WIREMARK_OK, wiremark_classify(c, x, &f, &p, &v));
    TRUE(v.app != 0 && v.confidence == WIREMARK_CONFIDENCE_RELATED);
}

/* The header's own question agrees with the library. */
static void wants(const wiremark_classifier *c, wiremark_context *x) {
    wiremark_flow f = {0};
    wiremark_verdict v = {0};
    wiremark_packet p = a_packet();
    TRUE(wiremark_wants(&f, 0, 0) && wiremark_wants(&f, 0, 1));
    p.payload_bytes = 0, p.transport = WIREMARK_TCP;
    WANT(WIREMARK_OK, wiremark_classify(c, x, &f, &p, &v));
    TRUE(!wiremark_wants(&f, 0x10, 0) && wiremark_wants(&f, 0x12, 0) && wiremark_wants(&f, 0x10, 1));

    wiremark_options o = {.struct_bytes = sizeof o, .evidence = WIREMARK_EVIDENCE_PAYLOAD, .budget_packets = 1};
    wiremark_classifier *own = NULL;
    WANT(WIREMARK_OK, wiremark_classifier_new(&o, &own));
    p = a_packet(), p.dst_port = 9, f = (wiremark_flow){0};
    WANT(WIREMARK_OK, wiremark_classify(own, x, &f, &p, &v));
    TRUE(v.flags & WIREMARK_VERDICT_FINAL && !wiremark_wants(&f, 0, 1));
    WANT(WIREMARK_OK, wiremark_classify(c, x, &f, &p, &v)); /* a context serves one classifier after the other */
    WANT(WIREMARK_OK, wiremark_classifier_free(own));
    rests(c, x);
}
#else
static void later(wiremark_tracker *t) {
    (void)t;
}

static void wants(const wiremark_classifier *c, wiremark_context *x) {
    (void)c, (void)x;
}
#endif

static void versions(void) {
    TRUE(strcmp(wiremark_version(), WIREMARK_VERSION) == 0);
    TRUE(wiremark_abi_version() == WIREMARK_ABI_VERSION);
    WANT(WIREMARK_OK, WIREMARK_CHECK_ABI());
    WANT(WIREMARK_BAD_ABI, wiremark_check_abi(WIREMARK_ABI_VERSION + 1, sizeof(wiremark_flow), sizeof(wiremark_verdict)));
    WANT(WIREMARK_BAD_ABI, wiremark_check_abi(WIREMARK_ABI_VERSION, sizeof(wiremark_flow) - 1, sizeof(wiremark_verdict)));
    TRUE(strcmp(wiremark_status_name(WIREMARK_BAD_ABI), "WIREMARK_BAD_ABI") == 0);
    TRUE(*wiremark_status_name(-1) == 0 && *wiremark_status_name(4711) == 0);
    TRUE(strcmp(wiremark_carrier_name(WIREMARK_CARRIER_RAW), "raw") == 0 && *wiremark_carrier_name(255) == 0);
    TRUE(strcmp(wiremark_confidence_name(WIREMARK_CONFIDENCE_NAME), "name") == 0);
    TRUE(*wiremark_confidence_name(255) == 0);
}

static wiremark_classifier *classifiers(void) {
    wiremark_classifier *c = NULL, *other = NULL;
    WANT(WIREMARK_NULL, wiremark_classifier_new(NULL, NULL));
    WANT(WIREMARK_MISALIGNED, wiremark_classifier_new(NULL, ASKEW(wiremark_classifier *)));
    WANT(WIREMARK_MISALIGNED, wiremark_classifier_new(ASKEW(wiremark_options), &c));
    wiremark_options o = {.struct_bytes = 0};
    WANT(WIREMARK_BAD_SIZE, wiremark_classifier_new(&o, &c));
    o.struct_bytes = sizeof o - 1;
    WANT(WIREMARK_BAD_SIZE, wiremark_classifier_new(&o, &c));
    o.struct_bytes = UINT32_MAX;
    WANT(WIREMARK_BAD_SIZE, wiremark_classifier_new(&o, &c));
    o = (wiremark_options){.struct_bytes = sizeof o, .evidence = 16};
    WANT(WIREMARK_BAD_VALUE, wiremark_classifier_new(&o, &c));
    o = (wiremark_options){.struct_bytes = sizeof o, .budget_packets = 256};
    WANT(WIREMARK_BAD_VALUE, wiremark_classifier_new(&o, &c));
    TRUE(c == NULL);

    /* A newer header's struct: what this library does not know must not be set. */
    struct { wiremark_options known; uint32_t newer[2]; } grown;
    memset(&grown, 0, sizeof grown);
    grown.known.struct_bytes = sizeof grown;
    WANT(WIREMARK_OK, wiremark_classifier_new(&grown.known, &c));
    WANT(WIREMARK_OK, wiremark_classifier_free(c));
    c = NULL;
    grown.newer[1] = 1;
    WANT(WIREMARK_BAD_SIZE, wiremark_classifier_new(&grown.known, &c));

    WANT(WIREMARK_NULL, wiremark_classifier_from_folder(NULL, NULL, &c));
    WANT(WIREMARK_NULL, wiremark_classifier_from_folder(".", NULL, NULL));
    WANT(WIREMARK_BAD_VALUE, wiremark_classifier_from_folder("\xff\xfe", NULL, &c));
    WANT(WIREMARK_UNREADABLE, wiremark_classifier_from_folder("/no/such/folder", NULL, &c));
    TRUE(strstr(wiremark_last_error(), "/no/such/folder") != NULL);

    const char *wrong = "[app]\nid = \"one\"\n";
    wiremark_source source = {.file = "mine.toml", .text = wrong, .text_bytes = strlen(wrong)};
    WANT(WIREMARK_REFUSED, wiremark_classifier_from_memory(&source, 1, NULL, &c));
    TRUE(strstr(wiremark_last_error(), "mine.toml:2") != NULL);
    WANT(WIREMARK_NULL, wiremark_classifier_from_memory(NULL, 1, NULL, &c));
    WANT(WIREMARK_NULL, wiremark_classifier_from_memory(&source, 1, NULL, NULL));
    WANT(WIREMARK_BAD_VALUE, wiremark_classifier_from_memory(NULL, 0, NULL, &c));
    WANT(WIREMARK_BAD_VALUE, wiremark_classifier_from_memory(&source, SIZE_MAX, NULL, &c));
    WANT(WIREMARK_MISALIGNED, wiremark_classifier_from_memory(ASKEW(wiremark_source), 1, NULL, &c));
    source.file = NULL;
    WANT(WIREMARK_NULL, wiremark_classifier_from_memory(&source, 1, NULL, &c));
    source = (wiremark_source){.file = "mine.toml", .text = NULL, .text_bytes = 3};
    WANT(WIREMARK_NULL, wiremark_classifier_from_memory(&source, 1, NULL, &c));
    SAID("text is NULL");
    source = (wiremark_source){.file = "mine.toml", .text = "\xff", .text_bytes = 1};
    WANT(WIREMARK_BAD_VALUE, wiremark_classifier_from_memory(&source, 1, NULL, &c));
    source.text_bytes = SIZE_MAX;
    WANT(WIREMARK_BAD_VALUE, wiremark_classifier_from_memory(&source, 1, NULL, &c));
    TRUE(c == NULL);

    WANT(WIREMARK_OK, wiremark_classifier_new(NULL, &c));
    WANT(WIREMARK_OK, wiremark_classifier_new(NULL, &other));
    WANT(WIREMARK_NULL, wiremark_classifier_replace(NULL, c));
    WANT(WIREMARK_NULL, wiremark_classifier_replace(c, NULL));
    WANT(WIREMARK_MISALIGNED, wiremark_classifier_replace(c, ASKEW(wiremark_classifier)));
    WANT(WIREMARK_BAD_HANDLE, wiremark_classifier_replace(c, (wiremark_classifier *)(void *)room));
    WANT(WIREMARK_OK, wiremark_classifier_replace(c, c));
    WANT(WIREMARK_OK, wiremark_classifier_replace(c, other));
    WANT(WIREMARK_OK, wiremark_classifier_free(other));
    WANT(WIREMARK_BAD_HANDLE, wiremark_classifier_free(other));
    WANT(WIREMARK_BAD_HANDLE, wiremark_classifier_replace(c, other));
    WANT(WIREMARK_OK, wiremark_classifier_free(NULL));
    WANT(WIREMARK_MISALIGNED, wiremark_classifier_free(ASKEW(wiremark_classifier)));
    return c;
}

static void names(const wiremark_classifier *c) {
    wiremark_names *n = NULL;
    wiremark_app app = {.struct_bytes = sizeof app};
    wiremark_signature row = {.struct_bytes = sizeof row};
    WANT(WIREMARK_NULL, wiremark_names_new(NULL, &n));
    WANT(WIREMARK_NULL, wiremark_names_new(c, NULL));
    WANT(WIREMARK_OK, wiremark_names_new(c, &n));
    TRUE(wiremark_names_app_count(NULL) == 0 && wiremark_names_signature_count(NULL) == 0);
    TRUE(*wiremark_app_name(NULL, 1) == 0 && *wiremark_role_name(NULL, 1, 1) == 0);
    TRUE(*wiremark_signature_name(NULL, 1) == 0);
    TRUE(*wiremark_app_name(n, 0) == 0 && *wiremark_app_name(n, 65535) == 0);
    TRUE(*wiremark_role_name(n, 1, 0) == 0 && *wiremark_role_name(n, 1, 255) == 0);
    TRUE(*wiremark_signature_name(n, 0) == 0);
    TRUE(wiremark_names_app_count(n) > 0 && wiremark_names_signature_count(n) > wiremark_names_app_count(n));
    WANT(WIREMARK_NOT_FOUND, wiremark_names_app(n, wiremark_names_app_count(n), &app));
    WANT(WIREMARK_NOT_FOUND, wiremark_names_signature(n, SIZE_MAX, &row));
    WANT(WIREMARK_NULL, wiremark_names_app(NULL, 0, &app));
    WANT(WIREMARK_NULL, wiremark_names_app(n, 0, NULL));
    WANT(WIREMARK_NULL, wiremark_names_signature(NULL, 0, &row));
    WANT(WIREMARK_NULL, wiremark_names_signature(n, 0, NULL));
    app.struct_bytes = 1;
    WANT(WIREMARK_BAD_SIZE, wiremark_names_app(n, 0, &app));
    row.struct_bytes = 1;
    WANT(WIREMARK_BAD_SIZE, wiremark_names_signature(n, 0, &row));
    app.struct_bytes = sizeof app;
    row.struct_bytes = sizeof row;
    for (size_t i = 0; i < wiremark_names_app_count(n); i++) {
        WANT(WIREMARK_OK, wiremark_names_app(n, i, &app));
        TRUE(app.struct_bytes == sizeof app && strcmp(app.name, wiremark_app_name(n, app.id)) == 0);
        for (int role = 1; role <= app.role_count; role++)
            TRUE(*wiremark_role_name(n, app.id, (uint8_t)role) != 0);
        TRUE(*wiremark_role_name(n, app.id, (uint8_t)(app.role_count + 1)) == 0);
    }
    for (size_t i = 0; i < wiremark_names_signature_count(n); i++) {
        WANT(WIREMARK_OK, wiremark_names_signature(n, i, &row));
        TRUE(strcmp(row.name, wiremark_signature_name(n, row.id)) == 0 && *row.why && *row.source);
        TRUE(*wiremark_app_name(n, row.app) != 0 && *wiremark_confidence_name(row.confidence) != 0);
    }
    /* A handle of another type is told. */
    TRUE(*wiremark_app_name((const wiremark_names *)(const void *)c, 1) == 0);
    WANT(WIREMARK_BAD_HANDLE, wiremark_names_free((wiremark_names *)(void *)(uintptr_t)c));
    WANT(WIREMARK_OK, wiremark_names_free(n));
    TRUE(*wiremark_app_name(n, 1) == 0);
    WANT(WIREMARK_BAD_HANDLE, wiremark_names_free(n));
    WANT(WIREMARK_OK, wiremark_names_free(NULL));
}

static void packets(void) {
    wiremark_packet p = a_packet();
    char id[WIREMARK_COMMUNITY_ID_BYTES];
    const uint64_t key[2] = {1, 2};
    WANT(WIREMARK_NULL, wiremark_community_id(NULL, id));
    WANT(WIREMARK_NULL, wiremark_community_id(&p, NULL));
    WANT(WIREMARK_OK, wiremark_community_id(&p, id));
    TRUE(strlen(id) == sizeof id - 1 && strncmp(id, "1:", 2) == 0);
    TRUE(wiremark_packet_hash(NULL, NULL) == 0);
    TRUE(wiremark_packet_hash(&p, NULL) != wiremark_packet_hash(&p, key));
    TRUE(wiremark_packet_hash(&p, ASKEW(uint64_t)) == 0);
    WANT(WIREMARK_NULL, wiremark_packet_parse(1, 0, NULL, 60, &p));
    SAID("frame is NULL");
    WANT(WIREMARK_NULL, wiremark_packet_parse(1, 0, question, sizeof question, NULL));
    WANT(WIREMARK_MISALIGNED, wiremark_packet_parse(1, 0, question, sizeof question, ASKEW(wiremark_packet)));
    WANT(WIREMARK_TRUNCATED, wiremark_packet_parse(1, 0, NULL, 0, &p));
    WANT(WIREMARK_BAD_VALUE, wiremark_packet_parse(1, 0, question, SIZE_MAX, &p));
    WANT(WIREMARK_UNSUPPORTED, wiremark_packet_parse(-1, 0, question, sizeof question, &p));
    WANT(WIREMARK_UNSUPPORTED, wiremark_packet_parse(WIREMARK_LINK_IP, 0, question, sizeof question, &p));
    p.struct_bytes = 3;
    WANT(WIREMARK_BAD_SIZE, wiremark_packet_parse(1, 0, question, sizeof question, &p));
    TRUE(wiremark_packet_hash(&p, NULL) == 0);
    /* IPv4 and UDP, eight bytes of payload: from the IP header on. */
    static const uint8_t ip[] = {0x45, 0, 0, 36, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 53,
                                 0x9c, 0x40, 0, 53, 0, 16, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
    p = (wiremark_packet){.struct_bytes = sizeof p};
    WANT(WIREMARK_OK, wiremark_packet_parse(WIREMARK_LINK_IP, 7, ip, sizeof ip, &p));
    wiremark_packet same = a_packet();
    TRUE(p.struct_bytes == sizeof p && p.time_us == 7 && p.payload == ip + 28 && p.payload_bytes == 8);
    TRUE(p.ip_version == 4 && memcmp(p.src, same.src, 16) == 0 && memcmp(p.dst, same.dst, 16) == 0);
    TRUE(p.src_port == 40000 && p.dst_port == 53 && p.transport == WIREMARK_UDP);
    TRUE(wiremark_packet_hash(&p, key) == wiremark_packet_hash(&same, key));
}

static void classify(const wiremark_classifier *c) {
    wiremark_context *x = NULL;
    wiremark_context_options o = {.struct_bytes = sizeof o};
    WANT(WIREMARK_NULL, wiremark_context_new(NULL, NULL));
    o.parked_slots = UINT32_MAX - 1;
    WANT(WIREMARK_BAD_VALUE, wiremark_context_new(&o, &x));
    o.parked_slots = WIREMARK_NONE;
    o.struct_bytes = 5;
    WANT(WIREMARK_BAD_SIZE, wiremark_context_new(&o, &x));
    o.struct_bytes = sizeof o;
    WANT(WIREMARK_OK, wiremark_context_new(&o, &x));

    wiremark_flow f = {0};
    wiremark_packet p = a_packet();
    wiremark_verdict v = {0};
    WANT(WIREMARK_NULL, wiremark_classify(NULL, x, &f, &p, &v));
    WANT(WIREMARK_NULL, wiremark_classify(c, NULL, &f, &p, &v));
    WANT(WIREMARK_NULL, wiremark_classify(c, x, NULL, &p, &v));
    WANT(WIREMARK_NULL, wiremark_classify(c, x, &f, NULL, &v));
    WANT(WIREMARK_NULL, wiremark_classify(c, x, &f, &p, NULL));
    WANT(WIREMARK_MISALIGNED, wiremark_classify(c, x, ASKEW(wiremark_flow), &p, &v));
    WANT(WIREMARK_MISALIGNED, wiremark_classify(c, x, &f, ASKEW(wiremark_packet), &v));
    WANT(WIREMARK_MISALIGNED, wiremark_classify(c, x, &f, &p, ASKEW(wiremark_verdict)));
    WANT(WIREMARK_BAD_HANDLE, wiremark_classify((const wiremark_classifier *)(void *)x, x, &f, &p, &v));
    WANT(WIREMARK_BAD_HANDLE, wiremark_classify(c, (wiremark_context *)(void *)room, &f, &p, &v));
    p.struct_bytes = 8;
    WANT(WIREMARK_BAD_SIZE, wiremark_classify(c, x, &f, &p, &v));
    p = a_packet(), p.ip_version = 5;
    WANT(WIREMARK_BAD_VALUE, wiremark_classify(c, x, &f, &p, &v));
    p = a_packet(), p.transport = 1;
    WANT(WIREMARK_UNSUPPORTED, wiremark_classify(c, x, &f, &p, &v));
    p = a_packet(), p.fragment = 3;
    WANT(WIREMARK_BAD_VALUE, wiremark_classify(c, x, &f, &p, &v));
    p = a_packet(), p.payload = NULL;
    WANT(WIREMARK_NULL, wiremark_classify(c, x, &f, &p, &v));
    SAID("payload is NULL");
    p = a_packet(), p.payload_bytes = SIZE_MAX;
    WANT(WIREMARK_BAD_VALUE, wiremark_classify(c, x, &f, &p, &v));
    wiremark_flow rubbish;
    memset(&rubbish, 0xff, sizeof rubbish);
    p = a_packet();
    WANT(WIREMARK_BAD_VALUE, wiremark_classify(c, x, &rubbish, &p, &v));
    WANT(WIREMARK_BAD_VALUE, wiremark_flow_verdict(&rubbish, &v));
    wiremark_flow fresh = {0};
    TRUE(memcmp(&f, &fresh, sizeof f) == 0); /* a refused call leaves the flow alone */

    p.payload = NULL, p.payload_bytes = 0;
    WANT(WIREMARK_OK, wiremark_classify(c, x, &f, &p, &v));
    p = a_packet();
    WANT(WIREMARK_OK, wiremark_classify(c, x, &f, &p, &v));
    TRUE(v.carrier == WIREMARK_CARRIER_DNS);
    wiremark_verdict again = {0};
    WANT(WIREMARK_NULL, wiremark_flow_verdict(NULL, &again));
    WANT(WIREMARK_NULL, wiremark_flow_verdict(&f, NULL));
    WANT(WIREMARK_MISALIGNED, wiremark_flow_verdict(ASKEW(wiremark_flow), &again));
    WANT(WIREMARK_OK, wiremark_flow_verdict(&f, &again));
    v.flags &= (uint8_t)~WIREMARK_VERDICT_CHANGED;
    TRUE(memcmp(&v, &again, sizeof v) == 0);
    wants(c, x);

    WANT(WIREMARK_OK, wiremark_context_free(x));
    WANT(WIREMARK_BAD_HANDLE, wiremark_classify(c, x, &f, &p, &v));
    WANT(WIREMARK_BAD_HANDLE, wiremark_context_free(x));
    WANT(WIREMARK_OK, wiremark_context_free(NULL));
}

static void trackers(const wiremark_classifier *c) {
    wiremark_tracker *t = NULL;
    int ended = 0;
    wiremark_tracker_options o = {.struct_bytes = sizeof o, .capacity = 64, .ended = reenter, .user = &ended};
    wiremark_context_options bad = {.struct_bytes = 1};
    WANT(WIREMARK_NULL, wiremark_tracker_new(NULL, &o, &t));
    WANT(WIREMARK_NULL, wiremark_tracker_new(c, &o, NULL));
    o.context = &bad;
    WANT(WIREMARK_BAD_SIZE, wiremark_tracker_new(c, &o, &t));
    o.context = NULL, o.capacity = UINT32_MAX - 1;
    WANT(WIREMARK_BAD_VALUE, wiremark_tracker_new(c, &o, &t));
    o.capacity = 64, o.struct_bytes = 0;
    WANT(WIREMARK_BAD_SIZE, wiremark_tracker_new(c, &o, &t));
    o.struct_bytes = sizeof o;
    WANT(WIREMARK_OK, wiremark_tracker_new(c, &o, &t));
    reentered = t;

    static const uint8_t ip[] = {0x45, 0, 0, 36, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 53,
                                 0x9c, 0x40, 0, 53, 0, 16, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
    wiremark_frame f = {.struct_bytes = sizeof f, .link_type = WIREMARK_LINK_IP, .bytes = ip, .captured_bytes = sizeof ip};
    wiremark_seen seen = {.struct_bytes = sizeof seen};
    WANT(WIREMARK_NULL, wiremark_tracker_frame(NULL, &f, &seen));
    WANT(WIREMARK_NULL, wiremark_tracker_frame(t, NULL, &seen));
    WANT(WIREMARK_MISALIGNED, wiremark_tracker_frame(t, ASKEW(wiremark_frame), &seen));
    WANT(WIREMARK_BAD_HANDLE, wiremark_tracker_frame((wiremark_tracker *)(void *)(uintptr_t)c, &f, &seen));
    f.struct_bytes = 7;
    WANT(WIREMARK_BAD_SIZE, wiremark_tracker_frame(t, &f, &seen));
    f.struct_bytes = sizeof f, seen.struct_bytes = 7;
    WANT(WIREMARK_BAD_SIZE, wiremark_tracker_frame(t, &f, &seen));
    seen.struct_bytes = sizeof seen, f.link_type = 4711;
    WANT(WIREMARK_UNSUPPORTED, wiremark_tracker_frame(t, &f, &seen));
    f.link_type = WIREMARK_LINK_IP, f.bytes = NULL;
    WANT(WIREMARK_NULL, wiremark_tracker_frame(t, &f, &seen));
    SAID("bytes is NULL");
    f.captured_bytes = 0;
    WANT(WIREMARK_TRUNCATED, wiremark_tracker_frame(t, &f, &seen));
    f.bytes = ip, f.captured_bytes = 10;
    WANT(WIREMARK_TRUNCATED, wiremark_tracker_frame(t, &f, NULL));
    f.captured_bytes = sizeof ip;
    WANT(WIREMARK_OK, wiremark_tracker_frame(t, &f, NULL));
    WANT(WIREMARK_OK, wiremark_tracker_frame(t, &f, &seen));
    TRUE(seen.flow_number == 1 && seen.packet_number == 2 && seen.payload_bytes == 8);
    TRUE(seen.direction == WIREMARK_ORIGINATOR && seen.struct_bytes == sizeof seen);

    wiremark_statistics s = {.struct_bytes = sizeof s};
    WANT(WIREMARK_NULL, wiremark_tracker_statistics(NULL, &s));
    WANT(WIREMARK_NULL, wiremark_tracker_statistics(t, NULL));
    s.struct_bytes = 1;
    WANT(WIREMARK_BAD_SIZE, wiremark_tracker_statistics(t, &s));
    s.struct_bytes = sizeof s;
    WANT(WIREMARK_OK, wiremark_tracker_statistics(t, &s));
    TRUE(s.packets == 2 && s.flows == 1 && s.truncated == 2);
    later(t);
    WANT(WIREMARK_NULL, wiremark_tracker_finish(NULL));
    WANT(WIREMARK_OK, wiremark_tracker_finish(t));
    TRUE(ended == 1);
    WANT(WIREMARK_OK, wiremark_tracker_finish(t));
    TRUE(ended == 1);
    WANT(WIREMARK_OK, wiremark_tracker_free(t));
    WANT(WIREMARK_BAD_HANDLE, wiremark_tracker_frame(t, &f, &seen));
    WANT(WIREMARK_BAD_HANDLE, wiremark_tracker_finish(t));
    WANT(WIREMARK_BAD_HANDLE, wiremark_tracker_free(t));
    WANT(WIREMARK_OK, wiremark_tracker_free(NULL));
}

int main(void) {
    versions();
    wiremark_classifier *c = classifiers();
    names(c);
    packets();
    classify(c);
    trackers(c);
    WANT(WIREMARK_OK, wiremark_classifier_free(c));
    return failures != 0;
}
