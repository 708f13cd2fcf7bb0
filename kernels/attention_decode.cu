// Optional (CUDA): see attention_decode.h. A block of the cache is (NKV, BLOCK_TOKENS, HS).
//
// In bf16, a block of threads takes one row, one kv head and SPLIT_KEYS keys. The query heads of the group are the 16
// rows of the tensor cores' tiles, so keys and values are read once for all of them. The warps take tiles of keys in
// turn, each with its own online softmax (attention_tiles.cuh), and join the results in a fixed order. Where a context
// may need several splits, a second kernel joins those. table_width decides whether it may, not the positions, which
// only the device knows: so a step can be recorded once and replayed.
//
// Invariant mode: one warp takes all keys in the steps of the training forward, with the same bits. In fp32 and for
// other head sizes: row_forward of attention_rows.cuh, as in training.
#include "kernels/attention_decode.h"
#include "kernels/attention_rows.cuh"
#include "kernels/attention_tiles.cuh"

enum { BLOCK_TOKENS = 32, SPLIT_KEYS = 512, WARPS = 2, HEADS = 16, ROW_WARPS = 4 };

template <class X> struct Cache {
    const X *k, *v;
    const int *tables, *seq, *pos;
    DecodeShape s;
};

extern "C" int kv_block_tokens(void) { return BLOCK_TOKENS; }
extern "C" size_t kv_block_elements(int NKV, int HS) { return size_t(NKV) * BLOCK_TOKENS * HS; }

// The place of position p and kv head `head`, in elements from the start of a layer's cache.
DEVICE_INLINE size_t cache_at(const int *table, int p, int head, const DecodeShape *s) {
    size_t block = size_t(table[p / BLOCK_TOKENS]);
    return ((block * s->NKV + head) * BLOCK_TOKENS + p % BLOCK_TOKENS) * s->HS;
}

// ---- append, copy ---------------------------------------------------------------------------------------------------
template <int W>
static __global__ void kv_append_kernel(floatX *k_cache, floatX *v_cache, const floatX *k, const floatX *v,
                                        const int *tables, const int *seq, const int *pos, DecodeShape s) {
    int r = blockIdx.x;
    const int *table = tables + size_t(seq[r]) * s.table_width;
    for (int i = threadIdx.x * W; i < s.NKV * s.HS; i += blockDim.x * W) {
        int head = i / s.HS, c = i % s.HS;
        size_t to = cache_at(table, pos[r], head, &s) + c;
        copy_floats<W>(k_cache + to, k + size_t(r) * s.k_stride + i);
        copy_floats<W>(v_cache + to, v + size_t(r) * s.v_stride + i);
    }
}

extern "C" void kv_append(Device *dev, floatX *k_cache, floatX *v_cache, const floatX *k, const floatX *v,
                          const int *tables, const int *seq, const int *pos, const DecodeShape *s) {
    CUDA_OP();
    by_width(s->R, fit_wide(s->HS, s->k_stride, s->v_stride) && aligned16(k_cache, v_cache, k, v), [&](auto W) {
        RUN(dev, (kv_append_kernel<W>), s->R, 128)(k_cache, v_cache, k, v, tables, seq, pos, *s);
    });
}

// grid (n, L)
template <int W>
static __global__ void kv_copy_blocks_kernel(floatX *k_cache, floatX *v_cache, const BlockCopy *copies,
                                             size_t cache_layer, int elements) {
    BlockCopy copy = copies[blockIdx.x];
    size_t layer = blockIdx.y * cache_layer;
    size_t to = layer + size_t(copy.to) * elements, from = layer + size_t(copy.from) * elements;
    for (int i = threadIdx.x * W; i < elements; i += blockDim.x * W) {
        copy_floats<W>(k_cache + to + i, k_cache + from + i);
        copy_floats<W>(v_cache + to + i, v_cache + from + i);
    }
}

extern "C" void kv_copy_blocks(Device *dev, floatX *k_cache, floatX *v_cache, const BlockCopy *copies, int n, int L,
                               size_t cache_layer, int NKV, int HS) {
    CUDA_OP();
    int elements = int(kv_block_elements(NKV, HS));
    by_width(n, fit_wide(cache_layer, elements) && aligned16(k_cache, v_cache), [&](auto W) {
        RUN(dev, (kv_copy_blocks_kernel<W>), dim3(n, L), 128)(k_cache, v_cache, copies, cache_layer, elements);
    });
}

// ---- on tiles -------------------------------------------------------------------------------------------------------
// A softmax over some of the keys: o is relative to 2^max and not divided by sum.
struct Part { float max, sum; };
// Shared memory of a block; `o` overlays the keys and values when all warps have read them.
template <int HS, int W> struct DecodeTiles {
    bf16 q[HEADS * tile_row<HS>];
    union {
        struct {
            bf16 k[KEY_TILE * tile_row<HS>], v[KEY_TILE * tile_row<HS>];
        } of[W];
        float o[W][HEADS][HS];
    };
    Part part[W][HEADS];
};

// One warp over the tiles of keys first, first + step, ... below last.
template <int HS>
DEVICE_INLINE void attend(Online<HS> *x, const Cache<bf16> *in, const int *table, int head, const bf16 *q, bf16 *k_tile,
                          bf16 *v_tile, int first, int last, int step, float scale2) {
    static_assert(KEY_TILE == 2 * BLOCK_TOKENS, "a tile of keys is two blocks of the cache");
    int lane = threadIdx.x % 32;
    auto load = [&](bf16 *tile, const bf16 *cache, int j0) {
        int second = j0 + BLOCK_TOKENS < last ? j0 + BLOCK_TOKENS : j0;
        const bf16 *block = cache + cache_at(table, j0, head, &in->s);
        const bf16 *next = cache + cache_at(table, second, head, &in->s);
        tile_load<HS, KEY_TILE, 32>(tile, last - j0, lane, [=](int i) {
            return i < BLOCK_TOKENS ? block + i * HS : next + (i - BLOCK_TOKENS) * HS;
        });
    };
    if (first < last) load(k_tile, in->k, first);
    cp_async_commit();
    for (int j0 = first; j0 < last; j0 += step) {
        float scores[KEY_TILE / 8][4] = {};
        cp_async_wait<0>();
        __syncwarp(); // K has arrived, and no lane reads the last V any more
        load(v_tile, in->v, j0);
        cp_async_commit();
        tile_dot<HS>(scores, q, k_tile);
        if (j0 + KEY_TILE > last) // beyond the last key the weight is 0
            for (int n = 0; n < KEY_TILE / 8; n++)
                for (int i = 0; i < 4; i++)
                    if (j0 + tile_column_of(n, i) >= last) scores[n][i] = -INFINITY;
        online_weights(x, scores, scale2);
        cp_async_wait<0>();
        __syncwarp(); // V has arrived, and no lane reads K any more
        if (j0 + step < last) load(k_tile, in->k, j0 + step);
        cp_async_commit();
        tile_sum<HS>(x->o, scores, v_tile);
    }
    cp_async_wait<0>();
    __syncwarp();
}

// Joins one channel of `count` parts, in order, and returns it. Writes the joined maximum and sum.
template <class OutputOf>
DEVICE_INLINE float join(Part *joined, const Part *part, int stride, int count, OutputOf output_of) {
    float max = part[0].max, sum = 0, o = 0;
    for (int i = 1; i < count; i++) max = fmaxf(max, part[size_t(i) * stride].max);
    for (int i = 0; i < count; i++) {
        Part p = part[size_t(i) * stride];
        float weight = exp2f(p.max - max); // 0 for a part without keys: its maximum is -inf
        sum += weight * p.sum;
        o += weight * output_of(i);
    }
    *joined = {max, sum};
    return o;
}

// grid (R, kv heads x sixteens of a group, splits). Writes parts (R, splits, NH) and outputs (R, splits, NH, HS); where
// they are NULL there is one split and it writes o (R, NH, HS).
template <int HS, int W>
static __global__ void __launch_bounds__(32 * W)
    attention_decode_kernel(bf16 *o, Part *parts, float *outputs, const bf16 *q, Cache<bf16> in, int split_keys) {
    typedef DecodeTiles<HS, W> Tiles;
    DYN_SHARED(Tiles, tiles);
    const DecodeShape *s = &in.s;
    int r = blockIdx.x, split = blockIdx.z, group = s->NH / s->NKV, sixteens = ceil_div(group, HEADS);
    int kv = blockIdx.y / sixteens, head0 = blockIdx.y % sixteens * HEADS, heads = min(group - head0, int(HEADS));
    int warp = threadIdx.x / 32, keys = in.pos[r] + 1, first = split * split_keys;
    int last = keys - first < split_keys ? keys : first + split_keys;
    if (first >= keys) return;
    float scale2 = 1.0f / sqrtf(float(HS)) * LOG2_E;
    size_t h0 = size_t(kv) * group + head0;
    const bf16 *q_row = q + size_t(r) * s->q_stride + h0 * HS;
    tile_load<HS, HEADS, 32 * W>(tiles->q, heads, threadIdx.x, [=](int i) { return q_row + i * HS; });
    cp_async_commit();
    cp_async_wait<0>();
    __syncthreads();
    Online<HS> x;
    attend<HS>(&x, &in, in.tables + size_t(in.seq[r]) * s->table_width, kv, tiles->q, tiles->of[warp].k,
               tiles->of[warp].v, first + warp * KEY_TILE, last, W * KEY_TILE, scale2);
    __syncthreads(); // `o` overlays the keys of all warps
    for (int i = 0; i < 4; i++)
        for (int c = 0; c < HS / 8; c++) tiles->o[warp][tile_row_of(i)][tile_column_of(c, i)] = x.o[c][i];
    for (int half = 0; half < 2; half++) {
        float sum = quad_sum(x.sum[half]);
        if (threadIdx.x % 4 == 0) tiles->part[warp][tile_row_of(2 * half)] = {x.max[half] * scale2, sum};
    }
    __syncthreads();
    for (int i = threadIdx.x; i < heads * HS; i += 32 * W) {
        int h = i / HS, c = i % HS;
        Part joined;
        float out = join(&joined, &tiles->part[0][h], HEADS, W, [&](int w) { return tiles->o[w][h][c]; });
        size_t at = (size_t(r) * gridDim.z + split) * s->NH + h0 + h;
        if (!parts) o[at * HS + c] = from_float<bf16>(out * (1.0f / joined.sum));
        else outputs[at * HS + c] = out;
        if (parts && c == 0) parts[at] = joined;
    }
}

// Writes o (R, NH, HS) from the splits that row r has: one block per row and head.
[[maybe_unused]] static __global__ void attention_decode_join_kernel(floatX *o, const Part *parts, const float *outputs,
                                                                     const int *pos, int splits, int NH, int HS) {
    int r = blockIdx.x, h = blockIdx.y, count = pos[r] / SPLIT_KEYS + 1;
    size_t first = size_t(r) * splits * NH + h;
    for (int c = threadIdx.x; c < HS; c += blockDim.x) {
        Part joined;
        auto output_of = [&](int i) { return outputs[(first + size_t(i) * NH) * HS + c]; };
        float out = join(&joined, parts + first, NH, count, output_of);
        o[(size_t(r) * NH + h) * HS + c] = from_float<floatX>(out * (1.0f / joined.sum));
    }
}

// ---- one warp per row and head --------------------------------------------------------------------------------------
static __global__ void attention_decode_rows_kernel(floatX *o, const floatX *q, Cache<floatX> in) {
    const DecodeShape *s = &in.s;
    int h = blockIdx.x * ROW_WARPS + threadIdx.x / 32, r = blockIdx.y;
    if (h >= s->NH) return;
    int kv = h / (s->NH / s->NKV);
    const int *table = in.tables + size_t(in.seq[r]) * s->table_width;
    auto key = [&](int j) { return in.k + cache_at(table, j, kv, s); };
    auto value = [&](int j) { return in.v + cache_at(table, j, kv, s); };
    row_forward(o + (size_t(r) * s->NH + h) * s->HS, q + size_t(r) * s->q_stride + size_t(h) * s->HS, key, value,
                in.pos[r] + 1, s->HS);
}

// ---- launch ---------------------------------------------------------------------------------------------------------
static int splits_of(const Device *dev, const DecodeShape *s) {
    return dev->invariant ? 1 : ceil_div(s->table_width * BLOCK_TOKENS, SPLIT_KEYS);
}

extern "C" size_t attention_decode_workspace_bytes(const Device *dev, const DecodeShape *s) {
    int splits = splits_of(dev, s);
    return splits > 1 ? size_t(s->R) * splits * s->NH * (sizeof(Part) + s->HS * sizeof(float)) : 0;
}

template <int HS, int W, class X>
static void decode_tiles(Device *dev, X *o, Part *parts, float *outputs, const X *q, const Cache<X> &in, int splits) {
    const DecodeShape *s = &in.s;
    size_t bytes = sizeof(DecodeTiles<HS, W>);
    int sixteens = ceil_div(s->NH / s->NKV, HEADS);
    int split_keys = splits > 1 ? int(SPLIT_KEYS) : s->table_width * BLOCK_TOKENS;
    allow_shared(dev, attention_decode_kernel<HS, W>, bytes);
    LAUNCH((attention_decode_kernel<HS, W>), dim3(s->R, s->NKV * sixteens, splits), 32 * W, bytes, dev->stream)
    (o, parts, outputs, q, in, split_keys);
}

// False if there is no kernel on tiles for this call.
template <class X> static bool forward_tiles(Device *dev, X *o, const X *q, const Cache<X> &in, void *workspace) {
    if constexpr (sizeof(X) == 2) {
        const DecodeShape *s = &in.s;
        if (s->q_stride % 8 != 0 || !aligned16(q, in.k, in.v)) return false;
        int splits = splits_of(dev, s);
        Part *parts = splits > 1 ? static_cast<Part *>(workspace) : NULL;
        float *outputs = reinterpret_cast<float *>(parts ? parts + size_t(s->R) * splits * s->NH : NULL);
        bool found = by_head_size(s->HS, [&](auto HS) {
            if (dev->invariant) decode_tiles<HS, 1>(dev, o, parts, outputs, q, in, splits);
            else decode_tiles<HS, WARPS>(dev, o, parts, outputs, q, in, splits);
        });
        if (found && splits > 1)
            RUN(dev, (attention_decode_join_kernel), dim3(s->R, s->NH), 64)
            (o, parts, outputs, in.pos, splits, s->NH, s->HS);
        return found;
    }
    return false;
}

extern "C" void attention_decode_forward(Device *dev, floatX *o, const floatX *q, const floatX *k_cache,
                                         const floatX *v_cache, const int *tables, const int *seq, const int *pos,
                                         const DecodeShape *shape, void *workspace) {
    CUDA_OP();
    dim3 grid(ceil_div(shape->NH, ROW_WARPS), shape->R); // of the rows' kernel
    Cache<floatX> in = {k_cache, v_cache, tables, seq, pos, *shape};
    if (shape->R == 0) return;
    REQUIRE(shape->HS <= HEAD_MAX, "heads of %d channels: at most %d", shape->HS, HEAD_MAX);
    if (!forward_tiles(dev, o, q, in, workspace))
        RUN(dev, (attention_decode_rows_kernel), grid, 32 * ROW_WARPS)(o, q, in);
}
