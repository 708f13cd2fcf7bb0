// Optional (CUDA): see sample.h. One block per row of logits. For the draw a row is cut into at most CHUNKS equal
// pieces: the warps sum whole pieces, then one finds the piece and token where the running sum passes the threshold.
#include "kernels/sample.h"
#include "kernels/philox.h"
#include "kernels/softmax_row.cuh"

enum { CHUNKS = 256, WARPS_MAX = ROW_THREADS / 32 };
static const unsigned ALL = 0xffffffffu;

struct Row { // a token's weight is e^(z/temp - max), or 0 below the floor of top_k and top_p
    const float *z;
    int V;
    float floor, inv_temp, scaled_max;
};

DEVICE_INLINE float weight_of(const Row *r, int b) {
    return r->z[b] >= r->floor ? expf(r->z[b] * r->inv_temp - r->scaled_max) : 0.0f;
}

// ---- the floor of top_k and top_p -----------------------------------------------------------------------------------
// Maps floats to unsigned integers that sort in the same order, and back.
DEVICE_INLINE unsigned ordered_bits(float x) {
    unsigned u = __float_as_uint(x);
    return u & 0x80000000u ? ~u : u | 0x80000000u;
}
DEVICE_INLINE float from_ordered_bits(unsigned u) { return __uint_as_float(u & 0x80000000u ? u & 0x7fffffffu : ~u); }

DEVICE_INLINE int block_count(int mine) {
    __shared__ int of_warp[WARPS_MAX];
    int lane = threadIdx.x % 32, total = 0;
    mine = int(__reduce_add_sync(ALL, unsigned(mine)));
    if (lane == 0) of_warp[threadIdx.x / 32] = mine;
    __syncthreads();
    for (int w = 0; w < int(blockDim.x / 32); w++) total += of_warp[w];
    __syncthreads();
    return total;
}

// True if at least k logits are not below r->floor, or, where k is 0, if those hold at least `mass`.
DEVICE_INLINE bool keeps_enough(const Row *r, int k, float mass) {
    int count = 0;
    float sum = 0;
    for (int b = threadIdx.x; b < r->V; b += blockDim.x) {
        if (!(r->z[b] >= r->floor)) continue;
        count++;
        if (k == 0) sum += weight_of(r, b);
    }
    return k > 0 ? block_count(count) >= k : block_sum(sum) >= mass;
}

// The largest floor that keeps enough: bisection over all floats up to the largest logit.
DEVICE_INLINE float kept_floor(Row r, float largest, int k, float mass) {
    unsigned low = ordered_bits(-INFINITY), high = ordered_bits(largest);
    while (low < high) {
        unsigned middle = low + (high - low + 1) / 2;
        r.floor = from_ordered_bits(middle);
        if (keeps_enough(&r, k, mass)) low = middle;
        else high = middle - 1;
    }
    return from_ordered_bits(low);
}

// ---- the draw -------------------------------------------------------------------------------------------------------
// The first piece at whose end the running sum has passed *threshold, which is u times the whole sum but below it, so
// that some piece passes it. Writes *passed, the sum before that piece.
DEVICE_INLINE int find_chunk(const float *of_chunk, int chunks, float u, float *passed, float *threshold) {
    float whole = 0, sum = 0;
    for (int i = 0; i < chunks; i++) whole += of_chunk[i];
    *threshold = fminf(u * whole, __uint_as_float(__float_as_uint(whole) - 1));
    int chunk = 0;
    for (int i = 0; i < chunks; i++) {
        *passed = sum;
        if (of_chunk[i] > 0) chunk = i;
        sum += of_chunk[i];
        if (sum > *threshold) break;
    }
    return chunk;
}

// One warp: the first token of [first, end) with a weight at which the running sum passes the threshold, or the last
// token with a weight if rounding keeps the sum below it.
DEVICE_INLINE int find_token(const Row *r, int first, int end, float passed, float threshold) {
    int lane = threadIdx.x % 32, last = first;
    for (int b0 = first; b0 < end; b0 += 32) {
        float weight = b0 + lane < end ? weight_of(r, b0 + lane) : 0.0f, sum = weight;
        for (int offset = 1; offset < 32; offset *= 2) {
            float before = __shfl_up_sync(ALL, sum, offset);
            if (lane >= offset) sum += before;
        }
        unsigned some = __ballot_sync(ALL, weight > 0);
        unsigned over = __ballot_sync(ALL, weight > 0 && passed + sum > threshold);
        if (over) return b0 + __ffs(int(over)) - 1;
        if (some) last = b0 + 31 - __clz(int(some));
        passed += __shfl_sync(ALL, sum, 31);
    }
    return last;
}

DEVICE_INLINE int draw(const Row *r, float u) {
    __shared__ float of_chunk[CHUNKS];
    __shared__ int token;
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int length = max(32, ceil_div(r->V, CHUNKS)), chunks = ceil_div(r->V, length);
    for (int i = warp; i < chunks; i += blockDim.x / 32) {
        float sum = 0;
        for (int b = i * length + lane; b < min((i + 1) * length, r->V); b += 32) sum += weight_of(r, b);
        sum = warp_sum(sum);
        if (lane == 0) of_chunk[i] = sum;
    }
    __syncthreads();
    if (warp == 0) {
        float passed, threshold;
        int chunk = find_chunk(of_chunk, chunks, u, &passed, &threshold); // all lanes alike
        int found = find_token(r, chunk * length, min((chunk + 1) * length, r->V), passed, threshold);
        if (lane == 0) token = found;
    }
    __syncthreads();
    return token;
}

// ---- the largest logit, the first on a tie --------------------------------------------------------------------------
struct Best { float z; int b; };
DEVICE_INLINE Best better(Best x, Best y) { return y.z > x.z || (y.z == x.z && y.b < x.b) ? y : x; }

DEVICE_INLINE int largest(const float *z, int V) {
    __shared__ Best of_warp[WARPS_MAX];
    Best best = {-INFINITY, V - 1};
    for (int b = threadIdx.x; b < V; b += blockDim.x) best = better(best, {z[b], b});
    for (int offset = 16; offset > 0; offset /= 2)
        best = better(best, {__shfl_xor_sync(ALL, best.z, offset), __shfl_xor_sync(ALL, best.b, offset)});
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = best;
    __syncthreads();
    for (int w = 0; w < int(blockDim.x / 32); w++) best = better(best, of_warp[w]);
    return best.b;
}

template <int W>
static __global__ void sample_kernel(Sampled *sampled, const float *logits, const SampleKey *keys,
                                     const SampleConfig *config, int V) {
    SampleConfig c = *config;
    const float *z = logits + size_t(blockIdx.x) * V;
    float inv_temp = c.temp > 0 ? 1.0f / c.temp : 1.0f;
    PolicyRow row = policy_row<W>(z, V, inv_temp);
    int token;
    if (c.temp > 0) {
        Row r = {z, V, -INFINITY, inv_temp, row.scaled_max};
        float floor = -INFINITY, top = 0;
        if ((c.top_k > 0 && c.top_k < V) || c.top_p < 1.0f) top = z[largest(z, V)];
        if (c.top_k > 0 && c.top_k < V) floor = kept_floor(r, top, c.top_k, 0);
        if (c.top_p < 1.0f) floor = fmaxf(floor, kept_floor(r, top, 0, c.top_p * row.sum));
        r.floor = floor;
        SampleKey key = keys[blockIdx.x];
        token = draw(&r, philox_uniform(philox(c.seed, c.step, key.prompt, key.rollout, key.position).word[0]));
    } else {
        token = largest(z, V);
    }
    if (threadIdx.x > 0) return;
    sampled[blockIdx.x] = {token, policy_token(&row, z[token], inv_temp)};
}

extern "C" void sample_forward(Device *dev, Sampled *sampled, const float *logits, const SampleKey *key,
                               const SampleConfig *config, int R, int V) {
    CUDA_OP();
    by_width(R, fit_wide(V) && aligned16(logits), [&](auto W) {
        RUN(dev, (sample_kernel<W>), R, row_threads(V, W))(sampled, logits, key, config, V);
    });
}
