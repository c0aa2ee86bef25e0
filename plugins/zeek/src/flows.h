// Flows between their packets, packed: of the 64 bytes of most, five in eight are zero for as long as they live.
#pragma once

#include <wiremark.h>

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

namespace plugin::Wiremark_Verdicts {

// Memory for blocks of the same size, without malloc's bytes around each.
class Blocks {
public:
    explicit Blocks(size_t words) : words(words) {}

    // The place of a block, or NONE once there are as many as a place can tell.
    uint32_t Take();
    void Give(uint32_t place);
    uint64_t* At(uint32_t place) const { return slabs[place / SLAB].get() + place % SLAB * words; }

    static constexpr uint32_t PLACE_BITS = 22;
    static constexpr uint32_t NONE = (1U << PLACE_BITS) - 1;

private:
    static constexpr uint32_t SLAB = 512; // blocks

    size_t words;
    uint32_t taken = 0;
    uint32_t given = NONE; // the first of those given back; each has the place of the next
    std::vector<std::unique_ptr<uint64_t[]>> slabs;
};

// Which words of a flow are not zero, and where they are. Itself zero: a new flow.
struct Packed {
    uint32_t words : 8;
    uint32_t place : Blocks::PLACE_BITS;
    uint32_t watch : 2; // its owner's
};

// How many of eight bits are set: without the processor's instruction, which old ones lack, it is a call.
constexpr auto COUNT = [] {
    std::array<uint8_t, 256> count{};
    for ( size_t bits = 0; bits < count.size(); bits++ )
        count[bits] = static_cast<uint8_t>(std::popcount(bits));
    return count;
}();

class Flows {
public:
    wiremark_flow Get(Packed packed) const {
        wiremark_flow flow{};
        const uint64_t* from = packed.words != 0 ? blocks[COUNT[packed.words]].At(packed.place) : nullptr;
        for ( uint32_t left = packed.words; left != 0; left &= left - 1 )
            flow.opaque[std::countr_zero(left)] = *from++;
        return flow;
    }
    // False where there is no more room: the flow is a new one then.
    bool Put(const wiremark_flow& flow, Packed* packed);
    void Drop(Packed* packed);

private:
    std::array<Blocks, 9> blocks{Blocks{0}, Blocks{1}, Blocks{2}, Blocks{3}, Blocks{4}, Blocks{5}, Blocks{6}, Blocks{7}, Blocks{8}};
};

} // namespace plugin::Wiremark_Verdicts
