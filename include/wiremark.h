/*
 * wiremark: which messenger a packet belongs to, and what it does there.
 *
 * Made by cbindgen from ffi/src; not to be edited.
 *
 * Two doors. You have flows: keep a wiremark_flow of 64 bytes in each and call wiremark_classify() for every packet, in both
 * directions, also after your own engine has made up its mind. You have frames: wiremark_tracker_frame() keeps the flows.
 *
 * Owners. What a *_new() or *_from_*() function gives you is yours to free with its *_free() function; all other structs are
 * yours from the start, and wiremark neither keeps nor frees them. Texts are wiremark's; each says how long it is good.
 * Threads. wiremark_classifier and wiremark_names: any number at the same time. wiremark_context, wiremark_tracker and
 * wiremark_flow: one at a time. The library has no threads, signals, log or environment variables of its own.
 * Structs. The first field of most is struct_bytes: set it to sizeof the struct, zero the rest. So programs made with
 * this header go on working with newer libraries, whose structs may be longer.
 * Errors. Calls that can fail give a wiremark_status, 0 when all is well; outputs are then written, and else left alone.
 * wiremark_last_error() has the sentence. NULL, misaligned pointers and wrong sizes are errors, except where NULL is said
 * to be fine; an array or payload of length 0 may be NULL. No call ends the program or lets a Rust panic out.
 * Other pointers must be what they are said to be: no library can tell that they are not.
 * Versions. WIREMARK_CHECK_ABI() at start makes sure that library and header go together.
 *
 * A whole program (ffi/examples/classify.c):
 *
 *     // Which apps are in a capture: wiremark with a flow table of your own. cc classify.c -lwiremark -lpcap
 *     #define _DEFAULT_SOURCE // pcap.h asks for it
 *     #include <pcap/pcap.h>
 *     #include <stdio.h>
 *     #include <wiremark.h>
 *
 *     static struct flow { uint64_t hash; wiremark_flow state; char id[WIREMARK_COMMUNITY_ID_BYTES]; } flows[1 << 16];
 *
 *     static struct flow *find(const wiremark_packet *packet) { // your table goes here; this one never forgets
 *         uint64_t hash = wiremark_packet_hash(packet, NULL), at = hash;
 *         for (int tries = 0; tries < 64; tries++, at++) {
 *             struct flow *flow = &flows[at & 0xffff];
 *             if (flow->hash == hash) return flow;
 *             if (flow->hash == 0) return flow->hash = hash, wiremark_community_id(packet, flow->id), flow;
 *         }
 *         return NULL;
 *     }
 *
 *     int main(int argc, char **argv) {
 *         char error[PCAP_ERRBUF_SIZE] = "usage: classify CAPTURE";
 *         pcap_t *capture = argc == 2 ? pcap_open_offline(argv[1], error) : NULL;
 *         wiremark_classifier *classifier = NULL; // one for all threads
 *         wiremark_context *context = NULL;       // one for each thread
 *         wiremark_names *names = NULL;           // words for the numbers in a verdict
 *         if (!capture) return fprintf(stderr, "%s\n", error), 1;
 *         if (WIREMARK_CHECK_ABI() || wiremark_classifier_new(NULL, &classifier)
 *             || wiremark_context_new(NULL, &context) || wiremark_names_new(classifier, &names))
 *             return fprintf(stderr, "%s\n", wiremark_last_error()), 1;
 *         struct pcap_pkthdr *header;
 *         for (const u_char *bytes; pcap_next_ex(capture, &header, &bytes) == 1;) {
 *             uint64_t time_us = (uint64_t)header->ts.tv_sec * 1000000 + (uint64_t)header->ts.tv_usec;
 *             wiremark_packet packet = {.struct_bytes = sizeof packet};
 *             if (wiremark_packet_parse(pcap_datalink(capture), time_us, bytes, header->caplen, &packet)) continue;
 *             struct flow *flow = find(&packet);
 *             wiremark_verdict verdict;
 *             if (flow && !wiremark_classify(classifier, context, &flow->state, &packet, &verdict)
 *                 && verdict.flags & WIREMARK_VERDICT_CHANGED && verdict.app) // it is new: act on it now
 *                 printf("%s %s %s\n", flow->id, wiremark_app_name(names, verdict.app),
 *                        wiremark_role_name(names, verdict.app, verdict.role));
 *         }
 *         wiremark_names_free(names), wiremark_context_free(context), wiremark_classifier_free(classifier);
 *         return pcap_close(capture), 0;
 *     }
 */
#ifndef WIREMARK_H
#define WIREMARK_H


#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WIREMARK_VERSION_MAJOR 0
#define WIREMARK_VERSION_MINOR 1
#define WIREMARK_VERSION_PATCH 0
#define WIREMARK_VERSION "0.1.0"

// WIREMARK_OK where this header and the library go together.
#define WIREMARK_CHECK_ABI() \
    wiremark_check_abi(WIREMARK_ABI_VERSION, sizeof(wiremark_flow), sizeof(wiremark_verdict))


// Changes only where a program made with an older header would no longer work. Additions do not change it.
#define WIREMARK_ABI_VERSION 1

// A bit of wiremark_verdict.flags: no later packet of the flow can change this verdict.
#define WIREMARK_VERDICT_FINAL 1

// A bit of wiremark_verdict.flags: this packet changed app, role, confidence or finality. May come
// several times with the same app and role, for stronger evidence and for finality: compare with what you kept. App 0: taken back.
#define WIREMARK_VERDICT_CHANGED 2

// A bit of wiremark_verdict.flags: bytes that waited for the rest of a handshake were given up for newer flows.
#define WIREMARK_VERDICT_LOST 4

// Bits of wiremark_options.evidence: address lists.
#define WIREMARK_EVIDENCE_ADDRESS 1

// Bits of wiremark_options.evidence: what other flows told.
#define WIREMARK_EVIDENCE_RELATED 2

// Bits of wiremark_options.evidence: names inside the flow.
#define WIREMARK_EVIDENCE_NAME 4

// Bits of wiremark_options.evidence: bytes of the protocols themselves.
#define WIREMARK_EVIDENCE_PAYLOAD 8

// wiremark_packet.fragment: not fragmented.
#define WIREMARK_FRAGMENT_WHOLE 0

// wiremark_packet.fragment: the first piece, with the transport header.
#define WIREMARK_FRAGMENT_FIRST 1

// wiremark_packet.fragment: a later piece, without ports. It is never looked into.
#define WIREMARK_FRAGMENT_LATER 2

// wiremark_packet.transport: TCP.
#define WIREMARK_TCP 6

// wiremark_packet.transport: UDP.
#define WIREMARK_UDP 17

// Link type of bytes that begin with an IPv4 or IPv6 header. Others are numbered as in pcap's LINKTYPE list, such as 1
// for Ethernet; what pcap_datalink() says will do.
#define WIREMARK_LINK_IP 101

// Length of a Community ID with its closing zero byte.
#define WIREMARK_COMMUNITY_ID_BYTES 31

// In options where 0 is the default: none.
#define WIREMARK_NONE UINT32_MAX

// wiremark_flow_record.tunnel: GTP-U, a tunnel endpoint identifier.
#define WIREMARK_TUNNEL_GTP_U 1

// wiremark_flow_record.tunnel: VXLAN, a network identifier.
#define WIREMARK_TUNNEL_VXLAN 2

// wiremark_flow_record.tunnel: Geneve, a network identifier.
#define WIREMARK_TUNNEL_GENEVE 3

// wiremark_flow_record.tunnel: L2TP, tunnel and session, or a session.
#define WIREMARK_TUNNEL_L2TP 4

// wiremark_flow_record.tunnel: GRE, a key or a virtual subnet.
#define WIREMARK_TUNNEL_GRE 5

// wiremark_flow_record.tunnel: provider backbone bridges (802.1ah), a service instance.
#define WIREMARK_TUNNEL_PBB 6

// What came of a call. The numbers are fixed: none is ever reused, new ones are added at the end.
//
// wiremark_last_error() has the sentence for it.
enum wiremark_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // All well.
    WIREMARK_OK = 0,
    // A pointer that must not be NULL is.
    WIREMARK_NULL = 1,
    // A pointer is not aligned as its type asks.
    WIREMARK_MISALIGNED = 2,
    // struct_bytes is not the size of any version of the struct, or a newer struct asks for what this library lacks.
    WIREMARK_BAD_SIZE = 3,
    // An argument, or a field of a struct, is out of its range.
    WIREMARK_BAD_VALUE = 4,
    // The handle was freed, or is none of this type.
    WIREMARK_BAD_HANDLE = 5,
    // The handle is in use: by another thread, or by the call whose callback this is.
    WIREMARK_BUSY = 6,
    // The header is of another ABI version than the library.
    WIREMARK_BAD_ABI = 7,
    // A folder or file cannot be read, or has no signatures in it.
    WIREMARK_UNREADABLE = 8,
    // A signature file says what cannot be. The message names file, line, key and what was expected.
    WIREMARK_REFUSED = 9,
    // There is not enough memory.
    WIREMARK_NO_MEMORY = 10,
    // The index is beyond the end of the list.
    WIREMARK_NOT_FOUND = 11,
    // No packet: the frame was cut before its headers ended.
    WIREMARK_TRUNCATED = 12,
    // No packet: the frame's headers contradict themselves.
    WIREMARK_MALFORMED = 13,
    // No packet: there is neither TCP nor UDP in the frame, or the link type is not read here.
    WIREMARK_UNSUPPORTED = 14,
    // A fault in wiremark, of which it also says a line on standard error. Handles involved may be used on, or freed.
    WIREMARK_INTERNAL = 15,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wiremark_status wiremark_status;
#else
typedef int32_t wiremark_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The protocol that carries a flow. More may be added at the end.
enum wiremark_carrier
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Not recognised (yet).
    WIREMARK_CARRIER_UNKNOWN = 0,
    // DNS over UDP or TCP.
    WIREMARK_CARRIER_DNS = 1,
    // HTTP/1 in clear.
    WIREMARK_CARRIER_HTTP = 2,
    // TLS.
    WIREMARK_CARRIER_TLS = 3,
    // QUIC.
    WIREMARK_CARRIER_QUIC = 4,
    // STUN and its dialects.
    WIREMARK_CARRIER_STUN = 5,
    // RTP or RTCP.
    WIREMARK_CARRIER_RTP = 6,
    // Straight on TCP or UDP.
    WIREMARK_CARRIER_RAW = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wiremark_carrier wiremark_carrier;
#else
typedef uint8_t wiremark_carrier;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The kind of evidence behind a verdict, weakest first. More may be added, but not in between.
enum wiremark_confidence
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // No verdict.
    WIREMARK_CONFIDENCE_NONE = 0,
    // The address is on a list.
    WIREMARK_CONFIDENCE_ADDRESS = 1,
    // Another flow told: a DNS answer named the address, a known call uses the end point.
    WIREMARK_CONFIDENCE_RELATED = 2,
    // A name inside the flow: SNI, HTTP Host, DNS question.
    WIREMARK_CONFIDENCE_NAME = 3,
    // Bytes of the protocol itself.
    WIREMARK_CONFIDENCE_PAYLOAD = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wiremark_confidence wiremark_confidence;
#else
typedef uint8_t wiremark_confidence;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Which end of a flow sent a packet.
enum wiremark_direction
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The end that opened the flow: the TCP SYN's sender or, where no SYN was seen, the first packet's.
    WIREMARK_ORIGINATOR = 0,
    // The other end.
    WIREMARK_RESPONDER = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum wiremark_direction wiremark_direction;
#else
typedef uint8_t wiremark_direction;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Signatures, ready to classify with. Made by wiremark_classifier_new() and its kin; you free it.
//
// Threads: any number at the same time, also while wiremark_classifier_replace() changes it. Only
// wiremark_classifier_free() must have it alone.
typedef struct wiremark_classifier wiremark_classifier;

// What one worker remembers across flows, in memory taken when it is made. You free it.
//
// Threads: one at a time; make one for each worker.
typedef struct wiremark_context wiremark_context;

// The words for the numbers in a verdict: a copy of the lists of apps, roles and signatures of one classifier. You free
// it. Numbers are permanent, so it serves every classifier whose signatures are among those it lists.
//
// Threads: any number at the same time. It does not change when the classifier does; make a new one then.
typedef struct wiremark_names wiremark_names;

// A bounded flow table with a context: frames in, verdicts out. You free it.
//
// Threads: one at a time; make one for each worker, and hand both directions of a flow to the same one.
typedef struct wiremark_tracker wiremark_tracker;

// What counts as evidence, and for how long a flow is looked at. Yours; read during the call only. Zero a field for
// its default.
typedef struct wiremark_options {
    // sizeof(wiremark_options)
    uint32_t struct_bytes;
    // Bits: WIREMARK_EVIDENCE_*. 0: all of them.
    uint32_t evidence;
    // Packets with payload after which a flow's verdict is final: 1 to 255. 0: 32. (Flows over UDP of which 8 datagrams fitted nothing
    // are looked at no further, whatever this says beyond 8.)
    uint32_t budget_packets;
    // 0
    uint32_t reserved;
} wiremark_options;

// One signature file in memory. Yours; read during the call only. Its size is fixed.
typedef struct wiremark_source {
    // How error messages name the file: UTF-8, ends with a zero byte.
    const char *file;
    // The TOML text: UTF-8, no zero byte needed.
    const char *text;
    // Length of the text in bytes.
    size_t text_bytes;
} wiremark_source;

// An app. You provide the struct, with its size set; the text is the wiremark_names'.
typedef struct wiremark_app {
    // sizeof(wiremark_app)
    uint32_t struct_bytes;
    // Number of the app, as in wiremark_verdict.
    uint16_t id;
    // How many roles it has; they are numbered from 1 to this.
    uint16_t role_count;
    // Lower case, such as "whatsapp".
    const char *name;
} wiremark_app;

// A signature. You provide the struct, with its size set; the texts are the wiremark_names'.
typedef struct wiremark_signature {
    // sizeof(wiremark_signature)
    uint32_t struct_bytes;
    // Number of the signature, as in wiremark_verdict.
    uint16_t id;
    // The app it belongs to.
    uint16_t app;
    // The role it concludes; 0 for none.
    uint8_t role;
    // The wiremark_confidence of its verdicts.
    uint8_t confidence;
    // 1 for a veto: it takes others' verdicts back and never decides itself.
    uint8_t is_veto;
    // 0
    uint8_t reserved;
    // First and last year in which the traffic was seen.
    uint16_t since;
    // First and last year in which the traffic was seen.
    uint16_t until;
    // Such as "chat-preamble".
    const char *name;
    // What it goes by, in a sentence.
    const char *why;
    // Where that is known from.
    const char *source;
} wiremark_signature;

// One packet: end points, and where its transport payload is. Yours; read during the call only, payload included.
typedef struct wiremark_packet {
    // sizeof(wiremark_packet)
    uint32_t struct_bytes;
    // TCP sequence number, host byte order: of the first payload byte, or of a SYN the SYN's own. 0 for UDP.
    uint32_t tcp_sequence;
    // The transport payload; NULL where there is none.
    const uint8_t *payload;
    // Its length, ending where IP says it ends or where the capture was cut.
    size_t payload_bytes;
    // Time of the packet, microseconds since 1970; 0 where not known (evidence from other flows is then never too old).
    uint64_t time_us;
    // Source address, network byte order. Of an IPv4 address the first four bytes count.
    uint8_t src[16];
    // Destination address, likewise.
    uint8_t dst[16];
    // Source port, host byte order.
    uint16_t src_port;
    // Destination port, host byte order.
    uint16_t dst_port;
    // 4 or 6
    uint8_t ip_version;
    // WIREMARK_TCP or WIREMARK_UDP
    uint8_t transport;
    // Byte 13 of the TCP header: FIN 0x01, SYN 0x02, RST 0x04, ACK 0x10. 0 for UDP.
    uint8_t tcp_flags;
    // WIREMARK_FRAGMENT_WHOLE, _FIRST or _LATER
    uint8_t fragment;
    // Where fragmented: IP's identification.
    uint32_t fragment_id;
    // 0
    uint32_t reserved;
} wiremark_packet;

// Sizes of a context. Yours; read during the call only. Zero a field for its default.
typedef struct wiremark_context_options {
    // sizeof(wiremark_context_options)
    uint32_t struct_bytes;
    // Handshakes in pieces that can wait at the same time: up to 1,048,576. 0: 1,024. WIREMARK_NONE: none.
    uint32_t parked_slots;
    // Most bytes of one such handshake: up to 65,536. 0: 4,096.
    uint32_t slot_bytes;
    // Addresses, servers and call end points remembered, of each kind: up to 16,777,216. 0: 8,192.
    uint32_t remembered;
    // Seconds for which an address stands for the name a DNS answer gave it. 0: 4 hours. WIREMARK_NONE: this is no evidence.
    uint32_t dns_ttl_s;
    // The same for the answers of look-up lists over HTTP.
    uint32_t list_ttl_s;
    // Seconds for which a server is taken for what an earlier flow showed it to be. 0: 1 hour. WIREMARK_NONE: not at all.
    uint32_t server_ttl_s;
    // Seconds for which a call's end points are remembered. 0: 5 minutes. WIREMARK_NONE: not at all.
    uint32_t call_ttl_s;
    // Not 0: what a client's flows showed goes for flows of the same client only, so that workers which share the traffic out by
    // client come to what one would. 0: a server that proved itself to one client is known for all.
    uint32_t per_client;
} wiremark_context_options;

// State of one flow: 64 bytes that you keep wherever you keep a flow, in your own struct. All zero is a new flow.
//
// No pointers in it and nothing to free: copy it, zero it, forget it. Do not write into it. It outlives replaced
// signatures, but not the process. Threads: one at a time, with the flow's packets in their order. Its size is fixed.
// A new connection on the same addresses and ports is a new flow, which only you can tell: zero the state on another SYN, or
// after your time-out (wiremark's own table takes half an hour for TCP, a minute for UDP).
typedef struct wiremark_flow {
    // wiremark's own.
    uint64_t opaque[8];
} wiremark_flow;

// What is known of a flow after a packet. A plain value of 8 bytes, yours; its size is fixed.
//
// All zero is "nothing known, more packets may tell". Names for the numbers: wiremark_names.
typedef struct wiremark_verdict {
    // Number of the signature that decided; permanent and never reused. 0: none.
    uint16_t signature;
    // Number of the app; permanent and never reused. 0: no app was found.
    uint16_t app;
    // What the flow is for, a number from 1 in the app's own list of roles. 0: none.
    uint8_t role;
    // A wiremark_carrier, also where no app was found.
    uint8_t carrier;
    // A wiremark_confidence.
    uint8_t confidence;
    // Bits: WIREMARK_VERDICT_FINAL, _CHANGED, _LOST. Others may be added: test bits, do not compare.
    uint8_t flags;
} wiremark_verdict;

// One flow of a tracker. Pairs of numbers are those of the originator, then of the responder.
typedef struct wiremark_flow_record {
    // Length of this struct in the library: fields beyond it are not there.
    uint32_t struct_bytes;
    // 4 or 6
    uint8_t ip_version;
    // WIREMARK_TCP or WIREMARK_UDP
    uint8_t transport;
    // 0
    uint8_t reserved[2];
    // The originator's address, network byte order. Of an IPv4 address the first four bytes count.
    uint8_t src[16];
    // The responder's address, likewise.
    uint8_t dst[16];
    // The originator's port, host byte order.
    uint16_t src_port;
    // The responder's port, host byte order.
    uint16_t dst_port;
    // 0
    uint32_t reserved2;
    // The verdict after the last packet.
    struct wiremark_verdict verdict;
    // Number of the flow, from 1 in the order of first packets.
    uint64_t number;
    // Time of the first packet, microseconds since 1970.
    uint64_t first_us;
    // Time of the last packet.
    uint64_t last_us;
    // Packets.
    uint64_t packets[2];
    // Bytes of whole frames, on the wire.
    uint64_t bytes[2];
    // The packet of the flow, from 1, with which app, role, signature and evidence became what they are; 0 without an app.
    uint64_t decided_at_packet;
    // The VLAN of the outermost tag, and of the next one; 0 where there is none.
    uint16_t vlans[2];
    // The innermost tunnel that numbers its networks or users, one of WIREMARK_TUNNEL_*; 0: none.
    uint8_t tunnel;
    // 0
    uint8_t reserved3[3];
    // Its number there; of tunnels that number each direction by itself, the originator's direction.
    uint32_t tunnel_id;
    // 0
    uint32_t reserved4;
} wiremark_flow_record;

// Called for a flow. flow is wiremark's and good until this returns; its struct_bytes says how long it is.
//
// Return normally: no longjmp, no C++ exception. Calls with the same tracker get WIREMARK_BUSY.
typedef void (*wiremark_flow_callback)(void *user, const struct wiremark_flow_record *flow);

// Sizes and time-outs of a tracker. Yours; read during the call only. Zero a field for its default.
typedef struct wiremark_tracker_options {
    // sizeof(wiremark_tracker_options)
    uint32_t struct_bytes;
    // Most flows at the same time, rounded up to a power of two: up to 67,108,864. 0: 65,536. A flow takes 250 bytes.
    // When there are more, one that was quiet for long goes, and one without a verdict before one with.
    uint32_t capacity;
    // A TCP flow ends after so many microseconds without a packet. 0: 30 minutes.
    uint64_t tcp_timeout_us;
    // A UDP flow ends after so many microseconds without a packet. 0: 1 minute.
    uint64_t udp_timeout_us;
    // Sizes of its context; NULL for the defaults.
    const struct wiremark_context_options *context;
    // Told each flow that timed out or made room, from within wiremark_tracker_frame() and wiremark_tracker_finish().
    // NULL: nobody is told.
    wiremark_flow_callback ended;
    // Handed to ended.
    void *user;
    // Most fragmented packets put together at the same time, up to 65,536. 0: 128. Each takes 66 KB once it is needed.
    uint32_t fragmented_packets;
    // Not 0: packets with the same addresses and ports are one flow whatever VLAN or tunnel they come in, for networks whose
    // two directions come with different tags. 0: they are different flows in different networks.
    uint8_t ignore_encapsulation;
    // 0
    uint8_t reserved[3];
} wiremark_tracker_options;

// One captured frame. Yours; read during the call only.
typedef struct wiremark_frame {
    // sizeof(wiremark_frame)
    uint32_t struct_bytes;
    // How the bytes begin: as pcap_datalink() says, or WIREMARK_LINK_IP.
    int32_t link_type;
    // Capture time, microseconds since 1970. Frames come in order of time; a flow's end is told by it.
    uint64_t time_us;
    // What was captured.
    const uint8_t *bytes;
    // How many bytes were captured.
    size_t captured_bytes;
    // How long the frame was on the wire, in bytes; 0: as long as captured.
    uint32_t wire_bytes;
    // 0
    uint32_t reserved;
} wiremark_frame;

// What is known of a frame's flow after it. You provide the struct, with its size set.
typedef struct wiremark_seen {
    // sizeof(wiremark_seen)
    uint32_t struct_bytes;
    // A wiremark_direction: who sent the packet.
    uint8_t direction;
    // 0
    uint8_t reserved[3];
    // The flow's verdict.
    struct wiremark_verdict verdict;
    // Number of the flow, from 1 in the order of first packets.
    uint64_t flow_number;
    // Number of the packet in its flow, from 1.
    uint64_t packet_number;
    // Bytes of transport payload.
    uint64_t payload_bytes;
} wiremark_seen;

// What a tracker has seen and lost. You provide the struct, with its size set.
typedef struct wiremark_statistics {
    // sizeof(wiremark_statistics)
    uint32_t struct_bytes;
    // 0
    uint32_t reserved;
    // Frames handed in, but for those of unknown link types.
    uint64_t frames;
    // Frames with TCP or UDP inside.
    uint64_t packets;
    // Frames cut before their headers ended.
    uint64_t truncated;
    // Frames whose headers contradict themselves.
    uint64_t malformed;
    // Frames with something else inside.
    uint64_t unsupported;
    // Flows begun.
    uint64_t flows;
    // Flows ended by their time-out.
    uint64_t timed_out;
    // Flows that went to make room for new ones.
    uint64_t evicted;
    // Handshakes in pieces whose bytes went to make room for others'.
    uint64_t handshakes_lost;
    // Frames with a fragment of a packet, put together or not.
    uint64_t fragments;
    // Fragments whose packet was never whole and whose flow nobody knows.
    uint64_t fragments_lost;
    // How often a frame's time was not of the clock of the frame's before: several clocks, or wrong ones.
    uint64_t clock_jumps;
} wiremark_statistics;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The sentence for this thread's last error, in English, UTF-8; empty before the first. Calls that succeed leave it.
//
// The text is wiremark's, and good until the next call on this thread that fails. Never NULL. Cost: none to speak of.
const char *wiremark_last_error(void);

// The status' own name, such as "WIREMARK_OK"; empty for other numbers. Good for ever, for any thread.
const char *wiremark_status_name(int32_t status);

// The library's version, such as "0.1.0". Good for ever, for any thread.
const char *wiremark_version(void);

// The library's WIREMARK_ABI_VERSION.
uint32_t wiremark_abi_version(void);

// Whether the library and the header go together. Call it by its macro, WIREMARK_CHECK_ABI().
//
// Sizes are those of wiremark_flow and wiremark_verdict, the two structs of fixed size; all others say theirs themselves.
// Errors: WIREMARK_BAD_ABI.
wiremark_status wiremark_check_abi(uint32_t abi_version,
                                   size_t flow_bytes,
                                   size_t verdict_bytes);

// The word for a wiremark_carrier, such as "quic"; empty for other numbers, so that a list ends at the first empty one.
//
// Good for ever, for any thread.
const char *wiremark_carrier_name(uint8_t carrier);

// The word for a wiremark_confidence, such as "payload"; empty for other numbers, so that a list ends at the first empty one.
//
// Good for ever, for any thread.
const char *wiremark_confidence_name(uint8_t confidence);

// A classifier of the signatures built into the library. Needs no file.
//
// options: NULL for the defaults. out: the new classifier; left alone on failure.
// Errors: WIREMARK_BAD_SIZE, WIREMARK_BAD_VALUE. Cost: a few milliseconds, some hundred kB.
wiremark_status wiremark_classifier_new(const struct wiremark_options *options,
                                        struct wiremark_classifier **out);

// A classifier of the signature files (*.toml) in a folder, in place of the built-in ones.
//
// path: UTF-8, ends with a zero byte. options: NULL for the defaults. out: the new classifier; left alone on failure.
// Errors: WIREMARK_UNREADABLE, WIREMARK_REFUSED (the message names file, line, key and what was expected), and those of
// wiremark_classifier_new().
wiremark_status wiremark_classifier_from_folder(const char *path,
                                                const struct wiremark_options *options,
                                                struct wiremark_classifier **out);

// A classifier of signature files held in memory, in place of the built-in ones.
//
// sources: an array of count. options: NULL for the defaults. out: the new classifier; left alone on failure.
// Errors: WIREMARK_REFUSED (the message names file, line, key and what was expected), WIREMARK_BAD_VALUE for no sources
// or text that is not UTF-8, and those of wiremark_classifier_new().
wiremark_status wiremark_classifier_from_memory(const struct wiremark_source *sources,
                                                size_t count,
                                                const struct wiremark_options *options,
                                                struct wiremark_classifier **out);

// Puts the signatures and options of another classifier in force in this one, while others classify with it.
//
// Nobody waits: calls under way end with the signatures they began with, calls after this one use the new ones. Flows
// keep their verdicts; trackers take the new ones up with their next frame. Both classifiers share the signatures from now
// on, and each is still to be freed.
// Cost: none to speak of; the old signatures are freed by the next call of the last context that used them, or with it.
// Errors: WIREMARK_NULL, WIREMARK_BAD_HANDLE.
wiremark_status wiremark_classifier_replace(const struct wiremark_classifier *classifier,
                                            const struct wiremark_classifier *other);

// Ends a classifier that no other call is using. NULL: nothing happens. Trackers and names made with it stay good.
//
// Errors: WIREMARK_BAD_HANDLE for one freed before, as long as that can be told (the last 64 are).
wiremark_status wiremark_classifier_free(struct wiremark_classifier *classifier);

// The words of a classifier's apps, roles and signatures as they are now.
//
// out: the new wiremark_names; left alone on failure. Cost: well under a millisecond.
// Errors: WIREMARK_NULL, WIREMARK_BAD_HANDLE.
wiremark_status wiremark_names_new(const struct wiremark_classifier *classifier, struct wiremark_names **out);

// Ends it, and with it every text it gave. NULL: nothing happens.
//
// Errors: WIREMARK_BAD_HANDLE for one freed before, as long as that can be told (the last 64 are).
wiremark_status wiremark_names_free(struct wiremark_names *names);

// The app's name, such as "whatsapp"; empty for 0 and numbers it does not know. Never NULL.
//
// The text is good until wiremark_names_free(). Cost: a binary search.
const char *wiremark_app_name(const struct wiremark_names *names, uint16_t app);

// The app's word for a role, such as "call"; empty for 0 and numbers it does not know. Never NULL.
//
// The text is good until wiremark_names_free(). Cost: a binary search.
const char *wiremark_role_name(const struct wiremark_names *names, uint16_t app, uint8_t role);

// The signature's name; empty for 0 and numbers it does not know. Never NULL.
//
// The text is good until wiremark_names_free(). Cost: a binary search.
const char *wiremark_signature_name(const struct wiremark_names *names, uint16_t signature);

// How many apps there are; 0 for a bad handle.
size_t wiremark_names_app_count(const struct wiremark_names *names);

// How many signatures there are; 0 for a bad handle.
size_t wiremark_names_signature_count(const struct wiremark_names *names);

// The app at an index, from 0, by ascending id. Roles of it: wiremark_role_name() with 1 to role_count.
//
// Errors: WIREMARK_NOT_FOUND, WIREMARK_BAD_SIZE, WIREMARK_NULL, WIREMARK_BAD_HANDLE.
wiremark_status wiremark_names_app(const struct wiremark_names *names,
                                   size_t index,
                                   struct wiremark_app *out);

// The signature at an index, from 0, by ascending id.
//
// Errors: WIREMARK_NOT_FOUND, WIREMARK_BAD_SIZE, WIREMARK_NULL, WIREMARK_BAD_HANDLE.
wiremark_status wiremark_names_signature(const struct wiremark_names *names,
                                         size_t index,
                                         struct wiremark_signature *out);

// Finds the packet in a frame: one walk over its headers to the innermost TCP or UDP.
//
// Stepped through: the link types, tags and tunnels that the project's LAYERS.md lists. Fragments are not put together;
// a tracker does that. out: struct_bytes set; its payload
// points into the frame. Cost: some ten nanoseconds.
// Errors: WIREMARK_TRUNCATED, WIREMARK_MALFORMED, WIREMARK_UNSUPPORTED, WIREMARK_NULL, WIREMARK_BAD_SIZE.
wiremark_status wiremark_packet_parse(int32_t link_type,
                                      uint64_t time_us,
                                      const uint8_t *frame,
                                      size_t frame_bytes,
                                      struct wiremark_packet *out);

// A number for the packet's flow, the same in both directions: for flow tables, and to spread flows over threads.
//
// key: two random numbers keep others from choosing flows that collide; NULL for none. All bits are equally good.
// 0 where packet is not good (wiremark_last_error() says why). Cost: a few nanoseconds.
uint64_t wiremark_packet_hash(const struct wiremark_packet *packet,
                              const uint64_t *key);

// The Community ID (version 1, seed 0) of the packet's flow: the same text as Zeek, Suricata and Wireshark give it.
//
// out: WIREMARK_COMMUNITY_ID_BYTES. Errors: those of a bad packet. Cost: a SHA-1 of 40 bytes, so once a flow.
wiremark_status wiremark_community_id(const struct wiremark_packet *packet,
                                      char *out);

// A context for one worker.
//
// options: NULL for the defaults, which take about 7 MB. out: the new context; left alone on failure.
// Errors: WIREMARK_BAD_SIZE, WIREMARK_BAD_VALUE, WIREMARK_NO_MEMORY, WIREMARK_NULL.
wiremark_status wiremark_context_new(const struct wiremark_context_options *options,
                                     struct wiremark_context **out);

// Ends a context. NULL: nothing happens. Flows classified with it stay good.
//
// Errors: WIREMARK_BUSY; WIREMARK_BAD_HANDLE for one freed before, as long as that can be told (the last 64 are).
wiremark_status wiremark_context_free(struct wiremark_context *context);

// Looks at the next packet of a flow: the one call to make for every packet, in either direction.
//
// The payload is borrowed for this call and never kept, but for handshakes in pieces, which are copied into the context.
// out: the flow's verdict so far; left alone on failure. Nothing is allocated, nothing waited for.
// Cost: some ten nanoseconds for a flow whose verdict is final, some hundred for one that is looked at.
// Errors: WIREMARK_NULL, WIREMARK_MISALIGNED, WIREMARK_BAD_HANDLE, WIREMARK_BUSY, WIREMARK_BAD_SIZE,
// WIREMARK_BAD_VALUE (packet, or a flow that is neither zeroed nor wiremark's), WIREMARK_UNSUPPORTED (neither TCP nor UDP).
wiremark_status wiremark_classify(const struct wiremark_classifier *classifier,
                                  struct wiremark_context *context,
                                  struct wiremark_flow *flow,
                                  const struct wiremark_packet *packet,
                                  struct wiremark_verdict *out);

// The flow's verdict after its last packet, such as when your table lets go of it; WIREMARK_VERDICT_CHANGED is not set.
//
// Errors: WIREMARK_NULL, WIREMARK_MISALIGNED, WIREMARK_BAD_VALUE (neither zeroed nor wiremark's).
wiremark_status wiremark_flow_verdict(const struct wiremark_flow *flow,
                                      struct wiremark_verdict *out);

// A tracker with a classifier's signatures; what wiremark_classifier_replace() puts in force there it takes up with its
// next frame. The classifier may be freed before it.
//
// options: NULL for the defaults, which take about 25 MB, and up to 8 MB more once fragments come. out: the new tracker; left alone on failure.
// Errors: WIREMARK_BAD_SIZE, WIREMARK_BAD_VALUE, WIREMARK_NO_MEMORY, WIREMARK_NULL, WIREMARK_BAD_HANDLE.
wiremark_status wiremark_tracker_new(const struct wiremark_classifier *classifier,
                                     const struct wiremark_tracker_options *options,
                                     struct wiremark_tracker **out);

// Takes in the next frame.
//
// out: what is known of its flow; NULL where not wanted; left alone on failure. Calls the ended function for flows whose
// time is over. Nothing is allocated. Cost: some hundred nanoseconds.
// Errors: WIREMARK_TRUNCATED, WIREMARK_MALFORMED, WIREMARK_UNSUPPORTED for frames without a packet to look at: count them
// and go on. WIREMARK_NULL, WIREMARK_BAD_SIZE, WIREMARK_BAD_HANDLE, WIREMARK_BUSY.
wiremark_status wiremark_tracker_frame(struct wiremark_tracker *tracker,
                                       const struct wiremark_frame *frame,
                                       struct wiremark_seen *out);

// Ends every flow, in the order of their numbers: the ended function is told each. The tracker can be used on.
//
// Cost: a look at every place of the table, and memory for what is in it meanwhile.
// Errors: WIREMARK_NULL, WIREMARK_BAD_HANDLE, WIREMARK_BUSY.
wiremark_status wiremark_tracker_finish(struct wiremark_tracker *tracker);

// Calls a function for each flow in the table, in no particular order; none of them ends.
//
// Cost: a look at every place of the table.
// Errors: WIREMARK_NULL, also for each; WIREMARK_BAD_HANDLE, WIREMARK_BUSY.
wiremark_status wiremark_tracker_flows(struct wiremark_tracker *tracker,
                                       wiremark_flow_callback each,
                                       void *user);

// What the tracker has seen and lost so far.
//
// Errors: WIREMARK_NULL, WIREMARK_BAD_SIZE, WIREMARK_BAD_HANDLE, WIREMARK_BUSY.
wiremark_status wiremark_tracker_statistics(struct wiremark_tracker *tracker,
                                            struct wiremark_statistics *out);

// Ends a tracker; the ended function is not called, so call wiremark_tracker_finish() before. NULL: nothing happens.
//
// Errors: WIREMARK_BUSY; WIREMARK_BAD_HANDLE for one freed before, as long as that can be told (the last 64 are).
wiremark_status wiremark_tracker_free(struct wiremark_tracker *tracker);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus


// Whether a packet can tell anything of its flow: to be asked before a wiremark_packet is filled in. 0 for most packets, by a
// look at one line of your own memory: the flow's verdict is final, or there is no payload. wiremark_classify() would then
// leave flow and verdict as they are, at the price of a call: the last verdict still holds (wiremark_flow_verdict() has it).
//
// flow: not NULL. tcp_flags: as in wiremark_packet, 0 for UDP. No errors.
static inline int wiremark_wants(const wiremark_flow *flow, uint8_t tcp_flags, size_t payload_bytes)
{
    const unsigned char *bytes = (const unsigned char *)flow;
    uint16_t state;
    memcpy(&state, bytes + 10, sizeof state);
    if ((bytes[7] & WIREMARK_VERDICT_FINAL) && (state & 0xc000) != 0x4000) {
        return 0;
    }
    return payload_bytes != 0 || !(state & 1) || (tcp_flags & 0x02);
}

// Whether a flow that wiremark_wants() wants was looked at to its end without an app, so that no packet tells anything until the context
// learns something that may tell: half of the packets that are still wanted are of such flows. Ask it of packets that are no
// fragments, where all packets that go through the context are looked at with one classifier (its signatures may be replaced).
//
// context: a live one, not NULL. flow: not NULL. transport, tcp_flags, payload, payload_bytes: as in wiremark_packet. No errors.
static inline int wiremark_rests(const wiremark_context *context, const wiremark_flow *flow, uint8_t transport,
                                 uint8_t tcp_flags, const uint8_t *payload, size_t payload_bytes)
{
    const unsigned char *bytes = (const unsigned char *)flow;
    uint32_t pulse = *(const volatile uint32_t *)((const unsigned char *)context + 12);
    uint16_t app, state, signatures;
    int is_spent;
    memcpy(&app, bytes + 2, sizeof app);
    memcpy(&state, bytes + 10, sizeof state);
    memcpy(&signatures, bytes + 14, sizeof signatures);
    if (app || !(bytes[8] & 0x80) || bytes[5] == WIREMARK_CARRIER_DNS || signatures != pulse >> 16) {
        return 0;
    }
    is_spent = (pulse & 0xff00) != 0 && bytes[12] >= (pulse >> 8 & 0xff);
    if (transport == WIREMARK_TCP) {
        return bytes[13] == (pulse & 0xff) && ((state & 0xc05) == 0xc05 || (is_spent && !(state & 0x300)))
            && !(tcp_flags & 0x02);
    }
    return bytes[16] == (pulse & 0xff) && is_spent
        && (payload_bytes < 8 || memcmp(payload + 4, "\x21\x12\xa4\x42", 4) != 0);
}

// Both: whether a packet can tell anything of its flow, with what other flows have taught meanwhile.
static inline int wiremark_wants_now(const wiremark_context *context, const wiremark_flow *flow, uint8_t transport,
                                     uint8_t tcp_flags, const uint8_t *payload, size_t payload_bytes)
{
    if (!wiremark_wants(flow, tcp_flags, payload_bytes)) {
        return 0;
    }
    return !wiremark_rests(context, flow, transport, tcp_flags, payload, payload_bytes);
}

// What was decided of the flow, as one number: app, role, signature and confidence. 0 without an app. Another one than before a call of
// wiremark_classify() says that the packet changed the verdict, which the flags of wiremark_verdict do not say of the signature.
//
// flow: not NULL. No errors.
static inline uint64_t wiremark_flow_decision(const wiremark_flow *flow)
{
    const unsigned char *bytes = (const unsigned char *)flow;
    uint16_t signature, app;
    memcpy(&signature, bytes, sizeof signature);
    memcpy(&app, bytes + 2, sizeof app);
    return app ? (uint64_t)bytes[6] << 40 | (uint64_t)bytes[4] << 32 | (uint32_t)app << 16 | signature : 0;
}

#if defined(__cplusplus)
#if __cplusplus >= 201103L
static_assert(sizeof(wiremark_flow) == 64, "wiremark_flow is 64 bytes");
static_assert(sizeof(wiremark_verdict) == 8, "wiremark_verdict is 8 bytes");
#endif
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(wiremark_flow) == 64, "wiremark_flow is 64 bytes");
_Static_assert(sizeof(wiremark_verdict) == 8, "wiremark_verdict is 8 bytes");
#endif

#endif // WIREMARK_H
