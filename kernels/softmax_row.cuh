// Optional (CUDA): one row of a softmax, the twin of softmax_row.h. The sampler and the policy loss call these same
// functions, so the same logits give the same log-probability in generation and in training.
//
// One read of the row gives the maximum and all four sums. A thread keeps its sums relative to the largest value it has
// seen. Two sets of sums are rescaled to the larger of their maxima before they are added: with d = old - new <= 0 the
// values u = z / temp - max become u + d, so
//   s0' = e^d s0   s1' = e^d (s1 + d s0)   s2' = e^2d s2   s3' = e^2d (s3 + d s2)
#ifndef KERNELS_SOFTMAX_ROW_CUH
#define KERNELS_SOFTMAX_ROW_CUH
#include "kernels/device/vector.cuh"
#include "kernels/modulation.h"

// Threads of the block that reads a row. They are many because a decoding step may have fewer rows than the device has
// processors, and each processor must keep many loads in flight.
enum { ROW_THREADS = 512 };
static inline int row_threads(int V, int W) {
    return V >= ROW_THREADS * W ? int(ROW_THREADS) : ceil_div(V, 32 * W) * 32;
}

// max = -inf and all sums 0: nothing seen yet.
struct PolicySums {
    float max, s0, s1, s2, s3; // max z / temp; sums of e^u, e^u u, e^2u, e^2u u
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
    if (scaled == -INFINITY) return;               // pi = 0
    if (!(scaled <= s->max)) sums_move(s, scaled); // true for a NaN, which stays a NaN
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

// Merges the sums of each run of `lanes` lanes, a power of two; all of them get the result.
DEVICE_INLINE PolicySums sums_of_lanes(PolicySums s, int lanes) {
    const unsigned all = 0xffffffffu;
    for (int offset = lanes / 2; offset > 0; offset /= 2)
        s = sums_merge(s, {__shfl_xor_sync(all, s.max, offset), __shfl_xor_sync(all, s.s0, offset),
                           __shfl_xor_sync(all, s.s1, offset), __shfl_xor_sync(all, s.s2, offset),
                           __shfl_xor_sync(all, s.s3, offset)});
    return s;
}

// All threads of a block of row_threads(V, W) call it and get the result (formulas: softmax_row.h). The sampler and the
// loss choose W by the same rule, so the bits depend on the row alone.
template <int W> DEVICE_INLINE PolicyRow policy_row(const float *z, int V, float inv_temp) {
    __shared__ PolicySums of_warp[ROW_THREADS / 32];
    PolicySums sums = {-INFINITY, 0, 0, 0, 0};
    int lane = threadIdx.x % 32, warps = blockDim.x / 32;
    float x[W];
    for (int i = threadIdx.x * W; i < V; i += blockDim.x * W) {
        load_floats(x, z + i);
        for (int k = 0; k < W; k++) sums_add_value(&sums, x[k] * inv_temp);
    }
    sums = sums_of_lanes(sums, 32);
    if (warps > 1) {
        if (lane == 0) of_warp[threadIdx.x / 32] = sums;
        __syncthreads();
        int other = lane % (ROW_THREADS / 32);
        sums = sums_of_lanes(other < warps ? of_warp[other] : PolicySums{-INFINITY, 0, 0, 0, 0}, ROW_THREADS / 32);
    }
    __syncthreads(); // the next call may write of_warp
    float log_sum = logf(sums.s0), inv = 1.0f / sums.s0, inv2 = inv * inv, entropy = log_sum - sums.s1 * inv;
    return {sums.max, sums.s0, log_sum, entropy, (entropy - log_sum) * (sums.s2 * inv2) + sums.s3 * inv2};
}

// The statistics of the token whose logit is z.
DEVICE_INLINE TokenPolicy policy_token(const PolicyRow *row, float z, float inv_temp) {
    return {z * inv_temp - row->scaled_max - row->log_sum, row->entropy, row->E};
}

#endif
