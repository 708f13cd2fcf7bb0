// Philox 4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC
// 2011). A random number is a pure function of (key, counter). The sampler's key is the seed and its counter (step,
// prompt, rollout, position), sample.h, so a drawn token does not depend on batch, slot, thread or rank.
#ifndef KERNELS_PHILOX_H
#define KERNELS_PHILOX_H
#include "kernels/twin.h"
#include <stdint.h>

typedef struct Philox { uint32_t word[4]; } Philox;

TWIN_INLINE Philox philox(uint64_t key, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3) {
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    Philox out = {{c0, c1, c2, c3}};
    return out;
}

// Uniform in [0, 1), a multiple of 2^-24: exact in a float.
TWIN_INLINE float philox_uniform(uint32_t word) { return (float)(word >> 8) * (1.0f / 16777216.0f); }

#endif
