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

/* A flow's state lies in the flow itself, in pointers' places that follow one another: nothing is allocated, and no line of memory
   is waited for but the flow's own. */
enum { PLACES = sizeof(flow_state) / sizeof(Storage) };
static const char *const place_names[PLACES] = { "wiremark", "wiremark 2", "wiremark 3", "wiremark 4", "wiremark 5",
    "wiremark 6", "wiremark 7", "wiremark 8", "wiremark 9" };
_Static_assert(sizeof(flow_state) == 9 * sizeof(Storage), "nine places of eight bytes");
int flows_place = -1;
static wiremark_context_options context_options = { .struct_bytes = sizeof context_options };

static wiremark_context *shared_context; /* NULL: each worker has its own */
static wiremark_context *first_context;  /* made at the start, for the worker that first wants one */
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;

/* Suricata gives every place back that is not empty, and empties it. */
static void give_back(void *place) {
    (void)place;
}

static flow_state *state_of(const Flow *flow) {
    return (flow_state *)&flow->storage[flows_place];
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

static void look(worker *own, ThreadVars *tv, flow_state *state, const wiremark_packet *packet) {
    uint64_t before = wiremark_flow_decision(&state->wiremark);
    wiremark_verdict after = { 0 };
    if (shared_context) {
        pthread_mutex_lock(&shared_lock);
        wiremark_classify(signatures_in_force, shared_context, &state->wiremark, packet, &after);
        pthread_mutex_unlock(&shared_lock);
    } else {
        wiremark_classify(signatures_in_force, own->context, &state->wiremark, packet, &after);
    }
    if ((after.flags & WIREMARK_VERDICT_LOST) && !state->has_lost) {
        state->has_lost = 1;
        StatsIncr(tv, own->handshakes_lost);
    }
    uint64_t now = wiremark_flow_decision(&state->wiremark);
    state->is_final = !wiremark_wants(&state->wiremark, TH_SYN, 1);
    state->has_begun = !wiremark_wants(&state->wiremark, 0, 0);
    if (now == before)
        return;
    if (now && !before)
        StatsIncr(tv, own->labelled_flows);
    state->decided_at = !now ? 0 : state->packets < DECIDED_AT_MAX ? state->packets : DECIDED_AT_MAX;
}

/* A packet that may tell something, the first of a flow among them; apart, so that of the others as little is done as can be. */
static OFTEN __attribute__((noinline)) void on_telling(ThreadVars *tv, worker *own, flow_state *state, const Packet *p) {
    if (!own || !is_ready(own))
        return;
    const TCPHdr *tcp = PacketIsTCP(p) ? PacketGetTCP(p) : NULL;
    wiremark_packet packet;
    fill(&packet, p, tcp ? tcp->th_flags : 0, tcp ? SCNtohl(tcp->th_seq) : 0);
    look(own, tv, state, &packet);
}

static OFTEN void on_packet(ThreadVars *tv, Flow *f, Packet *p, void *user) {
    (void)user;
    if (p->proto != f->proto) /* an ICMP error about the flow */
        return;
    uint8_t tcp_flags = 0;
    if (PacketIsTCP(p))
        tcp_flags = PacketGetTCP(p)->th_flags;
    else if (!PacketIsUDP(p))
        return;
    flow_state *state = state_of(f);
    state->packets++;
    if (state->is_final || (state->has_begun && p->payload_len == 0 && !(tcp_flags & TH_SYN)))
        return;
    worker *own = tv->storage[thread_storage.id].ptr;
    if (own && own->context
        && wiremark_rests(own->context, &state->wiremark, p->proto, tcp_flags, p->payload, p->payload_len))
        return;
    on_telling(tv, own, state, p);
}

/* All places at once, which saves nine calls of the above. */
static void on_end(ThreadVars *tv, Flow *f, void *user) {
    (void)tv;
    (void)user;
    memset(state_of(f), 0, sizeof(flow_state));
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
    bool has_places = true;
    for (int place = 0; place < PLACES; place++) {
        FlowStorageId id = FlowStorageRegister(place_names[place], sizeof(void *), NULL, give_back);
        if (place == 0)
            flows_place = id.id;
        has_places = has_places && id.id >= 0 && id.id == flows_place + place;
    }
    if (thread_storage.id < 0 || !has_places || !SCThreadRegisterInitCallback(on_thread, NULL)
        || !SCFlowRegisterUpdateCallback(on_packet, NULL) || !SCFlowRegisterFinishCallback(on_end, NULL))
        FatalError("Suricata has no place for its flows");
}
