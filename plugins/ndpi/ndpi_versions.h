/*
 * The few calls in which nDPI's versions differ, under one name each.
 *
 * 4.2 (Debian 12) and 4.11 (of October 2024) are what this is compiled and run against. The others follow nDPI's published headers:
 *   4.6   a last argument of ndpi_detection_process_packet()
 *   4.10  ndpi_init_detection_module() takes a global context, ndpi_detection_giveup() no enable_guess
 *   4.11  ndpi_protocol holds both protocols in a struct of their own
 *   5.0   no bitmask, a state in ndpi_protocol, ndpi_detection_giveup() says nothing of guesses
 *   6.0   ndpi_init_detection_module() wants to know the licence
 */
#ifndef NDPI_VERSIONS_H
#define NDPI_VERSIONS_H

#include <stdint.h>
#include <string.h>
#include <ndpi_api.h>
#include <ndpi_main.h>
#include <ndpi_typedefs.h>

#define NDPI_AT_LEAST(major, minor) (NDPI_MAJOR > (major) || (NDPI_MAJOR == (major) && NDPI_MINOR >= (minor)))

#if NDPI_AT_LEAST(4, 11)
#define NDPI_MASTER(p) ((p).proto.master_protocol)
#define NDPI_APP(p) ((p).proto.app_protocol)
#else
#define NDPI_MASTER(p) ((p).master_protocol)
#define NDPI_APP(p) ((p).app_protocol)
#endif

static inline struct ndpi_detection_module_struct *ndpi_open(void) {
#if NDPI_AT_LEAST(6, 0)
    struct ndpi_detection_module_struct *module = ndpi_init_detection_module(NULL, NDPI_LICENSE_NOT_FOR_PROFIT_LGPL);
#elif NDPI_AT_LEAST(4, 10)
    struct ndpi_detection_module_struct *module = ndpi_init_detection_module(NULL);
#else
    struct ndpi_detection_module_struct *module = ndpi_init_detection_module(ndpi_no_prefs);
#endif
    if (!module)
        return NULL;
#if !NDPI_AT_LEAST(5, 0)
    NDPI_PROTOCOL_BITMASK all;
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(module, &all);
#endif
    ndpi_finalize_initialization(module);
    return module;
}

static inline struct ndpi_flow_struct *ndpi_new_flow(void) {
    struct ndpi_flow_struct *flow = ndpi_flow_malloc(SIZEOF_FLOW_STRUCT);
    if (flow)
        memset(flow, 0, SIZEOF_FLOW_STRUCT);
    return flow;
}

static inline ndpi_protocol ndpi_look(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow,
                                      const uint8_t *ip, uint16_t ip_bytes, uint64_t time_ms) {
#if NDPI_AT_LEAST(4, 6)
    return ndpi_detection_process_packet(module, flow, ip, ip_bytes, time_ms, NULL);
#else
    return ndpi_detection_process_packet(module, flow, ip, ip_bytes, time_ms);
#endif
}

/* Whether nDPI has its verdict and wants no more packets. */
static inline int ndpi_is_done(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow,
                               ndpi_protocol p) {
#if NDPI_AT_LEAST(5, 0)
    (void)module;
    return p.state == NDPI_STATE_MONITORING || (p.state == NDPI_STATE_CLASSIFIED && !flow->extra_packets_func);
#else
    return (NDPI_APP(p) != NDPI_PROTOCOL_UNKNOWN || NDPI_MASTER(p) != NDPI_PROTOCOL_UNKNOWN)
        && !ndpi_extra_dissection_possible(module, flow);
#endif
}

/* The last word of nDPI on a flow; guessed is set where it goes by ports or addresses alone. */
static inline ndpi_protocol ndpi_last_word(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow,
                                           uint8_t *guessed) {
#if NDPI_AT_LEAST(5, 0)
    ndpi_protocol p = ndpi_detection_giveup(module, flow);
    *guessed = flow->protocol_was_guessed;
    return p;
#elif NDPI_AT_LEAST(4, 10)
    return ndpi_detection_giveup(module, flow, guessed);
#else
    return ndpi_detection_giveup(module, flow, 1, guessed);
#endif
}

#endif
