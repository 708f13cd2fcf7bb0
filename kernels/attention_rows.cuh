// Optional (CUDA): attention with one warp per row, in fp32 arithmetic, for every head size up to 256. PRECISION=fp32
// uses it, and bf16 does where attention_tiles.cuh has no kernel for the head size. Decoding calls the same
// row_forward, so a token's bits are the same in generation and in training.
#ifndef KERNELS_ATTENTION_ROWS_CUH
#define KERNELS_ATTENTION_ROWS_CUH
#include "kernels/device/vector.cuh"

enum { CHANNELS = 8, HEAD_MAX = 32 * CHANNELS }; // a lane owns the channels lane, lane + 32, ...

DEVICE_INLINE float dot(const floatX *a, const floatX *b, int HS) {
    float sum = 0;
    for (int c = 0; c < HS; c++) sum += to_float(a[c]) * to_float(b[c]);
    return sum;
}

// acc += the sum over l < rows of lane l's weight times row l
template <class RowOf>
DEVICE_INLINE void add_rows(float (&acc)[CHANNELS], float weight, int rows, int HS, RowOf row_of) {
    for (int l = 0; l < rows; l++) {
        float w = __shfl_sync(0xffffffffu, weight, l);
        const floatX *row = row_of(l);
        for (int i = 0, c = threadIdx.x % 32; i < CHANNELS && c < HS; i++, c += 32) acc[i] += w * to_float(row[c]);
    }
}

DEVICE_INLINE void store_row(floatX *to, const float (&x)[CHANNELS], int HS, float scale) {
    for (int i = 0, c = threadIdx.x % 32; i < CHANNELS && c < HS; i++, c += 32)
        to[c] = from_float<floatX>(x[i] * scale);
}

// Writes o = softmax(q . k / sqrt(HS)) v over the keys 0 .. keys-1 by an online softmax over 32 keys at a time, one
// score per lane. Returns the log-sum-exp of the scaled scores.
template <class KeyOf, class ValueOf>
DEVICE_INLINE float row_forward(floatX *o, const floatX *q, KeyOf key_of, ValueOf value_of, int keys, int HS) {
    float scale = 1.0f / sqrtf(float(HS)), max = -INFINITY, sum = 0, acc[CHANNELS] = {};
    int lane = threadIdx.x % 32;
    for (int j0 = 0; j0 < keys; j0 += 32) {
        float s = j0 + lane < keys ? dot(q, key_of(j0 + lane), HS) * scale : -INFINITY;
        float higher = fmaxf(max, warp_max(s)), keep = expf(max - higher), p = expf(s - higher);
        max = higher;
        sum = sum * keep + warp_sum(p);
        for (int i = 0; i < CHANNELS; i++) acc[i] *= keep;
        add_rows(acc, p, min(32, keys - j0), HS, [&](int l) { return value_of(j0 + l); });
    }
    store_row(o, acc, HS, 1.0f / sum);
    return max + logf(sum);
}

#endif
