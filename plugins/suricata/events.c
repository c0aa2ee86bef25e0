/* The wiremark object in every EVE event of a flow that has an app. */
#include "plugin.h"

static void add(ThreadVars *tv, const Packet *p, Flow *f, SCJsonBuilder *event, void *user) {
    (void)tv, (void)p, (void)user;
    const flow_state *state = flows_find(f);
    wiremark_verdict verdict;
    if (!state || wiremark_flow_verdict(&state->wiremark, &verdict) != WIREMARK_OK)
        return;
    const wiremark_names *names = signatures_names();
    const char *role = wiremark_role_name(names, verdict.app, verdict.role);
    SCJbOpenObject(event, "wiremark");
    SCJbSetString(event, "app", wiremark_app_name(names, verdict.app));
    if (*role)
        SCJbSetString(event, "role", role);
    SCJbSetString(event, "carrier", wiremark_carrier_name(verdict.carrier));
    SCJbSetString(event, "confidence", wiremark_confidence_name(verdict.confidence));
    SCJbSetString(event, "signature", wiremark_signature_name(names, verdict.signature));
    SCJbSetUint(event, "signature_id", verdict.signature);
    SCJbSetBool(event, "final", verdict.flags & WIREMARK_VERDICT_FINAL);
    SCJbSetUint(event, "decided_at_packet", state->decided_at);
    SCJbSetUint(event, "packets", state->packets);
    SCJbClose(event);
    signatures_names_done();
}

void events_init(void) {
    if (!SCEveRegisterCallback(add, NULL))
        FatalError("Suricata has no place for its events");
}
