/*
 * The signatures: built in, or of a folder; loaded anew whenever Suricata loads its rules anew.
 *
 * A reload has two halves. Suricata reads the rules first, whose words (an app, a role) must be those of the new
 * signatures; then it hands new detection contexts to its threads, or gives up because of a bad rule. So new signatures
 * wait in `fresh` while rules are read, and are put in force with the first detection context that is made.
 */
#include "plugin.h"
#include <pthread.h>

static const char *folder; /* NULL: the signatures built in */
static wiremark_options options = { .struct_bytes = sizeof options };

wiremark_classifier *signatures_in_force;
static wiremark_names *names;         /* of the signatures in force */
static pthread_rwlock_t names_lock = PTHREAD_RWLOCK_INITIALIZER;

static unsigned load_number = 1; /* changes with `names` */

static pthread_mutex_t reload_lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static wiremark_classifier *fresh;                              /* NULL: nothing waits */
static wiremark_names *fresh_names;
static char rules_of[sizeof(((DetectEngineCtx *)0)->config_prefix)]; /* the last load of the rules, by the name of its settings */

static wiremark_status load(wiremark_classifier **classifier, wiremark_names **words) {
    wiremark_status status = folder ? wiremark_classifier_from_folder(folder, &options, classifier)
                                    : wiremark_classifier_new(&options, classifier);
    if (status != WIREMARK_OK)
        return status;
    status = wiremark_names_new(*classifier, words);
    if (status != WIREMARK_OK) {
        wiremark_classifier_free(*classifier);
        *classifier = NULL;
    }
    return status;
}

/* Has the lock. */
static void load_fresh(void) {
    wiremark_names_free(fresh_names);
    wiremark_classifier_free(fresh);
    fresh = NULL;
    fresh_names = NULL;
    if (load(&fresh, &fresh_names) != WIREMARK_OK)
        SCLogError("the signatures in force stay: %s", wiremark_last_error());
}

/* Has the lock. */
static void put_in_force(void) {
    if (!fresh)
        return;
    if (wiremark_classifier_replace(signatures_in_force, fresh) == WIREMARK_OK) {
        pthread_rwlock_wrlock(&names_lock);
        wiremark_names *old = names;
        names = fresh_names;
        __atomic_fetch_add(&load_number, 1, __ATOMIC_RELEASE);
        pthread_rwlock_unlock(&names_lock);
        fresh_names = old;
        SCLogNotice("%zu signatures in force", wiremark_names_signature_count(names));
    }
    wiremark_names_free(fresh_names);
    wiremark_classifier_free(fresh);
    fresh_names = NULL;
    fresh = NULL;
}

/* New signatures for a load of the rules that was not seen before. Has the lock. */
static void follow(const DetectEngineCtx *de_ctx) {
    if (strcmp(rules_of, de_ctx->config_prefix) == 0)
        return;
    memcpy(rules_of, de_ctx->config_prefix, sizeof rules_of);
    load_fresh();
}

/* Suricata makes a detection context for each thread: when it starts, and whenever rules were read anew. */
static void *on_detection_context(void *data) {
    (void)data;
    DetectEngineCtx *de_ctx = DetectEngineGetCurrent();
    pthread_mutex_lock(&reload_lock);
    if (de_ctx)
        follow(de_ctx); /* nobody did where no rule has a word of ours */
    put_in_force();
    pthread_mutex_unlock(&reload_lock);
    if (de_ctx)
        DetectEngineDeReference(&de_ctx);
    return &signatures_in_force;
}

static void on_detection_context_end(void *data) {
    (void)data;
}

const wiremark_names *signatures_for_rules(DetectEngineCtx *de_ctx) {
    pthread_mutex_lock(&reload_lock);
    follow(de_ctx);
    return fresh_names ? fresh_names : names;
}

void signatures_for_rules_done(void) {
    pthread_mutex_unlock(&reload_lock);
}

const wiremark_names *signatures_names(void) {
    pthread_rwlock_rdlock(&names_lock);
    return names;
}

void signatures_names_done(void) {
    pthread_rwlock_unlock(&names_lock);
}

unsigned signatures_load(void) {
    return __atomic_load_n(&load_number, __ATOMIC_ACQUIRE);
}

/* "payload, name" as WIREMARK_EVIDENCE_* bits. */
static uint32_t evidence_bits(const char *text) {
    uint32_t bits = 0;
    while (*(text += strspn(text, ", "))) {
        size_t length = strcspn(text, ", ");
        uint32_t bit = 0;
        for (uint8_t i = WIREMARK_CONFIDENCE_ADDRESS; i <= WIREMARK_CONFIDENCE_PAYLOAD; i++) {
            const char *word = wiremark_confidence_name(i);
            if (strlen(word) == length && strncmp(word, text, length) == 0)
                bit = 1U << (i - WIREMARK_CONFIDENCE_ADDRESS);
        }
        if (!bit)
            FatalError("wiremark.evidence: \"%.*s\" is none of address, related, name, payload", (int)length, text);
        bits |= bit;
        text += length;
    }
    return bits;
}

void signatures_init(void) {
    const char *text = NULL;
    SCConfGet("wiremark.signatures", &folder);
    if (SCConfGet("wiremark.evidence", &text) == 1 && text)
        options.evidence = evidence_bits(text);
    options.budget_packets = option_number("wiremark.budget-packets", 255);
    if (load(&signatures_in_force, &names) != WIREMARK_OK)
        FatalError("%s", wiremark_last_error());
    if (DetectRegisterThreadCtxGlobalFuncs("wiremark", on_detection_context, NULL, on_detection_context_end) < 0)
        FatalError("no place for it in the detection engine");
}
