// See allocate.h. One block: the prompts' shares and proxies stand in shared memory, each thread works on its prompts,
// and the two sums of a round are taken by one thread in the order of the prompts, as the C twin takes them.
#include "kernels/allocate.h"
#include "kernels/device_cuda.cuh"

enum { BLOCK = 64 }; // there are a few hundred prompts

DEVICE_INLINE double proxy_of(double k, double G, const AllocateConfig *c) {
    const double least = 0.01;
    if (k / G >= c->mastered) return least;
    double variance = k * (G - k) / (G * (G - 1.0)), weight = c->kind == ALLOCATE_STDDEV ? sqrt(variance) : variance;
    return weight > least ? weight : least;
}

struct Sharing { // in shared memory; share is -1 for a prompt that still takes part
    double *share, *proxy;
    double surplus, whole;
    int held;
};

// Holds the prompts whose part passes `high` and counts them, until there are none; then every other gets its part.
DEVICE_INLINE void real_shares(Sharing *s, int P, const AllocateConfig *c) {
    double room = c->high - c->low;
    for (;;) {
        if (threadIdx.x == 0) {
            s->whole = 0;
            for (int i = 0; i < P; i++)
                if (s->share[i] < 0) s->whole += s->proxy[i];
            s->held = 0;
        }
        __syncthreads();
        double left = s->surplus, whole = s->whole;
        for (int i = threadIdx.x; i < P; i += BLOCK)
            if (s->share[i] < 0 && left / whole * s->proxy[i] >= room) {
                s->share[i] = c->high;
                atomicAdd(&s->held, 1);
            }
        __syncthreads();
        int held = s->held;
        __syncthreads();
        if (held == 0) break;
        if (threadIdx.x == 0)
            for (int i = 0; i < held; i++) s->surplus -= room;
        // the barrier after the next sum publishes it
    }
    for (int i = threadIdx.x; i < P; i += BLOCK)
        if (s->share[i] < 0) s->share[i] = c->low + s->surplus / s->whole * s->proxy[i];
    __syncthreads();
}

// A prompt may be rounded up if its share reaches beyond what it has; the larger remainder goes first, then the lower index.
DEVICE_INLINE bool goes_before(const Sharing *s, const int *n, int a, int b) {
    double ra = s->share[a] - n[a], rb = s->share[b] - n[b];
    return ra > rb || (ra == rb && a < b);
}
DEVICE_INLINE bool may_round_up(const Sharing *s, const int *n, int i, const AllocateConfig *c) {
    return n[i] < c->high && n[i] < s->share[i] + 1 - 1e-9;
}

static __global__ void allocate_kernel(int *n, double *ideal, const double *correct, const double *verified, int P, AllocateConfig c) {
    DYN_SHARED(double, memory); // share (P), proxy (P), then the whole parts as int (P)
    __shared__ Sharing s;
    __shared__ long long left;
    int *whole_part = reinterpret_cast<int *>(memory + 2 * static_cast<size_t>(P));
    if (threadIdx.x == 0) s.share = memory, s.proxy = memory + P, s.surplus = 0;
    for (int i = threadIdx.x; i < P; i += BLOCK) {
        bool explored = c.kind != ALLOCATE_UNIFORM && verified[i] >= c.explore;
        memory[i] = explored ? -1.0 : c.rollouts;
        memory[P + i] = explored ? proxy_of(correct[i], verified[i], &c) : 0.0;
    }
    __syncthreads();
    if (threadIdx.x == 0)
        for (int i = 0; i < P; i++)
            if (s.share[i] < 0) s.surplus += c.rollouts - c.low;
    real_shares(&s, P, &c);
    for (int i = threadIdx.x; i < P; i += BLOCK) {
        if (ideal) ideal[i] = s.share[i];
        whole_part[i] = static_cast<int>(s.share[i] + 1e-9); // the sharing's own rounding must not lose a whole rollout
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        left = static_cast<long long>(P) * c.rollouts;
        for (int i = 0; i < P; i++) left -= whole_part[i];
    }
    __syncthreads();
    for (int i = threadIdx.x; i < P; i += BLOCK) { // largest remainder: the first `left` in that order get one more
        int before = 0;
        for (int j = 0; j < P; j++) before += may_round_up(&s, whole_part, j, &c) && goes_before(&s, whole_part, j, i);
        n[i] = whole_part[i] + (may_round_up(&s, whole_part, i, &c) && before < left);
    }
}

extern "C" void allocate_rollouts(Device *dev, int *n, double *ideal, const double *correct, const double *verified, int P,
                                  const AllocateConfig *config) {
    OP_RANGE();
    size_t bytes = static_cast<size_t>(P) * (2 * sizeof(double) + sizeof(int));
    if (P == 0) return;
    allow_shared(dev, allocate_kernel, bytes);
    LAUNCH((allocate_kernel), 1, BLOCK, bytes, dev->stream)(n, ideal, correct, verified, P, *config);
    CUDA_CHECK(cudaGetLastError());
}
