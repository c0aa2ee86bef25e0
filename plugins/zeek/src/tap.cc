#include "tap.h"

#include <zeek/Conn.h>
#include <zeek/ID.h>
#include <zeek/IP.h>
#include <zeek/RunState.h>
#include <zeek/Val.h>
#include <zeek/conn_key/Manager.h>
#include <zeek/packet_analysis/protocol/ip/conn_key/IPBasedConnKey.h>
#include <zeek/session/Manager.h>

#include <algorithm>
#include <cstring>
#include <memory_resource>

#include "plugin.h"
#include "wiremark.bif.h"

namespace plugin::Wiremark_Verdicts {

// Of a packet what tells whether it is worth a closer look.
struct Transport {
    const u_char* payload = nullptr;
    size_t payload_bytes = 0;
    uint8_t tcp_flags = 0;
};

namespace {

constexpr uint8_t SYN = 0x02;

uint16_t Short(const u_char* bytes) { return static_cast<uint16_t>(bytes[0] << 8 | bytes[1]); }

// What is there of what IP carries: as much as its header says, or as was captured.
size_t Available(const zeek::Packet& pkt, const zeek::IP_Hdr& ip, const u_char* data) {
    const size_t said = ip.PayloadLen();
    if ( ip.Reassembled() )
        return said;
    const auto* end = pkt.data + pkt.cap_len;
    const size_t captured = data < end ? static_cast<size_t>(end - data) : 0;
    return said == 0 ? captured : std::min(said, captured); // 0: the network card cuts it up later
}

// False where the header contradicts itself.
bool ReadTransport(const u_char* data, size_t available, int protocol, Transport* transport) {
    size_t header = 8;
    if ( protocol == IPPROTO_TCP ) {
        if ( available < 20 )
            return false;
        header = static_cast<size_t>(data[12] >> 4) * 4;
        if ( header < 20 )
            return false;
        transport->tcp_flags = data[13];
    }
    else {
        if ( available < 8 )
            return false;
        const size_t said = Short(data + 4);
        if ( said != 0 && said < 8 )
            return false;
        if ( said != 0 )
            available = std::min(available, said);
    }
    if ( available > header ) {
        transport->payload = data + header;
        transport->payload_bytes = available - header;
    }
    return true;
}

wiremark_packet Fill(const zeek::Packet& pkt, const u_char* data, const Transport& transport) {
    const auto& ip = *pkt.ip_hdr;
    wiremark_packet packet{};
    packet.struct_bytes = sizeof packet;
    packet.time_us = static_cast<uint64_t>(pkt.ts.tv_sec) * 1000000 + static_cast<uint64_t>(pkt.ts.tv_usec);
    if ( const auto* v4 = ip.IP4_Hdr() ) {
        packet.ip_version = 4;
        std::memcpy(packet.src, &v4->ip_src, 4);
        std::memcpy(packet.dst, &v4->ip_dst, 4);
    }
    else {
        packet.ip_version = 6;
        std::memcpy(packet.src, &ip.IP6_Hdr()->ip6_src, 16);
        std::memcpy(packet.dst, &ip.IP6_Hdr()->ip6_dst, 16);
    }
    packet.src_port = Short(data);
    packet.dst_port = Short(data + 2);
    packet.transport = WIREMARK_UDP;
    if ( pkt.proto == IPPROTO_TCP ) {
        packet.transport = WIREMARK_TCP;
        packet.tcp_flags = transport.tcp_flags;
        packet.tcp_sequence = static_cast<uint32_t>(Short(data + 4)) << 16 | Short(data + 6);
    }
    packet.payload = transport.payload;
    packet.payload_bytes = transport.payload_bytes;
    return packet;
}

// The connection of a packet. Zeek names it in all packets but those that it skips.
zeek::Connection* ConnectionOf(const zeek::Packet& pkt, const wiremark_packet& packet) {
    if ( pkt.session )
        return static_cast<zeek::Connection*>(pkt.session);
    const auto key = zeek::conn_key_mgr->GetFactory().NewConnKey();
    // Zeek takes the same for granted.
    auto& of_ip = static_cast<zeek::IPBasedConnKey&>(*key);
    of_ip.InitTuple(pkt.ip_hdr->SrcAddr(), htons(packet.src_port), pkt.ip_hdr->DstAddr(), htons(packet.dst_port), pkt.proto);
    of_ip.Init(pkt);
    return zeek::session_mgr->FindConnection(of_ip);
}

bool AreSame(const wiremark_verdict& a, const wiremark_verdict& b) {
    return a.app == b.app && a.role == b.role && a.signature == b.signature && a.confidence == b.confidence;
}

bool LogsPackets() {
    static const auto option = zeek::id::find("Wiremark::log_packets");
    return option->GetVal()->AsBool();
}

// For scripts: a verdict, new or not, and the packet that has it. `connection` is the connection's value.
zeek::RecordValPtr Describe(const wiremark_verdict& verdict, bool is_new, const wiremark_packet& packet,
                            const zeek::RecordVal& connection, uint32_t number, bool is_orig) {
    enum { TS, UID, ID, COMMUNITY_ID, APP, ROLE, CARRIER, CONFIDENCE, SIGNATURE, SIGNATURE_ID, PACKET, IS_ORIG, LABEL };
    static const auto type = zeek::id::find_type<zeek::RecordType>("Wiremark::Verdict");
    static const int uid = zeek::id::connection->FieldOffset("uid");
    static const int id = zeek::id::connection->FieldOffset("id");

    const auto& words = plugin.Of(verdict, is_new);
    auto record = zeek::make_intrusive<zeek::RecordVal>(type);
    record->AssignTime(TS, zeek::run_state::network_time);
    record->Assign(UID, connection.GetField(uid));
    record->Assign(ID, connection.GetField(id));
    char community_id[WIREMARK_COMMUNITY_ID_BYTES];
    if ( wiremark_community_id(&packet, community_id) == WIREMARK_OK )
        record->Assign(COMMUNITY_ID, community_id);
    record->Assign(CARRIER, words.carrier);
    record->Assign(PACKET, number);
    record->Assign(IS_ORIG, is_orig);
    if ( verdict.app == 0 )
        return record;
    record->Assign(APP, words.app);
    record->Assign(ROLE, words.role);
    record->Assign(CONFIDENCE, words.confidence);
    record->Assign(SIGNATURE, words.signature);
    record->Assign(SIGNATURE_ID, static_cast<uint64_t>(verdict.signature));
    record->Assign(LABEL, words.label);
    return record;
}

// The next packet of a flow. Gives what is known after it; counts what is new.
wiremark_verdict Classify(wiremark_flow* flow, const wiremark_packet& packet, const wiremark_verdict& before) {
    auto after = before;
    plugin.counts.looked_at++;
    wiremark_classify(plugin.signatures.Classifier(), plugin.context.get(), flow, &packet, &after);
    if ( after.flags & ~before.flags & WIREMARK_VERDICT_LOST )
        plugin.counts.handshakes_lost++;
    if ( ! AreSame(before, after) ) {
        plugin.counts.verdicts++;
        if ( before.app == 0 )
            plugin.counts.labelled++;
    }
    return after;
}

// As many as connections.
std::pmr::memory_resource* Taps() {
    static std::pmr::unsynchronized_pool_resource taps;
    return &taps;
}

} // namespace

void* Tap::operator new(std::size_t bytes) { return Taps()->allocate(bytes, alignof(Tap)); }

void Tap::operator delete(void* tap, std::size_t bytes) { Taps()->deallocate(tap, bytes, alignof(Tap)); }

Tap::Tap() {
    plugin.counts.connections++;
    plugin.counts.watched++;
}

Tap::~Tap() {
    if ( flow.watch == NONE )
        plugin.Forget(this);
    StopWatching();
}

void Tap::StopWatching() {
    plugin.counts.watched -= flow.watch != NONE;
    plugin.flows.Drop(&flow);
    flow.watch = NONE;
}

bool Tap::MayTell(const Transport& transport) const {
    return flow.watch == ALL || (flow.watch == TELLING && (transport.payload_bytes != 0 || transport.tcp_flags & SYN));
}

void Tap::Keep(const wiremark_flow& state, const wiremark_verdict& verdict) {
    const bool is_final = ! wiremark_wants(&state, SYN, 1);
    if ( (is_final && verdict.app == 0) || ! plugin.flows.Put(state, &flow) )
        StopWatching();
    else
        flow.watch = is_final ? NUMBERS : wiremark_wants(&state, 0, 0) ? ALL : TELLING;
}

// What Zeek is going to do with the packet does not matter.
void Tap::TapPacket(const zeek::Packet& pkt, zeek::packet_analysis::PacketAction, zeek::packet_analysis::SkipReason) {
    if ( flow.watch == NONE )
        return;
    plugin.counts.packets++;
    const auto& ip = *pkt.ip_hdr;
    const auto* data = ip.Payload();
    Transport transport;
    if ( ! ReadTransport(data, Available(pkt, ip, data), pkt.proto, &transport) )
        return;
    packets++;
    if ( ! MayTell(transport) && ! LogsPackets() )
        return;
    auto state = plugin.flows.Get(flow);
    const bool is_wanted = wiremark_wants_now(plugin.context.get(), &state, static_cast<uint8_t>(pkt.proto), transport.tcp_flags,
                                              transport.payload, transport.payload_bytes);
    if ( is_wanted || LogsPackets() )
        Look(pkt, data, transport, &state, is_wanted);
}

// Apart, so that as little as can be is done for most packets.
[[gnu::noinline]] void Tap::Look(const zeek::Packet& pkt, const u_char* data, const Transport& transport, wiremark_flow* state,
                                 bool is_wanted) {
    const auto packet = Fill(pkt, data, transport);
    wiremark_verdict before{};
    wiremark_flow_verdict(state, &before);
    auto verdict = before;
    if ( is_wanted ) {
        verdict = Classify(state, packet, before);
        Keep(*state, verdict);
        if ( flow.watch == NONE && pkt.session )
            plugin.TakeOff(static_cast<zeek::Connection*>(pkt.session), this);
    }
    const bool is_new = ! AreSame(before, verdict);
    if ( ! is_new && (verdict.app == 0 || ! LogsPackets()) )
        return;
    auto* conn = ConnectionOf(pkt, packet);
    if ( ! conn )
        return;
    // The value must be asked for: it makes the connection's uid.
    const auto& value = conn->GetVal();
    conn->EnqueueEvent(is_new ? Wiremark::verdict : Wiremark::packet, nullptr, value,
                       Describe(verdict, is_new, packet, *value, packets, pkt.is_orig));
}

} // namespace plugin::Wiremark_Verdicts
