/*
 * Rule keywords. They hold for the packet that brought the verdict and every later one of its flow:
 *
 *     wiremark.app:whatsapp;         or several, whatsapp,wechat; or !whatsapp
 *     wiremark.role:call;            of whatever app
 *     wiremark.confidence:>=name;    or <, <=, >, or the word alone
 *     wiremark.changed;              only the packet that brought the verdict, or changed it
 */
#include "plugin.h"

/* What a keyword asks for; verdicts have it or not. */
typedef struct condition {
    bool is_negated;
    uint8_t low, high; /* confidence */
    size_t count;      /* apps, or roles of apps; 0: any */
    struct {
        uint16_t app;
        uint8_t role; /* 0: any */
    } any[];
} condition;

static int app_keyword, role_keyword, confidence_keyword, changed_keyword;

/* Of packets that were on the wire and are the flow's own: not those Suricata makes up when a flow ends. */
static bool is_of_flow(const Packet *p) {
    return p->flow && p->proto == p->flow->proto && !PKT_IS_PSEUDOPKT(p);
}

static bool holds(const condition *c, const wiremark_verdict *verdict) {
    if (verdict->confidence < c->low || verdict->confidence > c->high)
        return false;
    if (c->count == 0)
        return true;
    for (size_t i = 0; i < c->count; i++)
        if (c->any[i].app == verdict->app && (!c->any[i].role || c->any[i].role == verdict->role))
            return true;
    return false;
}

static int match(DetectEngineThreadCtx *det_ctx, Packet *p, const Signature *s, const SigMatchCtx *ctx) {
    (void)det_ctx, (void)s;
    if (!is_of_flow(p))
        return 0;
    const condition *c = (const condition *)ctx;
    const flow_state *state = flows_find(p->flow);
    wiremark_verdict verdict;
    if (!state || wiremark_flow_verdict(&state->wiremark, &verdict) != WIREMARK_OK)
        return c->is_negated;
    return holds(c, &verdict) != c->is_negated;
}

static int match_changed(DetectEngineThreadCtx *det_ctx, Packet *p, const Signature *s, const SigMatchCtx *ctx) {
    (void)det_ctx, (void)s, (void)ctx;
    if (!is_of_flow(p))
        return 0;
    const flow_state *state = flows_find(p->flow);
    return state && state->decided_at == state->packets;
}

static void free_condition(DetectEngineCtx *de_ctx, void *ctx) {
    (void)de_ctx;
    SCFree(ctx);
}

static int append(DetectEngineCtx *de_ctx, Signature *s, int keyword, condition *c) {
    if (!SCSigMatchAppendSMToList(de_ctx, s, (uint16_t)keyword, (SigMatchCtx *)c, DETECT_SM_LIST_MATCH)) {
        if (c)
            SCFree(c);
        return -1;
    }
    s->flags |= SIG_FLAG_REQUIRE_PACKET;
    return 0;
}

static bool is_word(const char *word, const char *text, size_t length) {
    return strlen(word) == length && strncmp(word, text, length) == 0;
}

/* Adds the app called so, or the roles called so of every app; returns how many there are. */
static size_t add_word(const wiremark_names *names, bool is_role, const char *text, size_t length, condition *to) {
    size_t before = to->count;
    wiremark_app app = { .struct_bytes = sizeof app };
    for (size_t i = 0; wiremark_names_app(names, i, &app) == WIREMARK_OK; i++) {
        uint8_t last = is_role ? (uint8_t)app.role_count : 1;
        for (uint8_t role = 1; role <= last; role++) {
            if (!is_word(is_role ? wiremark_role_name(names, app.id, role) : app.name, text, length))
                continue;
            to->any[to->count].app = app.id;
            to->any[to->count++].role = is_role ? role : 0;
            break;
        }
    }
    return to->count - before;
}

/* All that can be said, for the error message. */
static void list_words(const wiremark_names *names, bool is_role, char *to, size_t size) {
    size_t used = 0;
    wiremark_app app = { .struct_bytes = sizeof app };
    for (size_t i = 0; wiremark_names_app(names, i, &app) == WIREMARK_OK; i++)
        for (uint8_t role = 1; role <= (is_role ? app.role_count : 1) && used < size; role++)
            used += (size_t)snprintf(to + used, size - used, "%s%s", used ? ", " : "",
                    is_role ? wiremark_role_name(names, app.id, role) : app.name);
}

static int setup_words(DetectEngineCtx *de_ctx, Signature *s, const char *text, bool is_role) {
    const char *keyword = is_role ? "wiremark.role" : "wiremark.app";
    const wiremark_names *names = signatures_for_rules(de_ctx);
    size_t words = 1;
    for (const char *at = text; *at; at++)
        words += *at == ',';
    size_t room = words * wiremark_names_app_count(names); /* a word is at most one role of an app */
    condition *c = SCCalloc(1, sizeof *c + room * sizeof c->any[0]);
    if (!c)
        goto failed;
    c->is_negated = s->init_data->negated;
    c->high = WIREMARK_CONFIDENCE_PAYLOAD;
    while (*(text += strspn(text, ", "))) {
        size_t length = strcspn(text, ", ");
        if (add_word(names, is_role, text, length, c) == 0) {
            char known[1024] = "";
            list_words(names, is_role, known, sizeof known);
            SCLogError("%s: no signature says \"%.*s\"; there are %s", keyword, (int)length, text, known);
            goto failed;
        }
        text += length;
    }
    if (c->count == 0) {
        SCLogError("%s: what?", keyword);
        goto failed;
    }
    signatures_for_rules_done();
    return append(de_ctx, s, is_role ? role_keyword : app_keyword, c);

failed:
    signatures_for_rules_done();
    if (c)
        SCFree(c);
    return -1;
}

static int setup_app(DetectEngineCtx *de_ctx, Signature *s, const char *text) {
    return setup_words(de_ctx, s, text, false);
}

static int setup_role(DetectEngineCtx *de_ctx, Signature *s, const char *text) {
    return setup_words(de_ctx, s, text, true);
}

static int setup_confidence(DetectEngineCtx *de_ctx, Signature *s, const char *text) {
    const char *word = text + strspn(text, "<>= ");
    bool below = *text == '<', above = *text == '>', equal = !(below || above) || text[1] == '=';
    uint8_t wanted = WIREMARK_CONFIDENCE_ADDRESS;
    while (wanted <= WIREMARK_CONFIDENCE_PAYLOAD && strcmp(word, wiremark_confidence_name(wanted)) != 0)
        wanted++;
    if (wanted > WIREMARK_CONFIDENCE_PAYLOAD) {
        SCLogError("wiremark.confidence: \"%s\" is none of address, related, name, payload, with <, <=, >= or > before it", text);
        return -1;
    }
    condition *c = SCCalloc(1, sizeof *c);
    if (!c)
        return -1;
    c->is_negated = s->init_data->negated;
    c->low = above ? (uint8_t)(wanted + !equal) : below ? WIREMARK_CONFIDENCE_ADDRESS : wanted;
    c->high = below ? (uint8_t)(wanted - !equal) : above ? WIREMARK_CONFIDENCE_PAYLOAD : wanted;
    return append(de_ctx, s, confidence_keyword, c);
}

static int setup_changed(DetectEngineCtx *de_ctx, Signature *s, const char *text) {
    (void)text;
    return append(de_ctx, s, changed_keyword, NULL);
}

static int add_keyword(SigTableElmt keyword) {
    int id = SCDetectHelperNewKeywordId();
    if (id < 0)
        FatalError("no place for the keyword %s", keyword.name);
    sigmatch_table[id] = keyword;
    return id;
}

void keywords_init(void) {
    const uint16_t with_words = SIGMATCH_QUOTES_OPTIONAL | SIGMATCH_HANDLE_NEGATION;
    app_keyword = add_keyword((SigTableElmt){ .name = "wiremark.app", .desc = "the messenger a packet's flow belongs to",
            .Match = match, .Setup = setup_app, .Free = free_condition, .flags = with_words });
    role_keyword = add_keyword((SigTableElmt){ .name = "wiremark.role", .desc = "what the messenger uses the flow for",
            .Match = match, .Setup = setup_role, .Free = free_condition, .flags = with_words });
    confidence_keyword = add_keyword((SigTableElmt){ .name = "wiremark.confidence", .desc = "the evidence for the messenger",
            .Match = match, .Setup = setup_confidence, .Free = free_condition, .flags = with_words });
    changed_keyword = add_keyword((SigTableElmt){ .name = "wiremark.changed", .desc = "the packet that brought the verdict",
            .Match = match_changed, .Setup = setup_changed, .flags = SIGMATCH_NOOPT });
}
