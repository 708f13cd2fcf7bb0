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

// ---- several small products in step ----
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

// ---- packing ----

// shuffle(a, b, i...): lane l of the result is lane i_l of a and b laid end to end
#if defined(__clang__)
#define TILE_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef int tile_lanes __attribute__((vector_size(4 * TILE_LANES)));
#define TILE_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (tile_lanes){__VA_ARGS__})
#endif
#if defined(__AVX512F__)
#define TILE_EACH_LANE(f, d)                                                                                           \
    f(0, d), f(1, d), f(2, d), f(3, d), f(4, d), f(5, d), f(6, d), f(7, d), f(8, d), f(9, d), f(10, d), f(11, d),      \
        f(12, d), f(13, d), f(14, d), f(15, d)
#else
#define TILE_EACH_LANE(f, d) f(0, d), f(1, d), f(2, d), f(3, d), f(4, d), f(5, d), f(6, d), f(7, d)
#endif
#define TILE_LOW(l, d)  ((l) & (d) ? TILE_LANES + (l) - (d) : (l))
#define TILE_HIGH(l, d) ((l) & (d) ? TILE_LANES + (l) : (l) + (d))

// A square of TILE_LANES columns of B, each contiguous in k, to rows of a panel: to[k][j] = b[j * col_step + k].
// Stage d swaps, in every pair of rows d apart, the lanes whose index has bit d the wrong way round (Eklundh 1972).
static inline void tile_transpose(float *to, const float *b, size_t col_step) {
    tile_vec row[TILE_LANES];
#pragma GCC unroll 16
    for (int j = 0; j < TILE_LANES; j++) row[j] = *(const tile_vec *)(b + (size_t)j * col_step);
#define TILE_STAGE(d)                                                                                                  \
    _Pragma("GCC unroll 16") for (int i = 0; i < TILE_LANES; i++) {                                                    \
        if (i & (d)) continue;                                                                                         \
        tile_vec low = TILE_SHUFFLE(row[i], row[i + (d)], TILE_EACH_LANE(TILE_LOW, d));                                \
        row[i + (d)] = TILE_SHUFFLE(row[i], row[i + (d)], TILE_EACH_LANE(TILE_HIGH, d));                               \
        row[i] = low;                                                                                                  \
    }
    TILE_STAGE(1)
    TILE_STAGE(2)
    TILE_STAGE(4)
#if defined(__AVX512F__)
    TILE_STAGE(8)
#endif
#undef TILE_STAGE
#pragma GCC unroll 16
    for (int k = 0; k < TILE_LANES; k++) *(tile_vec *)(to + (size_t)k * TILE_COLS) = row[k];
}

// Packs B (K rows) into a panel of TILE_COLS columns of which `cols` exist; the others become 0 (their outputs are
// dropped). B[k][j] stands at b[k * k_step + j * col_step].
static inline void tile_pack(float *panel, const float *b, size_t k_step, size_t col_step, int K, int cols) {
    int packed = 0; // rows of the panel that are done
    if (cols == TILE_COLS && col_step == 1) {
        for (; packed < K; packed++)
            for (int h = 0; h < 2; h++)
                ((tile_vec *)(panel + (size_t)packed * TILE_COLS))[h] = ((const tile_vec *)(b + (size_t)packed * k_step))[h];
    } else if (cols == TILE_COLS && k_step == 1) {
        for (; packed + TILE_LANES <= K; packed += TILE_LANES)
            for (int h = 0; h < TILE_COLS; h += TILE_LANES)
                tile_transpose(panel + (size_t)packed * TILE_COLS + h, b + packed + (size_t)h * col_step, col_step);
    }
    for (int k = packed; k < K; k++)
        for (int j = 0; j < TILE_COLS; j++)
            panel[(size_t)k * TILE_COLS + j] = j < cols ? b[(size_t)k * k_step + (size_t)j * col_step] : 0.0f;
}

#endif
