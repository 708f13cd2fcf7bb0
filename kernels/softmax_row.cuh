// One row of a softmax in the CUDA build: the device twin of softmax_row.h. The sampler and the policy loss use these
// same functions, so the same logits give the same log-probability in generation and in training.
//
// One read of the row yields the maximum and all four sums: a thread keeps its sums relative to the largest value it has
// seen, and two sets of sums are brought to the larger maximum of the two before they are added. With d = old - new <= 0
// the values u = z / temp - max become u + d, so
//   s0' = e^d s0   s1' = e^d (s1 + d s0)   s2' = e^2d s2   s3' = e^2d (s3 + d s2)
#ifndef KERNELS_SOFTMAX_ROW_CUH
#define KERNELS_SOFTMAX_ROW_CUH
#include "kernels/device/vector.cuh"

// The block that holds a row: as many warps as the row has use for, up to ROW_THREADS / 32. Many, for a decoding step may have
// fewer rows than the device has processors, and a processor reads as fast as its threads ask.
enum { ROW_THREADS = 512 };
static inline int row_threads(int V, int W) { return V >= ROW_THREADS * W ? static_cast<int>(ROW_THREADS) : ceil_div(V, 32 * W) * 32; }

// -inf stands for "nothing seen yet"; all sums are then 0.
struct PolicySums {
    float max, s0, s1, s2, s3; // of z / temp; sum e^u, e^u u, e^2u, e^2u u
};

DEVICE_INLINE void sums_move(PolicySums *s, float max) {
    if (s->max == max || s->s0 == 0) {
        s->max = max;
        return;
    }
    float d = s->max - max, e = expf(d), e2 = e * e;
    s->s1 = e * (s->s1 + d * s->s0);
    s->s3 = e2 * (s->s3 + d * s->s2);
    s->s0 *= e;
    s->s2 *= e2;
    s->max = max;
}

DEVICE_INLINE void sums_add_value(PolicySums *s, float scaled) {
    if (scaled == -INFINITY) return;               // weighs nothing
    if (!(scaled <= s->max)) sums_move(s, scaled); // a NaN comes through here, and stays
    float u = scaled - s->max, e = expf(u), e2 = e * e;
    s->s0 += e;
    s->s1 += e * u;
    s->s2 += e2;
    s->s3 += e2 * u;
}

DEVICE_INLINE PolicySums sums_merge(PolicySums a, PolicySums b) {
    float max = fmaxf(a.max, b.max);
    sums_move(&a, max);
    sums_move(&b, max);
    return {max, a.s0 + b.s0, a.s1 + b.s1, a.s2 + b.s2, a.s3 + b.s3};
}

DEVICE_INLINE PolicySums sums_shuffle(PolicySums s, int offset) {
    return {__shfl_xor_sync(0xffffffffu, s.max, offset), __shfl_xor_sync(0xffffffffu, s.s0, offset), __shfl_xor_sync(0xffffffffu, s.s1, offset),
            __shfl_xor_sync(0xffffffffu, s.s2, offset), __shfl_xor_sync(0xffffffffu, s.s3, offset)};
}

// The policy pi = softmax(z / temp) of one row (formulas: softmax_row.h). All threads of the block get it.
struct PolicyRow {
    float scaled_max; // max z / temp
    float sum;        // s0
    float log_sum;    // log s0
    float entropy;    // H, nats
    float E;
};

// Over the whole block of row_threads(V, W). W is WIDE where V is a multiple of it, for the sampler and the loss alike: the
// bits depend on the row alone.
template <int W> DEVICE_INLINE PolicyRow policy_row(const float *z, int V, float inv_temp) {
    __shared__ PolicySums of_warp[ROW_THREADS / 32];
    PolicySums sums = {-INFINITY, 0, 0, 0, 0};
    int lane = threadIdx.x % 32, warps = blockDim.x / 32;
    float x[W];
    for (int i = threadIdx.x * W; i < V; i += blockDim.x * W) {
        load_floats(x, z + i);
        for (int k = 0; k < W; k++) sums_add_value(&sums, x[k] * inv_temp);
    }
    for (int offset = 16; offset > 0; offset /= 2) sums = sums_merge(sums, sums_shuffle(sums, offset));
    if (warps > 1) {
        if (lane == 0) of_warp[threadIdx.x / 32] = sums;
        __syncthreads();
        sums = lane < warps ? of_warp[lane] : PolicySums{-INFINITY, 0, 0, 0, 0};
        for (int offset = ROW_THREADS / 64; offset > 0; offset /= 2) sums = sums_merge(sums, sums_shuffle(sums, offset));
        sums = {__shfl_sync(0xffffffffu, sums.max, 0), __shfl_sync(0xffffffffu, sums.s0, 0), __shfl_sync(0xffffffffu, sums.s1, 0),
                __shfl_sync(0xffffffffu, sums.s2, 0), __shfl_sync(0xffffffffu, sums.s3, 0)};
    }
    __syncthreads(); // of_warp may be used again
    float log_sum = logf(sums.s0), inv = 1.0f / sums.s0, inv2 = inv * inv, entropy = log_sum - sums.s1 * inv;
    return {sums.max, sums.s0, log_sum, entropy, (entropy - log_sum) * (sums.s2 * inv2) + sums.s3 * inv2};
}

// log pi_b of the row above
DEVICE_INLINE float policy_log_prob(const PolicyRow *row, float z, float inv_temp) { return z * inv_temp - row->scaled_max - row->log_sum; }

#endif
