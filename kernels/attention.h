// Causal grouped-query attention over a packed micro-batch: sequence b is tokens starts[b] .. starts[b+1]-1, each token
// sees itself and the earlier tokens of its own sequence.
//
//   s_tj = q_t . k_j / sqrt(HS)   p_t = softmax over j <= t   o_t = sum_j p_tj v_j
//
// Query head h reads key/value head h / (NH / NKV). q (N, NH, HS), k and v (N, NKV, HS) stand inside wider rows: token n
// is at q + n * q_stride, and so on. o (N, NH, HS) is dense.
// C build: s is one multiply-add chain over channels and o one over keys, so attention_decode.h gives the same bits.
#ifndef KERNELS_ATTENTION_H
#define KERNELS_ATTENTION_H
#include "kernels/device/device.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef struct AttentionShape {
    int N, B;             // tokens and sequences of the micro-batch
    int T;                // longest sequence
    int NH, NKV, HS;      // heads, kv heads (NH % NKV == 0), channels of a head (even)
    int q_stride, k_stride, v_stride;
} AttentionShape;

size_t attention_workspace_bytes(const Device *dev, const AttentionShape *shape); // for both directions

// writes o (N, NH, HS) and lse (N, NH) fp32, the log-sum-exp of the scaled scores. starts (B + 1) on the device.
void attention_forward(Device *dev, floatX *o, float *lse, const floatX *q, const floatX *k, const floatX *v,
                       const int *starts, const AttentionShape *shape, void *workspace);

// writes dq, dk, dv (strides of q, k, v) from d_o (N, NH, HS) and what forward saved
//   D_t = d_o_t . o_t   ds_tj = p_tj (d_o_t . v_j - D_t) / sqrt(HS)
//   dq_t = sum_j ds_tj k_j   dk_j = sum_t ds_tj q_t   dv_j = sum_t p_tj d_o_t
void attention_backward(Device *dev, floatX *dq, floatX *dk, floatX *dv, const floatX *d_o, const floatX *q,
                        const floatX *k, const floatX *v, const floatX *o, const float *lse, const int *starts,
                        const AttentionShape *shape, void *workspace);

#ifdef __cplusplus
}
#endif
#endif
