// Optional (CUDA): see knapsack.h. One block: each thread finds the best of every BLOCK-th prompt, the first thread the
// best of these, in the order and by the code of the C twin.
#include "kernels/knapsack.h"
#include "kernels/device/device_cuda.cuh"

enum { BLOCK = 64 }; // there are a few hundred prompts

static __global__ void knapsack_kernel(int *n, double *ideal, const double *correct, const double *verified, int P,
                                       AllocateConfig c) {
    DYN_SHARED(KnapsackItem, items); // (P)
    __shared__ int best[BLOCK];
    int t = threadIdx.x, threads = P < BLOCK ? P : BLOCK; // that have a prompt
    for (int i = t; i < P; i += BLOCK) items[i] = knapsack_item(correct[i], verified[i], &c);
    for (long long left = (long long)P * (c.rollouts - c.low); left > 0; left--) {
        if (t < threads) best[t] = knapsack_best(items, t, BLOCK, P);
        __syncthreads();
        if (t == 0) {
            int chosen = best[0];
            for (int k = 1; k < threads; k++) {
                double next = items[best[k]].next, most = items[chosen].next;
                if (next > most || (next == most && best[k] < chosen)) chosen = best[k];
            }
            knapsack_take(&items[chosen], &c);
        }
        __syncthreads();
    }
    for (int i = t; i < P; i += BLOCK) {
        n[i] = items[i].n;
        if (ideal) ideal[i] = items[i].n;
    }
}

extern "C" void knapsack_rollouts(Device *dev, int *n, double *ideal, const double *correct, const double *verified,
                                  int P, const AllocateConfig *config) {
    CUDA_OP();
    size_t bytes = size_t(P) * sizeof(KnapsackItem);
    if (P == 0) return;
    allow_shared(dev, knapsack_kernel, bytes);
    LAUNCH((knapsack_kernel), 1, BLOCK, bytes, dev->stream)(n, ideal, correct, verified, P, *config);
}
