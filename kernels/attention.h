// Causal grouped-query attention over a packed micro-batch: sequence b is tokens starts[b] .. starts[b+1]-1. A token
// attends to itself and to the earlier tokens of its own sequence, and to all of the prompt that the sequence
// continues: a prompt may be packed once for all its responses.
//
//   s_tj = q_t . k_j / sqrt(HS)   p_t = softmax over j <= t   o_t = sum_j p_tj v_j
//
// Query head h reads key/value head h / (NH / NKV). q (N, NH, HS), k and v (N, NKV, HS) floatX are parts of wider rows:
// token n of q begins at q + n * q_stride, and k and v likewise. o (N, NH, HS) floatX is dense.
// C build: a score is one chain of multiply-adds over channels, an output one over keys; decoding gives the same bits.
//
// Cost a token: forward 2 T NH HS FLOPs in a sequence of T tokens (on average half the keys are seen), backward 2.5
// times that (3.5 where scores and d_o . v are computed twice: in the CUDA build, and in C for a shared prompt's keys).
// Memory traffic forward: at least (2 NH + 2 NKV) HS floatX. FLOPs limit both builds. On an H200, 2026-11-27,
// 8 x 1024 tokens, HS 64 and 128: forward 185 and 192 TFLOP/s, backward, at 2.5 times, 105 and 107 (24 and 14 % of a
// large product's 784).
#ifndef KERNELS_ATTENTION_H
#define KERNELS_ATTENTION_H
#include "kernels/device/device.h"
EXTERN_C_BEGIN

typedef struct AttentionShape {
    int N, B;             // tokens and sequences of the micro-batch
    int T;                // positions of the longest sequence
    int NH, NKV, HS;      // heads, kv heads (NH % NKV == 0), channels of a head (even)
    int q_stride, k_stride, v_stride; // elements from one token to the next
} AttentionShape;

size_t attention_workspace_bytes(const Device *dev, const AttentionShape *shape); // enough for both directions

// Writes o (N, NH, HS) and lse (N, NH) fp32, the log-sum-exp of the scaled scores. starts (B + 1) and prefix (B) are on
// the device. Sequence b continues sequence prefix[b], or none where that is -1 (prefix NULL: everywhere). Those that
// continue p follow it at once; p continues none, and none of them is empty.
void attention_forward(Device *dev, floatX *o, float *lse, const floatX *q, const floatX *k, const floatX *v,
                       const int *starts, const int *prefix, const AttentionShape *shape, void *workspace);

// Writes dq, dk and dv (with the strides of q, k and v) from d_o (N, NH, HS) and the o and lse of forward:
//   D_t = d_o_t . o_t   ds_tj = p_tj (d_o_t . v_j - D_t) / sqrt(HS)
//   dq_t = sum_j ds_tj k_j   dk_j = sum_t ds_tj q_t   dv_j = sum_t p_tj d_o_t
// dk and dv also sum over the query heads of their group, and those of a prompt over the sequences that continue it, in
// order. The outputs must not overlap the inputs.
void attention_backward(Device *dev, floatX *dq, floatX *dk, floatX *dv, const floatX *d_o, const floatX *q,
                        const floatX *k, const floatX *v, const floatX *o, const float *lse, const int *starts,
                        const int *prefix, const AttentionShape *shape, void *workspace);
EXTERN_C_END
#endif
