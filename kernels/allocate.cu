// See allocate.h. One block: the prompts' shares and proxies stand in shared memory, each thread works on its prompts,
// and the two sums of a round are taken by one thread in the order of the prompts, as the C twin takes them.
#include "kernels/allocate.h"
#include "kernels/device/device_cuda.cuh"

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

static __global__ void allocate_kernel(int *n, double *ideal, const double *correct, const double *verified, int P, AllocateConfig c) {
    DYN_SHARED(double, memory); // share (P); proxy (P), then in its place the remainder
    __shared__ Sharing s;
    __shared__ long long left;
    const double none = -2; // remainder of a prompt that may not be rounded up
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
    double *remainder = s.proxy;
    for (int i = threadIdx.x; i < P; i += BLOCK) {
        double share = s.share[i];
        int whole = static_cast<int>(share + 1e-9); // the sharing's own rounding must not lose a whole rollout
        if (ideal) ideal[i] = share;
        remainder[i] = whole < c.high && whole < share + 1 - 1e-9 ? share - whole : none;
        n[i] = whole;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        left = static_cast<long long>(P) * c.rollouts;
        for (int i = 0; i < P; i++) left -= n[i];
    }
    __syncthreads();
    for (int i = threadIdx.x; i < P; i += BLOCK) { // the `left` largest remainders get one more; of equals, the lower index
        double mine = remainder[i];
        int before = 0;
        for (int j = 0; j < P; j++) before += remainder[j] > mine || (remainder[j] == mine && j < i);
        n[i] += mine > none && before < left;
    }
}

extern "C" void allocate_rollouts(Device *dev, int *n, double *ideal, const double *correct, const double *verified, int P,
                                  const AllocateConfig *config) {
    OP_RANGE();
    size_t bytes = static_cast<size_t>(P) * 2 * sizeof(double);
    if (P == 0) return;
    allow_shared(dev, allocate_kernel, bytes);
    LAUNCH((allocate_kernel), 1, BLOCK, bytes, dev->stream)(n, ideal, correct, verified, P, *config);
    CUDA_CHECK(cudaGetLastError());
}
