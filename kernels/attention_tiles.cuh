// Optional (CUDA): tiles for attention on tensor cores (bf16, head sizes 16, 32, 64 and 128), in training and decoding.
// A warp owns 16 rows of an output and reads the other operand from tiles in shared memory. Layouts: ptx.cuh. A row of
// a tile is HS values and 8 of padding, so that the 8 rows which one ldmatrix reads lie in different banks.
#ifndef KERNELS_ATTENTION_TILES_CUH
#define KERNELS_ATTENTION_TILES_CUH
#include "kernels/device/ptx.cuh"
#include "kernels/device/vector.cuh"

typedef __nv_bfloat16 bf16;
template <int HS> constexpr int tile_row = HS + 8;

enum { KEY_TILE = 64 }; // keys in a step of the online softmax, the same for training and decoding: the same bits
static const float LOG2_E = 1.44269504f;

// Starts the copies of `rows` rows of a tile by `threads` threads. row_of(i) is the address of row i < valid (valid >=
// 1); the rows from `valid` on become 0. A thread copies in one column, a number of times that is a constant, and whole
// tiles take a path without tests: otherwise the copies need more instructions than the products.
template <int HS, int rows, int threads, class RowOf>
DEVICE_INLINE void tile_load(bf16 *tile, int valid, int thread, RowOf row_of) {
    constexpr int at_once = threads / (HS / 8); // rows
    int first = thread / (HS / 8), c = thread % (HS / 8) * 8;
    auto copy = [&](bool whole) {
#pragma unroll
        for (int k = 0; k < ceil_div(rows, at_once); k++) {
            int row = first + k * at_once;
            if (rows % at_once != 0 && row >= rows) continue;
            cp_async_16(tile + row * tile_row<HS> + c, row_of(whole ? row : min(row, valid - 1)) + c,
                        whole || row < valid ? 16 : 0);
        }
    };
    if (valid >= rows) copy(true);
    else copy(false);
}

// acc (16, 8 NT) += A B^T over HS channels: A is 16 rows of a tile at a, B is 8 NT rows of a tile at b.
template <int HS, int NT> DEVICE_INLINE void tile_dot(float (&acc)[NT][4], const bf16 *a, const bf16 *b) {
    int lane = threadIdx.x % 32;
    const bf16 *a_row = a + lane % 16 * tile_row<HS> + 8 * (lane / 16);
    const bf16 *b_row = b + (lane % 8 + 8 * (lane / 16)) * tile_row<HS> + 8 * (lane / 8 % 2);
#pragma unroll
    for (int c = 0; c < HS; c += 16) {
        unsigned fa[4], fb[4];
        ldmatrix_x4(fa, a_row + c);
#pragma unroll
        for (int n = 0; n < NT; n += 2) {
            ldmatrix_x4(fb, b_row + 8 * n * tile_row<HS> + c);
            mma_m16n8k16(acc[n], fa, fb[0], fb[1]);
            mma_m16n8k16(acc[n + 1], fa, fb[2], fb[3]);
        }
    }
}

// acc (16, HS) += P B: P (16, 8 NT) is the accumulator of another product, rounded to bf16; B is a tile of 8 NT rows.
template <int HS, int NT> DEVICE_INLINE void tile_sum(float (&acc)[HS / 8][4], const float (&p)[NT][4], const bf16 *b) {
    int lane = threadIdx.x % 32;
    const bf16 *b_row = b + lane % 16 * tile_row<HS> + 8 * (lane / 16);
#pragma unroll
    for (int n = 0; n < NT; n += 2) {
        const unsigned fa[4] = {pack_bf16(p[n][0], p[n][1]), pack_bf16(p[n][2], p[n][3]),
                                pack_bf16(p[n + 1][0], p[n + 1][1]), pack_bf16(p[n + 1][2], p[n + 1][3])};
        unsigned fb[4];
#pragma unroll
        for (int c = 0; c < HS / 8; c += 2) {
            ldmatrix_x4_trans(fb, b_row + 8 * n * tile_row<HS> + 8 * c);
            mma_m16n8k16(acc[c], fa, fb[0], fb[1]);
            mma_m16n8k16(acc[c + 1], fa, fb[2], fb[3]);
        }
    }
}

// The row and the column of a lane's acc[n][i].
DEVICE_INLINE int tile_row_of(int i) { return threadIdx.x % 32 / 4 + 8 * (i / 2); }
DEVICE_INLINE int tile_column_of(int n, int i) { return 8 * n + 2 * (threadIdx.x % 4) + i % 2; }

// Reductions over the four lanes that share a row.
DEVICE_INLINE float quad_max(float x) {
    x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
    return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}
DEVICE_INLINE float quad_sum(float x) {
    x += __shfl_xor_sync(0xffffffffu, x, 1);
    return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

// The online softmax of a lane's two rows, g and g + 8. o (16, HS) is not yet divided by the sum; each lane holds the
// sum of the columns it has seen. max is the maximum of the scores before scaling.
template <int HS> struct Online {
    float o[HS / 8][4] = {}, max[2] = {-INFINITY, -INFINITY}, sum[2] = {};
};

// Turns the scores s (16, KEY_TILE), -inf where masked, into weights relative to the new maximum, and rescales o and
// sum to it. In powers of two: scale2 = log2(e) / sqrt(HS). A row without keys so far keeps max = -inf and sum = 0, and
// keys that are all masked change no bit of a row.
template <int HS> DEVICE_INLINE void online_weights(Online<HS> *x, float (&s)[KEY_TILE / 8][4], float scale2) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
        float max = -INFINITY;
#pragma unroll
        for (int n = 0; n < KEY_TILE / 8; n++) max = fmaxf(max, fmaxf(s[n][2 * half], s[n][2 * half + 1]));
        max = quad_max(max);
        bool masked = max == -INFINITY;
        max = fmaxf(max, x->max[half]);
        float base = max == -INFINITY ? 0.0f : max * scale2;
        float keep = masked ? 1.0f : exp2_approx(x->max[half] * scale2 - base); // contracted, it may round off from 1
        x->max[half] = max;
        x->sum[half] *= keep;
#pragma unroll
        for (int c = 0; c < HS / 8; c++) x->o[c][2 * half] *= keep, x->o[c][2 * half + 1] *= keep;
#pragma unroll
        for (int n = 0; n < KEY_TILE / 8; n++)
#pragma unroll
            for (int i = 2 * half; i < 2 * half + 2; i++) {
                s[n][i] = exp2_approx(s[n][i] * scale2 - base);
                x->sum[half] += s[n][i];
            }
    }
}

#endif
