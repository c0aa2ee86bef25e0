/* The wiremark object in every EVE event of a flow that has an app. */
#include "plugin.h"

/* What the objects of all flows with one verdict begin with, as text: `{"app":"whatsapp", ... "signature_id":120`. Events come by the
 * thousand, verdicts are few, and words have to be escaped. */
typedef struct beginning {
    wiremark_verdict verdict;
    unsigned load; /* of which load of the signatures; 0: nothing is kept here */
    char text[244];
} beginning;

enum { KEPT = 256, NUMBERS = 96 };

static __thread beginning kept[KEPT];

/* NULL where it does not fit. */
static const char *make(beginning *to, wiremark_verdict verdict) {
    to->load = 0;
    const wiremark_names *names = signatures_names();
    unsigned load = signatures_load();
    SCJsonBuilder *object = SCJbNewObject();
    const char *role = wiremark_role_name(names, verdict.app, verdict.role);
    bool ok = object && SCJbSetString(object, "app", wiremark_app_name(names, verdict.app));
    if (ok && *role)
        ok = SCJbSetString(object, "role", role);
    ok = ok && SCJbSetString(object, "carrier", wiremark_carrier_name(verdict.carrier))
        && SCJbSetString(object, "confidence", wiremark_confidence_name(verdict.confidence))
        && SCJbSetString(object, "signature", wiremark_signature_name(names, verdict.signature))
        && SCJbSetUint(object, "signature_id", verdict.signature) && SCJbLen(object) < sizeof to->text;
    if (ok) {
        memcpy(to->text, SCJbPtr(object), SCJbLen(object));
        to->text[SCJbLen(object)] = '\0';
        to->verdict = verdict;
        to->load = load;
    }
    SCJbFree(object);
    signatures_names_done();
    return ok ? to->text : NULL;
}

static char *put_number(char *to, uint32_t number) {
    char digits[10];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    memcpy(to, digits + at, sizeof digits - at);
    return to + sizeof digits - at;
}

static __attribute__((noinline)) void add_of(const flow_state *state, SCJsonBuilder *event) {
    wiremark_verdict verdict;
    if (wiremark_flow_verdict(&state->wiremark, &verdict) != WIREMARK_OK)
        return;
    bool is_final = verdict.flags & WIREMARK_VERDICT_FINAL;
    verdict.flags = 0;
    beginning *place = &kept[(verdict.signature + verdict.carrier * 37U) % KEPT];
    bool is_kept = place->load == signatures_load() && memcmp(&place->verdict, &verdict, sizeof verdict) == 0;
    const char *text = is_kept ? place->text : make(place, verdict);
    if (!text)
        return;
    char object[sizeof place->text + NUMBERS], *end = object;
    end = stpcpy(end, "\"wiremark\":");
    end = stpcpy(end, text);
    end = stpcpy(end, is_final ? ",\"final\":true,\"decided_at_packet\":" : ",\"final\":false,\"decided_at_packet\":");
    end = put_number(end, state->decided_at);
    end = stpcpy(end, ",\"packets\":");
    end = put_number(end, state->packets);
    stpcpy(end, "}");
    SCJbSetFormatted(event, object);
}

static OFTEN void add(ThreadVars *tv, const Packet *p, Flow *f, SCJsonBuilder *event, void *user) {
    (void)tv, (void)p, (void)user;
    const flow_state *state = flows_find(f);
    if (state)
        add_of(state, event);
}

void events_init(void) {
    if (!SCEveRegisterCallback(add, NULL))
        FatalError("Suricata has no place for its events");
}
