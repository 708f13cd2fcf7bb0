// host only: one row of a softmax in the C build. The sampler, the policy loss and both attentions call these same
// functions, so the log-probability of a token has the same bits in generation and in training.
//
// A sum is kept in LANES partial sums: element i goes to lane i % LANES, in order, and the lanes are added pairwise at
// the end. The compiler can vectorise that without reordering anything, and trailing zeros change no bit.
#ifndef KERNELS_SOFTMAX_ROW_H
#define KERNELS_SOFTMAX_ROW_H
#include "kernels/exp_log.h"
#include "kernels/modulation.h"

enum { LANES = 16 };

static inline float lanes_sum(float *s) {
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) s[l] += s[l + width];
    return s[0];
}

static inline float row_max(const float *z, int n) {
    float m[LANES];
    for (int l = 0; l < LANES; l++) m[l] = -__builtin_inff();
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) m[l] = z[i + l] > m[l] ? z[i + l] : m[l];
    for (int l = 0; i + l < n; l++) m[l] = z[i + l] > m[l] ? z[i + l] : m[l];
    for (int l = 1; l < LANES; l++) m[0] = m[l] > m[0] ? m[l] : m[0];
    return m[0];
}

// The policy pi = softmax(z / temp) of a row z (V) fp32, from four sums taken in one pass over u_b = z_b / temp - max:
//   s0 = sum e^u   s1 = sum e^u u   s2 = sum e^2u   s3 = sum e^2u u
//   log pi_b = u_b - log s0
//   H = -sum pi log pi = log s0 - s1 / s0
//   E = sum pi^2 (log pi + H) = s3 / s0^2 + (H - log s0) s2 / s0^2          (Eq. 29 of arXiv 2602.19208)
// A logit of -inf has pi = 0 and adds nothing: its u is clamped to a finite value, so that 0 u = 0. A NaN stays a NaN.
static inline float policy_row_u(float z, float inv_temp, float scaled_max) {
    float u = mul_add(z, inv_temp, -scaled_max);
    return u < -1e30f ? -1e30f : u;
}

static inline void policy_row_add(float *s0, float *s1, float *s2, float *s3, float u) {
    float e = exp_f32(u), e2 = e * e;
    *s0 += e;
    *s1 = mul_add(e, u, *s1);
    *s2 += e2;
    *s3 = mul_add(e2, u, *s3);
}

static inline PolicyRow policy_row(const float *z, int V, float inv_temp) {
    float s0[LANES] = {0}, s1[LANES] = {0}, s2[LANES] = {0}, s3[LANES] = {0};
    PolicyRow row = {.scaled_max = row_max(z, V) * inv_temp};
    int i = 0;
    for (; i + LANES <= V; i += LANES)
        for (int l = 0; l < LANES; l++)
            policy_row_add(&s0[l], &s1[l], &s2[l], &s3[l], policy_row_u(z[i + l], inv_temp, row.scaled_max));
    for (int l = 0; i + l < V; l++)
        policy_row_add(&s0[l], &s1[l], &s2[l], &s3[l], policy_row_u(z[i + l], inv_temp, row.scaled_max));
    row.sum = lanes_sum(s0);
    row.log_sum = log_f32(row.sum);
    float inv = 1.0f / row.sum, inv2 = inv * inv;
    row.entropy = row.log_sum - lanes_sum(s1) * inv;
    row.E = mul_add(row.entropy - row.log_sum, lanes_sum(s2) * inv2, lanes_sum(s3) * inv2);
    return row;
}

// log pi_b of the token whose logit is z
static inline float policy_log_prob(const PolicyRow *row, float z, float inv_temp) {
    return mul_add(z, inv_temp, -row->scaled_max) - row->log_sum;
}

// Attention weights of one query over its n keys, in place: score s[j] becomes e^((s[j] - max) scale), and 0 for
// n <= j < padded, a multiple of LANES. Returns their sum; writes *lse, the log-sum-exp of the scaled scores.
static inline float attention_weights(float *s, int n, int padded, float scale, float *lse) {
    float scaled_max = row_max(s, n) * scale, sum[LANES] = {0};
    for (int j = n; j < padded; j++) s[j] = -__builtin_inff();
    for (int j = 0; j < padded; j += LANES)
        for (int l = 0; l < LANES; l++) {
            s[j + l] = exp_f32(mul_add(s[j + l], scale, -scaled_max));
            sum[l] += s[j + l];
        }
    float total = lanes_sum(sum);
    *lse = scaled_max + log_f32(total);
    return total;
}

#endif
