/* Flows: every packet of TCP and UDP is shown to wiremark, also after Suricata has made up its mind or bypasses the flow. */
#include "plugin.h"
#include <pthread.h>

/* What a worker has of its own. */
typedef struct worker {
    wiremark_context *context; /* taken with its first packet: most of Suricata's threads never see one */
    uint16_t labelled_flows;   /* numbers of counters */
    uint16_t handshakes_lost;
} worker;

static ThreadStorageId thread_storage = { .id = -1 };
static FlowStorageId flow_storage = { .id = -1 };
static wiremark_context_options context_options = { .struct_bytes = sizeof context_options };

static wiremark_context *shared_context; /* NULL: each worker has its own */
static wiremark_context *first_context;  /* made at the start, for the worker that first wants one */
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;

/* What a flow has that has no app and of which no packet can tell anything any more: most flows, in the end. */
static flow_state nothing;

static void free_flow_state(void *state) {
    if (state != &nothing)
        SCFree(state);
}

static void free_worker(void *data) {
    worker *own = data;
    if (own->context != shared_context)
        wiremark_context_free(own->context);
    SCFree(own);
}

static void on_thread(ThreadVars *tv, void *user) {
    (void)user;
    worker *own = SCCalloc(1, sizeof *own);
    if (!own)
        FatalError("no memory for a thread");
    own->labelled_flows = StatsRegisterCounter("wiremark.labelled_flows", tv);
    own->handshakes_lost = StatsRegisterCounter("wiremark.handshakes_lost", tv);
    ThreadSetStorageById(tv, thread_storage, own);
}

static bool is_ready(worker *own) {
    if (!own->context)
        own->context = shared_context ? shared_context : __atomic_exchange_n(&first_context, NULL, __ATOMIC_ACQ_REL);
    if (own->context || wiremark_context_new(&context_options, &own->context) == WIREMARK_OK)
        return true;
    SCLogError("%s", wiremark_last_error());
    return false;
}

static void fill(wiremark_packet *packet, const Packet *p, uint8_t tcp_flags, uint32_t tcp_sequence) {
    packet->struct_bytes = sizeof *packet;
    packet->tcp_sequence = tcp_sequence;
    packet->payload = p->payload_len ? p->payload : NULL;
    packet->payload_bytes = p->payload_len;
    packet->time_us = (uint64_t)SCTIME_SECS(p->ts) * 1000000 + (uint64_t)SCTIME_USECS(p->ts);
    memcpy(packet->src, p->src.addr_data8, sizeof packet->src);
    memcpy(packet->dst, p->dst.addr_data8, sizeof packet->dst);
    packet->src_port = p->sp;
    packet->dst_port = p->dp;
    packet->ip_version = p->src.family == AF_INET ? 4 : 6;
    packet->transport = p->proto;
    packet->tcp_flags = tcp_flags;
    packet->fragment = WIREMARK_FRAGMENT_WHOLE;
    packet->fragment_id = 0;
    packet->reserved = 0;
}

/* Gives what is known then. */
static wiremark_verdict look(worker *own, ThreadVars *tv, flow_state *state, const wiremark_packet *packet) {
    wiremark_verdict before = { 0 };
    if (state->decided_at) /* else there is no app */
        wiremark_flow_verdict(&state->wiremark, &before);
    wiremark_verdict after = before;
    if (shared_context) {
        pthread_mutex_lock(&shared_lock);
        wiremark_classify(signatures_in_force(), shared_context, &state->wiremark, packet, &after);
        pthread_mutex_unlock(&shared_lock);
    } else {
        wiremark_classify(signatures_in_force(), own->context, &state->wiremark, packet, &after);
    }
    if ((after.flags & WIREMARK_VERDICT_LOST) && !state->has_lost) {
        state->has_lost = 1;
        StatsIncr(tv, own->handshakes_lost);
    }
    if (after.app == before.app && after.role == before.role && after.signature == before.signature
        && after.confidence == before.confidence)
        return after;
    if (after.app && !before.app)
        StatsIncr(tv, own->labelled_flows);
    state->decided_at = after.app ? state->packets : 0;
    return after;
}

/* A packet that may tell something, the first of a flow among them; apart, so that of the others as little is done as can be. */
static __attribute__((noinline)) void on_telling(ThreadVars *tv, Flow *f, const Packet *p) {
    worker *own = tv->storage[thread_storage.id].ptr;
    if (!own || !is_ready(own))
        return;
    void **stored = &f->storage[flow_storage.id].ptr;
    flow_state *state = *stored;
    if (!state) {
        *stored = state = SCCalloc(1, sizeof *state);
        if (!state)
            return;
        state->packets = 1;
    }
    const TCPHdr *tcp = PacketIsTCP(p) ? PacketGetTCP(p) : NULL;
    wiremark_packet packet;
    fill(&packet, p, tcp ? tcp->th_flags : 0, tcp ? SCNtohl(tcp->th_seq) : 0);
    if (look(own, tv, state, &packet).app == 0 && !wiremark_wants(&state->wiremark, 0, 1)) {
        SCFree(state);
        *stored = &nothing;
    }
}

static void on_packet(ThreadVars *tv, Flow *f, Packet *p, void *user) {
    (void)user;
    flow_state *state = f->storage[flow_storage.id].ptr;
    if (state == &nothing || p->proto != f->proto) /* the other: an ICMP error about the flow */
        return;
    uint8_t tcp_flags = 0;
    if (PacketIsTCP(p))
        tcp_flags = PacketGetTCP(p)->th_flags;
    else if (!PacketIsUDP(p))
        return;
    if (state) {
        state->packets++;
        const worker *own = tv->storage[thread_storage.id].ptr;
        if (own && own->context
            && !wiremark_wants_now(own->context, &state->wiremark, p->proto, tcp_flags, p->payload, p->payload_len))
            return;
    }
    on_telling(tv, f, p);
}

const flow_state *flows_find(const Flow *flow) {
    const flow_state *state = flow ? flow->storage[flow_storage.id].ptr : NULL;
    return state && state->decided_at ? state : NULL;
}

void flows_init(void) {
    context_options.remembered = option_number("wiremark.remembered", 16777216);
    context_options.parked_slots = option_number("wiremark.parked-slots", 1048576);
    context_options.slot_bytes = option_number("wiremark.slot-bytes", 65536);
    int is_shared = 0;
    SCConfGetBool("wiremark.share-evidence", &is_shared);
    /* One is made in any case, so that bad sizes are refused at the start. */
    if (wiremark_context_new(&context_options, is_shared ? &shared_context : &first_context) != WIREMARK_OK)
        FatalError("%s", wiremark_last_error());
    thread_storage = ThreadStorageRegister("wiremark", sizeof(void *), NULL, free_worker);
    flow_storage = FlowStorageRegister("wiremark", sizeof(void *), NULL, free_flow_state);
    if (thread_storage.id < 0 || flow_storage.id < 0 || !SCThreadRegisterInitCallback(on_thread, NULL)
        || !SCFlowRegisterUpdateCallback(on_packet, NULL))
        FatalError("Suricata has no place for its flows");
}
