// One connection: every packet of it, also those that Zeek itself no longer looks at.
#pragma once

#include <wiremark.h>
#include <zeek/packet_analysis/protocol/ip/SessionAdapter.h>

#include <cstdint>
#include <memory>

namespace zeek {
class Connection;
}

namespace plugin::Wiremark_Verdicts {

class Tap final : public zeek::packet_analysis::TapAnalyzer {
public:
    explicit Tap(zeek::Connection* conn);
    ~Tap() override;

    void TapPacket(const zeek::Packet& pkt, zeek::packet_analysis::PacketAction action,
                   zeek::packet_analysis::SkipReason skip_reason) override;

private:
    struct Watched {
        wiremark_flow flow;
        zeek::Connection* conn;
    };

    void Classify(const wiremark_packet& packet, bool is_orig);
    void Announce(const wiremark_verdict& verdict, const wiremark_packet& packet, bool is_orig);
    void StopWatching();

    // 24 bytes and, while a packet can still tell something or once there is an app, 72 more: most connections of most networks
    // are neither for long.
    std::unique_ptr<Watched> watched;
    uint32_t packets = 0;
    uint32_t decided_at = 0; // the packet that brought app, role, signature and evidence as they are; 0 without an app
};

} // namespace plugin::Wiremark_Verdicts
