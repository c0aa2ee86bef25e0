#include "tap.h"

#include <zeek/Conn.h>
#include <zeek/ID.h>
#include <zeek/IP.h>
#include <zeek/Val.h>

#include <algorithm>
#include <cstring>

#include "plugin.h"
#include "wiremark.bif.h"

namespace plugin::Wiremark_Verdicts {

namespace {

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

// Ports, flags and payload. False where the header contradicts itself.
bool ReadTransport(const u_char* data, size_t available, int protocol, wiremark_packet* packet) {
    size_t header = 8;
    if ( protocol == IPPROTO_TCP ) {
        if ( available < 20 )
            return false;
        header = static_cast<size_t>(data[12] >> 4) * 4;
        if ( header < 20 )
            return false;
        packet->tcp_sequence = static_cast<uint32_t>(Short(data + 4)) << 16 | Short(data + 6);
        packet->tcp_flags = data[13];
        packet->transport = WIREMARK_TCP;
    }
    else {
        if ( available < 8 )
            return false;
        const size_t said = Short(data + 4);
        if ( said != 0 && said < 8 )
            return false;
        if ( said != 0 )
            available = std::min(available, said);
        packet->transport = WIREMARK_UDP;
    }
    packet->src_port = Short(data);
    packet->dst_port = Short(data + 2);
    packet->payload_bytes = available > header ? available - header : 0;
    packet->payload = packet->payload_bytes > 0 ? data + header : nullptr;
    return true;
}

void ReadNetwork(const zeek::Packet& pkt, const zeek::IP_Hdr& ip, wiremark_packet* packet) {
    packet->time_us = static_cast<uint64_t>(pkt.ts.tv_sec) * 1000000 + static_cast<uint64_t>(pkt.ts.tv_usec);
    if ( const auto* v4 = ip.IP4_Hdr() ) {
        packet->ip_version = 4;
        std::memcpy(packet->src, &v4->ip_src, 4);
        std::memcpy(packet->dst, &v4->ip_dst, 4);
        return;
    }
    packet->ip_version = 6;
    std::memcpy(packet->src, &ip.IP6_Hdr()->ip6_src, 16);
    std::memcpy(packet->dst, &ip.IP6_Hdr()->ip6_dst, 16);
}

bool AreSame(const wiremark_verdict& a, const wiremark_verdict& b) {
    return a.app == b.app && a.role == b.role && a.signature == b.signature && a.confidence == b.confidence;
}

bool LogsPackets() {
    static const auto option = zeek::id::find("Wiremark::log_packets");
    return option->GetVal()->AsBool();
}

// Sets a field, or leaves it out where there is no word.
void AssignWord(zeek::RecordVal* record, int field, const char* word) {
    if ( *word )
        record->Assign(field, plugin.Word(word));
}

} // namespace

Tap::Tap(zeek::Connection* conn) : watched(std::make_unique<Watched>(Watched{{}, conn})) {
    plugin.counts.connections++;
    plugin.counts.watched++;
}

Tap::~Tap() { StopWatching(); }

void Tap::StopWatching() {
    if ( watched )
        plugin.counts.watched--;
    watched.reset();
}

// What Zeek is going to do with the packet does not matter.
void Tap::TapPacket(const zeek::Packet& pkt, zeek::packet_analysis::PacketAction, zeek::packet_analysis::SkipReason) {
    plugin.counts.packets++;
    if ( ! watched )
        return;
    const auto& ip = *pkt.ip_hdr;
    const auto* data = ip.Payload();
    wiremark_packet packet{};
    packet.struct_bytes = sizeof packet;
    if ( ! ReadTransport(data, Available(pkt, ip, data), pkt.proto, &packet) )
        return;
    packets++;
    if ( wiremark_wants(&watched->flow, packet.tcp_flags, packet.payload_bytes) ) {
        ReadNetwork(pkt, ip, &packet);
        Classify(packet, pkt.is_orig);
    }
    if ( decided_at != 0 && decided_at < packets && LogsPackets() )
        watched->conn->EnqueueEvent(Wiremark::packet, nullptr, watched->conn->GetVal(),
                                    zeek::val_mgr->Count(packets), zeek::val_mgr->Bool(pkt.is_orig));
}

void Tap::Classify(const wiremark_packet& packet, bool is_orig) {
    wiremark_verdict before;
    wiremark_verdict after;
    plugin.counts.looked_at++;
    if ( wiremark_flow_verdict(&watched->flow, &before) != WIREMARK_OK ||
         wiremark_classify(plugin.signatures.Classifier(), plugin.context.get(), &watched->flow, &packet, &after) !=
             WIREMARK_OK )
        return;
    if ( after.flags & ~before.flags & WIREMARK_VERDICT_LOST )
        plugin.counts.handshakes_lost++;
    if ( ! AreSame(before, after) ) {
        plugin.counts.verdicts++;
        if ( after.app != 0 && before.app == 0 )
            plugin.counts.labelled++;
        decided_at = after.app != 0 ? packets : 0;
        Announce(after, packet, is_orig);
    }
    else if ( after.app == 0 && ! wiremark_wants(&watched->flow, 0, 1) )
        StopWatching();
}

// The verdict, into the connection's record and to scripts.
void Tap::Announce(const wiremark_verdict& verdict, const wiremark_packet& packet, bool is_orig) {
    enum { APP, ROLE, CARRIER, CONFIDENCE, SIGNATURE, SIGNATURE_ID, PACKET, IS_ORIG, COMMUNITY_ID };
    static const auto type = zeek::id::find_type<zeek::RecordType>("Wiremark::Verdict");
    static const int place = zeek::id::connection->FieldOffset("wiremark");

    const auto* names = plugin.signatures.Names();
    auto record = zeek::make_intrusive<zeek::RecordVal>(type);
    record->Assign(CARRIER, plugin.Word(wiremark_carrier_name(verdict.carrier)));
    record->Assign(PACKET, packets);
    record->Assign(IS_ORIG, is_orig);
    char community_id[WIREMARK_COMMUNITY_ID_BYTES];
    if ( wiremark_community_id(&packet, community_id) == WIREMARK_OK )
        record->Assign(COMMUNITY_ID, community_id);
    if ( verdict.app != 0 ) {
        AssignWord(record.get(), APP, wiremark_app_name(names, verdict.app));
        AssignWord(record.get(), ROLE, wiremark_role_name(names, verdict.app, verdict.role));
        AssignWord(record.get(), CONFIDENCE, wiremark_confidence_name(verdict.confidence));
        AssignWord(record.get(), SIGNATURE, wiremark_signature_name(names, verdict.signature));
        record->Assign(SIGNATURE_ID, static_cast<uint64_t>(verdict.signature));
    }

    // The value must be asked for: it makes the connection's uid.
    const auto& connection = watched->conn->GetVal();
    if ( verdict.app != 0 )
        connection->Assign(place, record);
    else
        connection->Remove(place);
    watched->conn->EnqueueEvent(Wiremark::verdict, nullptr, connection, std::move(record));
}

} // namespace plugin::Wiremark_Verdicts
