// host only: the register tile under every matrix product of the C build.
//
//   C[r][j] (+)= sum over k of A[r][k] * B[k][j]        r < rows <= TILE_ROWS, j < TILE_COLS
//
// Each output is ONE chain of fused multiply-adds over ascending k that starts from C (load = true) or from 0. Its bits
// depend on the operands alone: not on how many rows the call has, which of them this one is, or which thread runs it.
// Cutting k into pieces changes no bit either, since a partial sum stored in C is the same float as in a register.
// The bit-exact policy rests on this: a token decoded alone goes through the same chain as in a batch of thousands.
//
// Shape: an AVX2 core with 2 FMA units of 4 cycles latency needs 8 or more independent accumulators. It has 16 vector
// registers: 6 x 2 accumulators, 2 for B, 1 for the broadcast of A. AVX-512 has 32 registers: 12 x 2 accumulators.
// Cost: 2 FLOPs for every element of A and column; FLOPs are the limit once B is packed and in cache.
#ifndef KERNELS_TILE_H
#define KERNELS_TILE_H
#include <stdbool.h>
#include <stddef.h>

#if defined(__AVX512F__)
enum { TILE_LANES = 16, TILE_ROWS = 12 };
#else
enum { TILE_LANES = 8, TILE_ROWS = 6 };
#endif
enum { TILE_COLS = 2 * TILE_LANES };

static inline int smaller(int a, int b) { return a < b ? a : b; }
static inline int round_up(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }

// `aligned(4)`: loads and stores through this type may be unaligned; `may_alias`: it reads arrays of float.
typedef float tile_vec __attribute__((vector_size(4 * TILE_LANES), aligned(4), may_alias));

// One product: C (rows, TILE_COLS), rows ldc floats apart; A[r][k] is a[r * row_step + k * k_step]; B (K, TILE_COLS).
//
// In a product of few rows every multiply-add waits for the one before it. Computing several independent products
// together hides that latency; each keeps its own chain, so no bit changes.
typedef struct TileJob {
    float *c;
    const float *a, *panel;
} TileJob;

// `count` and `rows` are constants wherever this is inlined, count * rows <= TILE_ROWS: the accumulators are registers.
static inline __attribute__((always_inline)) void tile_jobs(int count, int rows, const TileJob *job, size_t ldc,
                                                            size_t row_step, size_t k_step, int K, bool load) {
    tile_vec acc[TILE_ROWS][2];
#pragma GCC unroll 4
    for (int t = 0; t < count; t++)
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++) {
            const tile_vec *from = (const tile_vec *)(job[t].c + (size_t)r * ldc);
            acc[t * rows + r][0] = load ? from[0] : (tile_vec){0};
            acc[t * rows + r][1] = load ? from[1] : (tile_vec){0};
        }
    for (int k = 0; k < K; k++)
#pragma GCC unroll 4
        for (int t = 0; t < count; t++) {
            const tile_vec *b = (const tile_vec *)(job[t].panel + (size_t)k * TILE_COLS);
            tile_vec b0 = b[0], b1 = b[1];
#pragma GCC unroll 12
            for (int r = 0; r < rows; r++) {
                float s = job[t].a[(size_t)r * row_step + (size_t)k * k_step];
                acc[t * rows + r][0] += s * b0;
                acc[t * rows + r][1] += s * b1;
            }
        }
#pragma GCC unroll 4
    for (int t = 0; t < count; t++)
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++) {
            tile_vec *to = (tile_vec *)(job[t].c + (size_t)r * ldc);
            to[0] = acc[t * rows + r][0];
            to[1] = acc[t * rows + r][1];
        }
}

// One product, whatever its number of rows.
static inline void tile_multiply(int rows, float *c, size_t ldc, const float *a, size_t row_step, size_t k_step,
                                 const float *panel, int K, bool load) {
    const TileJob job = {c, a, panel};
    switch (rows) {
#define TILE_CASE(n)                                                                                                   \
    case n: tile_jobs(1, n, &job, ldc, row_step, k_step, K, load); break;
        TILE_CASE(1) TILE_CASE(2) TILE_CASE(3) TILE_CASE(4) TILE_CASE(5) TILE_CASE(6)
#if defined(__AVX512F__)
        TILE_CASE(7) TILE_CASE(8) TILE_CASE(9) TILE_CASE(10) TILE_CASE(11) TILE_CASE(12)
#endif
#undef TILE_CASE
    }
}

// `count` products of equal shape, with k_step 1.
static inline void tile_multiply_jobs(int count, int rows, const TileJob *job, size_t ldc, size_t row_step, int K,
                                      bool load) {
    for (; rows == 1 && count >= 4; count -= 4, job += 4) tile_jobs(4, 1, job, ldc, row_step, 1, K, load);
#if defined(__AVX512F__)
    for (; rows == 2 && count >= 4; count -= 4, job += 4) tile_jobs(4, 2, job, ldc, row_step, 1, K, load);
    for (; rows == 3 && count >= 4; count -= 4, job += 4) tile_jobs(4, 3, job, ldc, row_step, 1, K, load);
#endif
    for (; rows == 1 && count >= 2; count -= 2, job += 2) tile_jobs(2, 1, job, ldc, row_step, 1, K, load);
    for (; rows == 2 && count >= 2; count -= 2, job += 2) tile_jobs(2, 2, job, ldc, row_step, 1, K, load);
    for (; rows == 3 && count >= 2; count -= 2, job += 2) tile_jobs(2, 3, job, ldc, row_step, 1, K, load);
    for (; count > 0; count--, job++) tile_multiply(rows, job->c, ldc, job->a, row_step, 1, job->panel, K, load);
}

#endif
