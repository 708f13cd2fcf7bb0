// host only: the register tile under every matrix product of the C build.
//
//   C[r][j] (+)= sum over k of A[r][k] * B[k][j]        r < rows <= TILE_ROWS, j < TILE_COLS
//
// Each output is ONE chain of fused multiply-adds over ascending k, started from C (load = true) or from 0. Its bits
// therefore depend on the operands alone: not on the number of rows in the call, the place of the row in it, the
// thread, or on how k was cut into pieces, because a partial sum kept in C is the same float as one in a register.
// That one property carries the bit-exact policy: a token decoded alone and the same token in a training batch
// of thousands go through the same chain.
//
// Shape: an AVX2 core needs 2 FMA units x 4 cycles = 8+ independent accumulators and has 16 registers: 6 x 2 vectors of
// accumulators, 2 for B, 1 for the broadcast of A. AVX-512 has 32 registers: 12 x 2.
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

// `aligned(4)`: loads and stores through this type may be unaligned; `may_alias`: it reads arrays of float.
typedef float tile_vec __attribute__((vector_size(4 * TILE_LANES), aligned(4), may_alias));

// The body for a number of rows that the compiler knows, so that the accumulators live in registers.
// A[r][k] stands at a[r * row_step + k * k_step]; B is a packed panel (K, TILE_COLS); C rows are ldc floats apart.
static inline __attribute__((always_inline)) void tile_rows(int rows, float *c, size_t ldc, const float *a,
                                                            size_t row_step, size_t k_step, const float *panel, int K,
                                                            bool load) {
    tile_vec acc[TILE_ROWS][2];
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++) {
        const tile_vec *from = (const tile_vec *)(c + (size_t)r * ldc);
        acc[r][0] = load ? from[0] : (tile_vec){0};
        acc[r][1] = load ? from[1] : (tile_vec){0};
    }
    for (int k = 0; k < K; k++) {
        const tile_vec *b = (const tile_vec *)(panel + (size_t)k * TILE_COLS);
        tile_vec b0 = b[0], b1 = b[1];
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++) {
            float s = a[(size_t)r * row_step + (size_t)k * k_step];
            acc[r][0] += s * b0;
            acc[r][1] += s * b1;
        }
    }
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++) {
        tile_vec *to = (tile_vec *)(c + (size_t)r * ldc);
        to[0] = acc[r][0];
        to[1] = acc[r][1];
    }
}

static inline void tile_multiply(int rows, float *c, size_t ldc, const float *a, size_t row_step, size_t k_step,
                                 const float *panel, int K, bool load) {
    switch (rows) {
#define TILE_CASE(n)                                                                                                   \
    case n: tile_rows(n, c, ldc, a, row_step, k_step, panel, K, load); break;
        TILE_CASE(1)
        TILE_CASE(2)
        TILE_CASE(3)
        TILE_CASE(4)
        TILE_CASE(5)
        TILE_CASE(6)
#if defined(__AVX512F__)
        TILE_CASE(7)
        TILE_CASE(8)
        TILE_CASE(9)
        TILE_CASE(10)
        TILE_CASE(11)
        TILE_CASE(12)
#endif
#undef TILE_CASE
    }
}

// A product of one row is a chain in which every multiply-add waits for the one before. Independent ones taken together
// hide that wait; each keeps its own chain, so no bit changes. All share ldc, row_step, rows, K and load; k_step is 1.
typedef struct TileJob {
    float *c;
    const float *a, *panel;
} TileJob;

static inline __attribute__((always_inline)) void tile_jobs(int count, int rows, const TileJob *job, size_t ldc,
                                                            size_t row_step, int K, bool load) {
    tile_vec acc[TILE_ROWS][2]; // count * rows <= TILE_ROWS
    for (int t = 0; t < count; t++)
        for (int r = 0; r < rows; r++) {
            const tile_vec *from = (const tile_vec *)(job[t].c + (size_t)r * ldc);
            acc[t * rows + r][0] = load ? from[0] : (tile_vec){0};
            acc[t * rows + r][1] = load ? from[1] : (tile_vec){0};
        }
    for (int k = 0; k < K; k++)
#pragma GCC unroll 4
        for (int t = 0; t < count; t++) {
            const tile_vec *b = (const tile_vec *)(job[t].panel + (size_t)k * TILE_COLS);
#pragma GCC unroll 12
            for (int r = 0; r < rows; r++) {
                float s = job[t].a[(size_t)r * row_step + k];
                acc[t * rows + r][0] += s * b[0];
                acc[t * rows + r][1] += s * b[1];
            }
        }
    for (int t = 0; t < count; t++)
        for (int r = 0; r < rows; r++) {
            tile_vec *to = (tile_vec *)(job[t].c + (size_t)r * ldc);
            to[0] = acc[t * rows + r][0];
            to[1] = acc[t * rows + r][1];
        }
}

static inline void tile_multiply_jobs(int count, int rows, const TileJob *job, size_t ldc, size_t row_step, int K, bool load) {
    for (; rows == 1 && count >= 4; count -= 4, job += 4) tile_jobs(4, 1, job, ldc, row_step, K, load);
#if defined(__AVX512F__)
    for (; rows == 2 && count >= 4; count -= 4, job += 4) tile_jobs(4, 2, job, ldc, row_step, K, load);
    for (; rows == 3 && count >= 4; count -= 4, job += 4) tile_jobs(4, 3, job, ldc, row_step, K, load);
#endif
    for (; rows == 1 && count >= 2; count -= 2, job += 2) tile_jobs(2, 1, job, ldc, row_step, K, load);
    for (; rows == 2 && count >= 2; count -= 2, job += 2) tile_jobs(2, 2, job, ldc, row_step, K, load);
    for (; rows == 3 && count >= 2; count -= 2, job += 2) tile_jobs(2, 3, job, ldc, row_step, K, load);
    for (; count > 0; count--, job++) tile_multiply(rows, job->c, ldc, job->a, row_step, 1, job->panel, K, load);
}

#endif
