// Optional (CUDA): prompts that are packed once for many responses, in attention.cu. In backward on tiles the keys of
// such a prompt have the queries of all its responses: too much for one block a tile of keys. So these sequences are
// cut into parts; a block computes the sums of one part, in fp32, and a last kernel adds up the parts in order.
#ifndef KERNELS_ATTENTION_PROMPTS_CUH
#define KERNELS_ATTENTION_PROMPTS_CUH
#include "kernels/attention.h"
#include "kernels/device/vector.cuh"

DEVICE_INLINE int sequence_of(const int *starts, int B, int n) { // the last sequence that starts at or before token n
    int low = 0, high = B - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (starts[middle] <= n) low = middle;
        else high = middle - 1;
    }
    return low;
}

// Position t of a sequence is token prompt + t of the pack where t < P, else token own + t - P.
struct Packed {
    int prompt, P; // first token, and number, of the prompt that it continues; P = 0: it continues none
    int own, n;    // of its own tokens
};
DEVICE_INLINE Packed packed_sequence(const int *starts, const int *prefix, int b) {
    int p = prefix ? prefix[b] : -1;
    return {p < 0 ? 0 : starts[p], p < 0 ? 0 : starts[p + 1] - starts[p], starts[b], starts[b + 1] - starts[b]};
}
DEVICE_INLINE int token_at(Packed x, int position) {
    return position < x.P ? x.prompt + position : x.own + position - x.P;
}

// Whether other sequences continue sequence b.
DEVICE_INLINE bool is_prompt(const int *prefix, int B, int b) { return prefix && b + 1 < B && prefix[b + 1] == b; }

// The part that sequence b leads of the sequences with its prompt, the prompt itself included. There are at most as
// many parts as the prompt's tokens go into theirs, so that the sums of part i can have the rows from i P on of these
// tokens.
struct Part {
    int prompt, end;  // sequences b .. end - 1; end = b: it leads no part
    int index, parts; // its number among this prompt's
};
DEVICE_INLINE Part part_of(const int *starts, const int *prefix, int B, int b) {
    int p = prefix[b] >= 0 ? prefix[b] : b, end = p + 1, P = starts[p + 1] - starts[p];
    while (end < B && prefix[end] == p) end++;
    int each = ceil_div(end - p, P > 0 ? (starts[end] - starts[p]) / P : 1);
    return {p, (b - p) % each ? b : min(b + each, end), (b - p) / each, ceil_div(end - p, each)};
}

// What a block of keys, from row0 on of sequence part.prompt, takes at a time: the queries from t0 on of one head of
// sequence `seq`, which has T tokens from token `first` on. Its own sequence begins at the diagonal, others at 0.
struct QueryStep {
    int seq, head, t0, first, T;
};
DEVICE_INLINE QueryStep first_step(const int *starts, Part part, int seq, int row0) {
    return {seq, 0, seq == part.prompt ? row0 : 0, starts[seq], starts[seq + 1] - starts[seq]};
}
// `queries` further; then the next of `heads`; then the next sequence, up to seq = part.end.
DEVICE_INLINE QueryStep step_after(QueryStep x, int queries, int heads, const int *starts, Part part, int row0) {
    x.t0 += queries;
    if (x.t0 < x.T) return x;
    x.t0 = x.seq == part.prompt ? row0 : 0;
    if (++x.head == heads && ++x.seq < part.end) x = first_step(starts, part, x.seq, row0);
    return x;
}

// The sums of token `row` of the pack, (N, 2, NKV, HS): dk, then dv.
TWIN_INLINE float *sums_of(float *sums, size_t row, const AttentionShape *s) {
    return sums + row * 2 * s->NKV * s->HS;
}

// Writes dk and dv of the tokens of prompts: a block per token of the pack adds the sums of its prompt's parts.
template <class X>
static __global__ void attention_add_parts_kernel(X *dk, X *dv, float *sums, const int *starts, const int *prefix,
                                                  AttentionShape s) {
    int n = blockIdx.x, b = sequence_of(starts, s.B, n), kv_size = s.NKV * s.HS, P = starts[b + 1] - starts[b];
    if (!is_prompt(prefix, s.B, b)) return;
    int parts = part_of(starts, prefix, s.B, b).parts;
    for (int c = threadIdx.x; c < 2 * kv_size; c += blockDim.x) {
        float sum = 0;
        for (int i = 0; i < parts; i++) sum += sums_of(sums, size_t(n) + i * P, &s)[c];
        if (c < kv_size) dk[size_t(n) * s.k_stride + c] = from_float<X>(sum);
        else dv[size_t(n) * s.v_stride + c - kv_size] = from_float<X>(sum);
    }
}

#endif
