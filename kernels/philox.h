// Philox 4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
// A random number is a pure function of (key, counter): the sampler keys it by seed and counts by (step, prompt,
// rollout, position), so a token does not depend on batch, slot, thread or rank. Shared by the C and CUDA twins.
#ifndef KERNELS_PHILOX_H
#define KERNELS_PHILOX_H
#include <stdint.h>

#ifdef __CUDACC__
#define PHILOX_INLINE static inline __host__ __device__
#else
#define PHILOX_INLINE static inline
#endif

typedef struct Philox {
    uint32_t word[4];
} Philox;

PHILOX_INLINE Philox philox(uint64_t key, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3) {
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

// uniform in [0, 1), 24 bits: exact in a float
PHILOX_INLINE float philox_uniform(uint32_t word) { return (float)(word >> 8) * (1.0f / 16777216.0f); }

#endif
