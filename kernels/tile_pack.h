// host only: packs operands into the panels of tile.h, a square of registers at a time.
#ifndef KERNELS_TILE_PACK_H
#define KERNELS_TILE_PACK_H
#include "kernels/tile.h"

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

// Transposes a square of B: to[k][j] = b[j * col_step + k] for j, k < TILE_LANES; rows of `to` are TILE_COLS apart.
// Stage d swaps, in pairs of rows d apart, the first's lanes with bit d set and the second's without (Eklundh 1972).
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

// Writes panel[k][j] = b[k * k_step + j * col_step] (K, TILE_COLS), 0 for j >= cols, whose outputs the caller drops.
static inline void tile_pack(float *panel, const float *b, size_t k_step, size_t col_step, int K, int cols) {
    int k = 0;
    if (cols == TILE_COLS && col_step == 1) {
        for (; k < K; k++)
            for (int h = 0; h < TILE_COLS; h += TILE_LANES)
                *(tile_vec *)(panel + (size_t)k * TILE_COLS + h) = *(const tile_vec *)(b + (size_t)k * k_step + h);
    } else if (cols == TILE_COLS && k_step == 1) {
        for (; k + TILE_LANES <= K; k += TILE_LANES)
            for (int h = 0; h < TILE_COLS; h += TILE_LANES)
                tile_transpose(panel + (size_t)k * TILE_COLS + h, b + k + (size_t)h * col_step, col_step);
    }
    for (; k < K; k++) // the rows that are not packed yet
        for (int j = 0; j < TILE_COLS; j++)
            panel[(size_t)k * TILE_COLS + j] = j < cols ? b[(size_t)k * k_step + (size_t)j * col_step] : 0.0f;
}

#endif
