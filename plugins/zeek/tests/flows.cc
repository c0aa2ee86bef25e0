// Flows come back as they were put, whatever of them is zero, and what was dropped makes room: c++ -std=c++20 tests/flows.cc src/flows.cc
#include "../src/flows.h"

#include <cstdio>
#include <cstring>
#include <random>

using namespace plugin::Wiremark_Verdicts;

int main() {
    std::mt19937_64 random{17};
    Flows flows;
    std::vector<Packed> packed(3000);
    std::vector<wiremark_flow> expected(packed.size());
    for ( int step = 0; step < 300000; step++ ) {
        const auto at = random() % packed.size();
        if ( random() % 8 == 0 ) {
            flows.Drop(&packed[at]);
            expected[at] = {};
        }
        else {
            for ( auto& word : expected[at].opaque )
                word = random() % 2 ? random() : 0;
            if ( ! flows.Put(expected[at], &packed[at]) )
                return std::puts("no room"), 1;
        }
        const auto other = random() % packed.size();
        for ( const auto i : {at, other} ) {
            const auto flow = flows.Get(packed[i]);
            if ( std::memcmp(&flow, &expected[i], sizeof flow) != 0 )
                return std::printf("step %d: another flow\n", step), 1;
        }
    }
    return 0;
}
