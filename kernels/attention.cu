// Optional (CUDA): see attention.h. In bf16 it is FlashAttention-2's scheme (Dao, arXiv 2307.08691) on tensor cores:
// the scores exist one tile at a time, in registers. A block has 64 queries (or keys) of one head of one sequence, a
// warp 16 of them. Backward has three kernels and no atomics: D = d_o . o; dk and dv by blocks of keys, over all
// queries of all heads of their group in order; dq by blocks of queries. Other types or head sizes: attention_rows.cuh;
// prompts that are packed once for many responses: attention_prompts.cuh.
#include "kernels/attention.h"
#include "kernels/attention_prompts.cuh"
#include "kernels/attention_rows.cuh"
#include "kernels/attention_tiles.cuh"

enum { WARPS = 4, BLOCK = 32 * WARPS, ROWS = 16 * WARPS };

// Rows of the other operand that a block of backward takes in one step: fewer where a lane has many accumulators.
template <int HS> constexpr int passing = HS > 64 ? 32 : 64;

template <class X> struct Inputs {
    const X *q, *k, *v, *o, *d_o;
    const float *lse, *D;
    const int *starts, *prefix;
    AttentionShape s;
};

// What a block works on: rows [row0, row0 + ROWS) of head `head` of a sequence's T own tokens, from token `first` on.
// It continues a prompt of P tokens, from token `prompt` on. ([[maybe_unused]]: only kernels on tiles use it, and in
// fp32 there are none.)
struct Work {
    int first, T, row0, head, prompt, P;
};
// With last_first the last tiles of a sequence, which see the most keys, come first.
[[maybe_unused]] DEVICE_INLINE Work work_of(const int *starts, const int *prefix, int B, bool last_first) {
    int tiles = gridDim.x / B, tile = blockIdx.x / B;
    Packed x = packed_sequence(starts, prefix, blockIdx.x % B);
    if (last_first) tile = tiles - 1 - tile;
    return {x.own, x.n, tile * ROWS, int(blockIdx.y), x.prompt, x.P};
}

// The row of head h and token n of the micro-batch in o and d_o, in q, in k and in v.
DEVICE_INLINE size_t dense_at(int n, int h, const AttentionShape *s) { return (size_t(n) * s->NH + h) * s->HS; }
template <class X> DEVICE_INLINE const X *query_of(const Inputs<X> *in, int n, int h) {
    return in->q + size_t(n) * in->s.q_stride + size_t(h) * in->s.HS;
}
template <class X> DEVICE_INLINE const X *key_of(const Inputs<X> *in, int n, int kv) {
    return in->k + size_t(n) * in->s.k_stride + size_t(kv) * in->s.HS;
}
template <class X> DEVICE_INLINE const X *value_of(const Inputs<X> *in, int n, int kv) {
    return in->v + size_t(n) * in->s.v_stride + size_t(kv) * in->s.HS;
}

// Starts the copies of a tile by the block: own rows t0, t0 + 1, ... of the sequence, 0 beyond its end. x is token 0's
// row.
template <int HS, int rows> DEVICE_INLINE void load_rows(bf16 *tile, const bf16 *x, size_t stride, Work w, int t0) {
    tile_load<HS, rows, BLOCK>(tile, w.T - t0, threadIdx.x, [=](int i) { return x + (w.first + t0 + i) * stride; });
}
// The same of rows by position: the first P are the prompt's.
template <int HS, int rows> DEVICE_INLINE void load_keys(bf16 *tile, const bf16 *x, size_t stride, Work w, int j0) {
    if (j0 >= w.P) return load_rows<HS, rows>(tile, x, stride, w, j0 - w.P);
    tile_load<HS, rows, BLOCK>(tile, w.P + w.T - j0, threadIdx.x, [=](int i) {
        return x + (j0 + i < w.P ? w.prompt + j0 + i : w.first - w.P + j0 + i) * stride;
    });
}

// ---- forward --------------------------------------------------------------------------------------------------------
// K of the next tile is copied during the products with V, and V during those with K.
template <int HS>
static __global__ void __launch_bounds__(BLOCK) attention_forward_kernel(bf16 *o, float *lse, Inputs<bf16> in) {
    DYN_SHARED(bf16, q_tile);
    bf16 *k_tile = q_tile + ROWS * tile_row<HS>, *v_tile = k_tile + KEY_TILE * tile_row<HS>;
    const AttentionShape *s = &in.s;
    Work w = work_of(in.starts, in.prefix, s->B, true);
    if (w.row0 >= w.T) return;
    int kv = w.head / (s->NH / s->NKV), warp = threadIdx.x / 32, keys = w.P + min(w.row0 + int(ROWS), w.T);
    int diagonal = w.P + w.row0; // the position of the first query
    const bf16 *k = key_of(&in, 0, kv), *v = value_of(&in, 0, kv);
    float scale = 1.0f / sqrtf(float(HS)), scale2 = scale * LOG2_E;
    load_rows<HS, ROWS>(q_tile, query_of(&in, 0, w.head), s->q_stride, w, w.row0);
    load_keys<HS, KEY_TILE>(k_tile, k, s->k_stride, w, 0);
    cp_async_commit();
    Online<HS> x;
    for (int j0 = 0; j0 < keys; j0 += KEY_TILE) {
        float scores[KEY_TILE / 8][4] = {};
        cp_async_wait<0>();
        __syncthreads(); // K has arrived, and no warp reads the last V any more
        load_keys<HS, KEY_TILE>(v_tile, v, s->v_stride, w, j0);
        cp_async_commit();
        tile_dot<HS>(scores, q_tile + 16 * warp * tile_row<HS>, k_tile);
        if (j0 + KEY_TILE > diagonal) // a key after its query gets the weight 0
            for (int n = 0; n < KEY_TILE / 8; n++)
                for (int i = 0; i < 4; i++)
                    if (j0 + tile_column_of(n, i) > diagonal + 16 * warp + tile_row_of(i)) scores[n][i] = -INFINITY;
        online_weights(&x, scores, scale2);
        cp_async_wait<0>();
        __syncthreads(); // V has arrived, and no warp reads K any more
        if (j0 + KEY_TILE < keys) load_keys<HS, KEY_TILE>(k_tile, k, s->k_stride, w, j0 + KEY_TILE);
        cp_async_commit();
        tile_sum<HS>(x.o, scores, v_tile);
    }
    for (int half = 0; half < 2; half++) {
        int t = w.row0 + 16 * warp + tile_row_of(2 * half);
        float sum = quad_sum(x.sum[half]), inv = 1.0f / sum;
        if (t >= w.T) continue;
        bf16 *to = o + dense_at(w.first + t, w.head, s);
        if (threadIdx.x % 4 == 0) lse[size_t(w.first + t) * s->NH + w.head] = x.max[half] * scale + logf(sum);
        for (int c = 0; c < HS / 8; c++) store_pair(to + tile_column_of(c, 0), x.o[c] + 2 * half, inv);
    }
}

// ---- backward on tiles ----------------------------------------------------------------------------------------------
// a, b, lse and D are of the other operands' passing<HS> rows, in two buffers: one is filled while the other is read.
template <int HS> struct BackwardTiles {
    bf16 own_a[ROWS * tile_row<HS>], own_b[ROWS * tile_row<HS>]; // this block's rows: k and v, or q and d_o
    bf16 a[2][passing<HS> * tile_row<HS>], b[2][passing<HS> * tile_row<HS>];
    float lse[2][passing<HS>], D[2][passing<HS>];
};

template <int HS, class X>
DEVICE_INLINE void store_tile(X *to, size_t stride, const float (&acc)[HS / 8][4], Work w, float scale) {
    for (int half = 0; half < 2; half++) {
        int t = w.row0 + 16 * (threadIdx.x / 32) + tile_row_of(2 * half);
        if (t >= w.T) continue;
        X *row = to + (w.first + t) * stride;
        for (int c = 0; c < HS / 8; c++) store_pair(row + tile_column_of(c, 0), acc[c] + 2 * half, scale);
    }
}

// Writes dk and dv of 64 keys of one kv head. The block takes the queries of every head of the group, from the diagonal
// to the end. It computes the scores transposed (keys are rows), so P^T and dS^T are in place for the next products.
// With blockIdx.z = 1 the keys are those of a prompt and the queries those of a part of its sequences, and the block
// writes to `sums`.
template <int HS>
static __global__ void __launch_bounds__(BLOCK)
attention_backward_keys_kernel(bf16 *dk, bf16 *dv, float *sums, Inputs<bf16> in) {
    constexpr int P = passing<HS>;
    DYN_SHARED(BackwardTiles<HS>, tiles);
    const AttentionShape *s = &in.s;
    Work w = work_of(in.starts, NULL, s->B, false);
    int warp = threadIdx.x / 32, group = s->NH / s->NKV, own = 16 * warp * tile_row<HS>, b = blockIdx.x % s->B;
    Part part = blockIdx.z == 1 ? part_of(in.starts, in.prefix, s->B, b) : Part{b, b + 1, 0, 1};
    w.first = in.starts[part.prompt], w.T = in.starts[part.prompt + 1] - w.first; // of the keys
    if (w.row0 >= w.T || b == part.end || is_prompt(in.prefix, s->B, part.prompt) != (blockIdx.z == 1)) return;
    float scale = 1.0f / sqrtf(float(HS)), scale2 = scale * LOG2_E, dk_acc[HS / 8][4] = {}, dv_acc[HS / 8][4] = {};
    auto start = [&](QueryStep x, int buffer) { // starts the copies of a step
        int h = w.head * group + x.head, n = x.first + x.t0 + threadIdx.x;
        Work from = {x.first, x.T, 0, 0, 0, 0};
        load_rows<HS, P>(tiles->a[buffer], query_of(&in, 0, h), s->q_stride, from, x.t0);
        load_rows<HS, P>(tiles->b[buffer], in.d_o + h * HS, s->NH * HS, from, x.t0);
        if (int(threadIdx.x) < P) {
            bool valid = x.t0 + int(threadIdx.x) < x.T; // beyond the end: 0, which a weight of 0 multiplies
            tiles->lse[buffer][threadIdx.x] = valid ? in.lse[size_t(n) * s->NH + h] * LOG2_E : 0.0f;
            tiles->D[buffer][threadIdx.x] = valid ? in.D[size_t(n) * s->NH + h] : 0.0f;
        }
        cp_async_commit();
    };
    load_rows<HS, ROWS>(tiles->own_a, key_of(&in, 0, w.head), s->k_stride, w, w.row0);
    load_rows<HS, ROWS>(tiles->own_b, value_of(&in, 0, w.head), s->v_stride, w, w.row0);
    QueryStep x = first_step(in.starts, part, b, w.row0);
    start(x, 0);
    for (int buffer = 0; x.seq < part.end; buffer ^= 1) {
        float p[P / 8][4] = {}, ds[P / 8][4] = {};
        int diagonal = x.seq == part.prompt ? w.row0 : -ROWS, t0 = x.t0, end = x.T; // other sequences see all keys
        cp_async_wait<0>();
        __syncthreads(); // this step's rows have arrived, and no warp reads the other buffer any more
        x = step_after(x, P, group, in.starts, part, w.row0);
        if (x.seq < part.end) start(x, buffer ^ 1);
        tile_dot<HS>(p, tiles->own_a + own, tiles->a[buffer]);
        tile_dot<HS>(ds, tiles->own_b + own, tiles->b[buffer]);
        if (t0 < diagonal + ROWS - 1 || t0 + P > end) // the diagonal and the end
            for (int n = 0; n < P / 8; n++)
                for (int i = 0; i < 4; i++) {
                    int t = t0 + tile_column_of(n, i), j = diagonal + 16 * warp + tile_row_of(i);
                    if (j > t || t >= end) p[n][i] = -INFINITY;
                }
        for (int n = 0; n < P / 8; n++)
            for (int i = 0; i < 4; i++) {
                int column = tile_column_of(n, i);
                p[n][i] = exp2_approx(p[n][i] * scale2 - tiles->lse[buffer][column]);
                ds[n][i] = p[n][i] * (ds[n][i] - tiles->D[buffer][column]);
            }
        tile_sum<HS>(dv_acc, p, tiles->b[buffer]);
        tile_sum<HS>(dk_acc, ds, tiles->a[buffer]);
    }
    if (blockIdx.z == 0) {
        store_tile<HS>(dk + size_t(w.head) * HS, s->k_stride, dk_acc, w, scale);
        store_tile<HS>(dv + size_t(w.head) * HS, s->v_stride, dv_acc, w, 1.0f);
    } else {
        float *to = sums_of(sums, part.index * w.T, s) + w.head * HS;
        store_tile<HS>(to, 2 * s->NKV * HS, dk_acc, w, scale);
        store_tile<HS>(to + s->NKV * HS, 2 * s->NKV * HS, dv_acc, w, 1.0f);
    }
}

// Writes dq of 64 queries of one head. The block takes the keys and values from the first to the diagonal.
template <int HS>
static __global__ void __launch_bounds__(BLOCK) attention_backward_queries_kernel(bf16 *dq, Inputs<bf16> in) {
    constexpr int P = passing<HS>;
    DYN_SHARED(BackwardTiles<HS>, tiles);
    const AttentionShape *s = &in.s;
    Work w = work_of(in.starts, in.prefix, s->B, true);
    if (w.row0 >= w.T) return;
    int warp = threadIdx.x / 32, kv = w.head / (s->NH / s->NKV), t_warp = w.row0 + 16 * warp;
    int own = 16 * warp * tile_row<HS>, keys = w.P + min(w.row0 + int(ROWS), w.T);
    float scale = 1.0f / sqrtf(float(HS)), scale2 = scale * LOG2_E, dq_acc[HS / 8][4] = {}, lse[2] = {}, D[2] = {};
    for (int half = 0; half < 2; half++) {
        size_t at = size_t(w.first + t_warp + tile_row_of(2 * half)) * s->NH + w.head;
        if (t_warp + tile_row_of(2 * half) < w.T) lse[half] = in.lse[at] * LOG2_E, D[half] = in.D[at];
    }
    auto start = [&](int j0) {
        int buffer = j0 / P % 2;
        load_keys<HS, P>(tiles->a[buffer], key_of(&in, 0, kv), s->k_stride, w, j0);
        load_keys<HS, P>(tiles->b[buffer], value_of(&in, 0, kv), s->v_stride, w, j0);
        cp_async_commit();
    };
    load_rows<HS, ROWS>(tiles->own_a, query_of(&in, 0, w.head), s->q_stride, w, w.row0);
    load_rows<HS, ROWS>(tiles->own_b, in.d_o + w.head * HS, s->NH * HS, w, w.row0);
    start(0);
    for (int j0 = 0; j0 < keys; j0 += P) {
        float p[P / 8][4] = {}, ds[P / 8][4] = {};
        int buffer = j0 / P % 2;
        cp_async_wait<0>();
        __syncthreads(); // these keys have arrived, and no warp reads the other buffer any more
        if (j0 + P < keys) start(j0 + P);
        tile_dot<HS>(p, tiles->own_a + own, tiles->a[buffer]);
        tile_dot<HS>(ds, tiles->own_b + own, tiles->b[buffer]);
        if (j0 + P > w.P + w.row0) // the diagonal
            for (int n = 0; n < P / 8; n++)
                for (int i = 0; i < 4; i++)
                    if (j0 + tile_column_of(n, i) > w.P + t_warp + tile_row_of(i)) p[n][i] = -INFINITY;
        for (int n = 0; n < P / 8; n++)
            for (int i = 0; i < 4; i++) ds[n][i] = exp2_approx(p[n][i] * scale2 - lse[i / 2]) * (ds[n][i] - D[i / 2]);
        tile_sum<HS>(dq_acc, ds, tiles->a[buffer]);
    }
    store_tile<HS>(dq + size_t(w.head) * HS, s->q_stride, dq_acc, w, scale);
}

// ---- one warp per row -----------------------------------------------------------------------------------------------
// Writes D (N, NH) = d_o . o: the first step of every backward.
static __global__ void attention_D_kernel(float *D, const floatX *d_o, const floatX *o, int rows, int HS) {
    int row = blockIdx.x * WARPS + threadIdx.x / 32;
    if (row >= rows) return;
    float sum = 0;
    d_o += size_t(row) * HS, o += size_t(row) * HS;
    for (int c = threadIdx.x % 32; c < HS; c += 32) sum += to_float(d_o[c]) * to_float(o[c]);
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) D[row] = sum;
}

static __global__ void attention_rows_forward_kernel(floatX *o, float *lse, Inputs<floatX> in) {
    const AttentionShape *s = &in.s;
    int n = blockIdx.x * WARPS + threadIdx.x / 32, h = blockIdx.y, kv = h / (s->NH / s->NKV);
    if (n >= s->N) return;
    Packed x = packed_sequence(in.starts, in.prefix, sequence_of(in.starts, s->B, n));
    auto key = [&](int j) { return key_of(&in, token_at(x, j), kv); };
    auto value = [&](int j) { return value_of(&in, token_at(x, j), kv); };
    int keys = x.P + n - x.own + 1;
    float log_sum = row_forward(o + dense_at(n, h, s), query_of(&in, n, h), key, value, keys, s->HS);
    if (threadIdx.x % 32 == 0) lse[size_t(n) * s->NH + h] = log_sum;
}

// p and ds of query (n, h) and key j, computed by one lane.
struct Pair { float p, ds; };
DEVICE_INLINE Pair pair_of(const Inputs<floatX> *in, int n, int h, int j) {
    const AttentionShape *s = &in->s;
    int kv = h / (s->NH / s->NKV);
    size_t row = size_t(n) * s->NH + h;
    float scale = 1.0f / sqrtf(float(s->HS));
    float score = dot(query_of(in, n, h), key_of(in, j, kv), s->HS);
    float dp = dot(in->d_o + dense_at(n, h, s), value_of(in, j, kv), s->HS);
    float p = expf(score * scale - in->lse[row]);
    return {p, p * (dp - in->D[row]) * scale};
}

static __global__ void attention_rows_backward_queries_kernel(floatX *dq, Inputs<floatX> in) {
    const AttentionShape *s = &in.s;
    int n = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32, h = blockIdx.y, kv = h / (s->NH / s->NKV);
    if (n >= s->N) return;
    Packed x = packed_sequence(in.starts, in.prefix, sequence_of(in.starts, s->B, n));
    float acc[CHANNELS] = {};
    for (int j0 = 0, keys = x.P + n - x.own + 1; j0 < keys; j0 += 32) {
        Pair y = j0 + lane < keys ? pair_of(&in, n, h, token_at(x, j0 + lane)) : Pair{0, 0};
        add_rows(acc, y.ds, min(32, keys - j0), s->HS, [&](int l) { return key_of(&in, token_at(x, j0 + l), kv); });
    }
    store_row(dq + size_t(n) * s->q_stride + size_t(h) * s->HS, acc, s->HS, 1.0f);
}

static __global__ void attention_rows_backward_keys_kernel(floatX *dk, floatX *dv, Inputs<floatX> in) {
    const AttentionShape *s = &in.s;
    int j = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32, kv = blockIdx.y, group = s->NH / s->NKV;
    if (j >= s->N) return;
    int own = sequence_of(in.starts, s->B, j);
    float dk_acc[CHANNELS] = {}, dv_acc[CHANNELS] = {};
    for (int b = own; b == own || (b < s->B && in.prefix && in.prefix[b] == own); b++)
        for (int h = kv * group, end = in.starts[b + 1]; h < (kv + 1) * group; h++)
            for (int t0 = b == own ? j : in.starts[b]; t0 < end; t0 += 32) {
                Pair x = t0 + lane < end ? pair_of(&in, t0 + lane, h, j) : Pair{0, 0};
                add_rows(dk_acc, x.ds, min(32, end - t0), s->HS, [&](int l) { return query_of(&in, t0 + l, h); });
                add_rows(dv_acc, x.p, min(32, end - t0), s->HS, [&](int l) { return in.d_o + dense_at(t0 + l, h, s); });
            }
    store_row(dk + size_t(j) * s->k_stride + size_t(kv) * s->HS, dk_acc, s->HS, 1.0f);
    store_row(dv + size_t(j) * s->v_stride + size_t(kv) * s->HS, dv_acc, s->HS, 1.0f);
}

// ---- launch ---------------------------------------------------------------------------------------------------------
template <class X> static bool fits_tiles(const AttentionShape *s, const X *q, const X *k, const X *v) {
    return sizeof(X) == 2 && s->q_stride % 8 == 0 && s->k_stride % 8 == 0 && s->v_stride % 8 == 0 && aligned16(q, k, v);
}

// False if there is no kernel on tiles for this call.
template <class X> static bool forward_tiles(Device *dev, X *o, float *lse, const Inputs<X> &in) {
    if constexpr (sizeof(X) == 2) {
        if (!fits_tiles(&in.s, in.q, in.k, in.v) || !aligned16(o)) return false;
        return by_head_size(in.s.HS, [&](auto HS) {
            size_t bytes = (ROWS + 2 * KEY_TILE) * tile_row<HS> * sizeof(X);
            dim3 grid(ceil_div(in.s.T, ROWS) * in.s.B, in.s.NH);
            allow_shared(dev, attention_forward_kernel<HS>, bytes);
            LAUNCH((attention_forward_kernel<HS>), grid, BLOCK, bytes, dev->stream)(o, lse, in);
        });
    }
    return false;
}

template <class X> static bool backward_tiles(Device *dev, X *dq, X *dk, X *dv, float *sums, const Inputs<X> &in) {
    if constexpr (sizeof(X) == 2) {
        if (!fits_tiles(&in.s, in.q, in.k, in.v) || !aligned16(dq, dk, dv, in.o, in.d_o)) return false;
        return by_head_size(in.s.HS, [&](auto HS) {
            size_t bytes = sizeof(BackwardTiles<HS>);
            int blocks = ceil_div(in.s.T, ROWS) * in.s.B;
            allow_shared(dev, attention_backward_keys_kernel<HS>, bytes);
            allow_shared(dev, attention_backward_queries_kernel<HS>, bytes);
            dim3 keys(blocks, in.s.NKV, in.prefix ? 2 : 1), queries(blocks, in.s.NH);
            LAUNCH((attention_backward_keys_kernel<HS>), keys, BLOCK, bytes, dev->stream)(dk, dv, sums, in);
            if (in.prefix)
                RUN(dev, (attention_add_parts_kernel<X>), in.s.N, BLOCK)(dk, dv, sums, in.starts, in.prefix, in.s);
            LAUNCH((attention_backward_queries_kernel<HS>), queries, BLOCK, bytes, dev->stream)(dq, in);
        });
    }
    return false;
}

extern "C" size_t attention_workspace_bytes(const Device *, const AttentionShape *s) { // the parts' sums, and D
    return size_t(s->N) * (2 * s->NKV * s->HS + s->NH) * sizeof(float);
}

extern "C" void attention_forward(Device *dev, floatX *o, float *lse, const floatX *q, const floatX *k, const floatX *v,
                                  const int *starts, const int *prefix, const AttentionShape *shape, void *) {
    CUDA_OP();
    Inputs<floatX> in = {q, k, v, NULL, NULL, NULL, NULL, starts, prefix, *shape};
    dim3 grid(ceil_div(shape->N, WARPS), shape->NH); // of the rows' kernel
    if (shape->N == 0) return;
    REQUIRE(shape->HS <= HEAD_MAX, "heads of %d channels: at most %d", shape->HS, HEAD_MAX);
    if (!forward_tiles(dev, o, lse, in))
        RUN(dev, (attention_rows_forward_kernel), grid, BLOCK)(o, lse, in);
}

extern "C" void attention_backward(Device *dev, floatX *dq, floatX *dk, floatX *dv, const floatX *d_o, const floatX *q,
                                   const floatX *k, const floatX *v, const floatX *o, const float *lse,
                                   const int *starts, const int *prefix, const AttentionShape *shape,
                                   void *workspace) {
    CUDA_OP();
    float *sums = static_cast<float *>(workspace), *D = sums_of(sums, shape->N, shape);
    Inputs<floatX> in = {q, k, v, o, d_o, lse, D, starts, prefix, *shape};
    int N = shape->N, rows = N * shape->NH, blocks = ceil_div(N, WARPS);
    if (N == 0) return;
    RUN(dev, (attention_D_kernel), ceil_div(rows, WARPS), BLOCK)(D, d_o, o, rows, shape->HS);
    if (!backward_tiles(dev, dq, dk, dv, sums, in)) {
        RUN(dev, (attention_rows_backward_keys_kernel), dim3(blocks, shape->NKV), BLOCK)(dk, dv, in);
        RUN(dev, (attention_rows_backward_queries_kernel), dim3(blocks, shape->NH), BLOCK)(dq, in);
    }
}
