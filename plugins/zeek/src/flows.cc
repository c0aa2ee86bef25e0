#include "flows.h"

namespace plugin::Wiremark_Verdicts {

uint32_t Blocks::Take() {
    if ( given != NONE ) {
        const auto place = given;
        given = static_cast<uint32_t>(*At(place));
        return place;
    }
    if ( taken == NONE )
        return NONE;
    if ( taken % SLAB == 0 )
        slabs.push_back(std::make_unique_for_overwrite<uint64_t[]>(SLAB * words));
    return taken++;
}

void Blocks::Give(uint32_t place) {
    *At(place) = given;
    given = place;
}

bool Flows::Put(const wiremark_flow& flow, Packed* packed) {
    uint32_t words = 0;
    for ( uint32_t i = 0; i < 8; i++ )
        words |= static_cast<uint32_t>(flow.opaque[i] != 0) << i;
    auto& of_size = blocks[COUNT[words]];
    if ( &of_size != &blocks[COUNT[packed->words]] ) {
        Drop(packed);
        const auto place = words != 0 ? of_size.Take() : 0;
        if ( place == Blocks::NONE )
            return false;
        packed->place = place;
    }
    packed->words = words;
    uint64_t* to = words != 0 ? of_size.At(packed->place) : nullptr;
    for ( uint32_t left = words; left != 0; left &= left - 1 )
        *to++ = flow.opaque[std::countr_zero(left)];
    return true;
}

void Flows::Drop(Packed* packed) {
    if ( packed->words != 0 )
        blocks[COUNT[packed->words]].Give(packed->place);
    packed->words = 0;
    packed->place = 0;
}

} // namespace plugin::Wiremark_Verdicts
