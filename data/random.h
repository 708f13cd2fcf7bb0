// Random numbers for data: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA
// 2014: add the golden gamma, mix by two multiplications), started from a hash of three keys, on which alone they
// depend. Kernels use Philox (kernels/philox.h), a block of numbers per token; here one at a time is enough.
#ifndef DATA_RANDOM_H
#define DATA_RANDOM_H
#include <stdint.h>

typedef struct Random {
    uint64_t state;
} Random;

static inline uint64_t random_mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline uint64_t random_next(Random *random) {
    random->state += 0x9e3779b97f4a7c15u;
    return random_mix(random->state);
}

static inline Random random_keyed(uint64_t seed, uint64_t stream, uint64_t index) {
    uint64_t x = random_mix(seed + 0x9e3779b97f4a7c15u);
    x = random_mix((x ^ stream) + 0x9e3779b97f4a7c15u);
    return (Random){random_mix((x ^ index) + 0x9e3779b97f4a7c15u)};
}

// Uniform on low..high, both included; low <= high. The bias is below range / 2^64.
static inline int random_range(Random *random, int low, int high) {
    return low + (int)(random_next(random) % ((uint64_t)(high - low) + 1));
}

// Uniform on [0, 1), 53 bits.
static inline double random_unit(Random *random) { return (double)(random_next(random) >> 11) * 0x1p-53; }

// FNV-1a over the bytes, then the mixer, because FNV alone leaves its high bits poorly mixed on short strings.
static inline uint64_t text_hash(const char *text, uint64_t seed) {
    uint64_t x = 0xcbf29ce484222325u ^ random_mix(seed);
    for (; *text; text++) x = (x ^ (unsigned char)*text) * 0x100000001b3u;
    return random_mix(x);
}
#endif
