/* What the plugin's files know of each other. See README.md. */
#ifndef WIREMARK_SURICATA_PLUGIN_H
#define WIREMARK_SURICATA_PLUGIN_H

#include "suricata-common.h"
#include "suricata-plugin.h"
#include "conf.h"
#include "counters.h"
#include "detect.h"
#include "detect-engine.h"
#include "detect-engine-helper.h"
#include "detect-parse.h"
#include "flow-callbacks.h"
#include "flow-storage.h"
#include "output-eve.h"
#include "thread-callbacks.h"
#include "thread-storage.h"
#include "threadvars.h"
#include "util-debug.h"
#include <wiremark.h>

/* What a flow carries: 72 bytes. All zero is a flow of which no packet was seen. What most packets come no further than stands first:
 * it lies beside what Suricata itself counts in the flow. */
typedef struct flow_state {
    uint32_t packets;         /* of the flow, as far as it came */
    uint32_t decided_at : 29; /* the packet that brought app, role, signature and evidence as they are; 0 without an app */
    uint32_t is_final : 1;    /* no packet can tell more */
    uint32_t has_begun : 1;   /* none without payload can, but for a SYN */
    uint32_t has_lost : 1;    /* a handshake of it was given up */
    wiremark_flow wiremark;
} flow_state;

enum { DECIDED_AT_MAX = (1 << 29) - 1 };

/* For what Suricata calls for every packet or event: side by side in memory. */
#define OFTEN __attribute__((hot))

/* signatures.c */
void signatures_init(void);
extern wiremark_classifier *signatures_in_force; /* one for all threads; its signatures are replaced in place */
const wiremark_names *signatures_names(void); /* locked until signatures_names_done() */
void signatures_names_done(void);
unsigned signatures_load(void); /* a number from 1 for the signatures in force */
const wiremark_names *signatures_for_rules(DetectEngineCtx *de_ctx); /* locked until signatures_for_rules_done() */
void signatures_for_rules_done(void);

/* flows.c */
extern int flows_place; /* among what Suricata stores in a flow */
void flows_init(void);

/* NULL for a flow without an app. */
static inline const flow_state *flows_find(const Flow *flow) {
    const flow_state *state = flow ? (const flow_state *)&flow->storage[flows_place] : NULL;
    return state && state->decided_at ? state : NULL;
}

/* keywords.c, events.c */
void keywords_init(void);
void events_init(void);

/* A number among the options, or 0; ends Suricata where it is none. */
uint32_t option_number(const char *name, uint32_t max);

#endif
