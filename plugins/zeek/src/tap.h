// One connection: every packet of it, also those that Zeek itself no longer looks at.
#pragma once

#include <wiremark.h>
#include <zeek/packet_analysis/protocol/ip/SessionAdapter.h>

#include <cstddef>
#include <cstdint>

#include "flows.h"

namespace plugin::Wiremark_Verdicts {

struct Transport;

// 16 bytes beside the pointer that Zeek keeps of it, and while a packet can still tell something or once there is an app, those bytes of
// its flow that are not zero.
class Tap final : public zeek::packet_analysis::TapAnalyzer {
public:
    Tap();
    ~Tap() override;

    void TapPacket(const zeek::Packet& pkt, zeek::packet_analysis::PacketAction action,
                   zeek::packet_analysis::SkipReason skip_reason) override;

    // There are as many as connections, so each is to take 16 bytes and not malloc's 32.
    static void* operator new(std::size_t bytes);
    static void operator delete(void* tap, std::size_t bytes);

private:
    // Which packets are looked at. Told without a look at the flow itself, whose memory would have to be waited for.
    enum Watch : uint32_t {
        ALL,
        TELLING, // those with payload, and SYNs
        NUMBERS, // none, since the verdict is final; they are counted
        NONE,
    };

    bool MayTell(const Transport& transport) const;
    void Look(const zeek::Packet& pkt, const u_char* data, const Transport& transport, wiremark_flow* state, bool is_wanted);
    void Keep(const wiremark_flow& state, const wiremark_verdict& verdict);
    void StopWatching();

    uint32_t packets = 0;
    Packed flow{0, 0, ALL};
};

static_assert(sizeof(Tap) == 16);

} // namespace plugin::Wiremark_Verdicts
