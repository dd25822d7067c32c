// SPDX-License-Identifier: Apache-2.0
// The random accesses of an explicit-state search, and nothing else: read, add, write 8 bytes at
// places that a hash names, 64 of them prefetched at a time. bench/ram.ll is the same for LLVM.
#include <stdint.h>

static uint64_t place(uint64_t i) {  // SplitMix64 (Steele, Lea, Flood 2014)
    i += 0x9E3779B97F4A7C15ULL;
    i = (i ^ (i >> 30)) * 0xBF58476D1CE4E5B9ULL;
    i = (i ^ (i >> 27)) * 0x94D049BB133111EBULL;
    return i ^ (i >> 31);
}

void touch(uint64_t *table, uint64_t mask, uint64_t seed, uint64_t count) {
    uint64_t places[64];
    for (uint64_t i = 0; i < count; i += 64) {
        for (int j = 0; j < 64; j++) {
            places[j] = place(seed + i + j) & mask;
            __builtin_prefetch(&table[places[j]], 1, 0);
        }
        for (int j = 0; j < 64; j++)
            table[places[j]]++;
    }
}
