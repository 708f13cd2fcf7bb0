// Optional (CUDA): see allocate.h. One block: its threads compute weights and remainders, a prompt each at a time; one
// thread does the sharing, a few rounds over shared memory, in the order and by the code of the C twin.
#include "kernels/allocate.h"
#include "kernels/device/device_cuda.cuh"
#include "kernels/knapsack.h"

enum { BLOCK = 64 }; // there are a few hundred prompts

static __global__ void allocate_kernel(int *n, double *ideal, const double *correct, const double *verified, int P,
                                       AllocateConfig c) {
    DYN_SHARED(double, share); // (P), then weight (P), later remainder
    __shared__ long long left;
    double *weight = share + P, *remainder = weight;
    for (int i = threadIdx.x; i < P; i += BLOCK) weight[i] = allocate_weight(correct[i], verified[i], &c);
    __syncthreads();
    if (threadIdx.x == 0) {
        allocate_shares(share, weight, P, &c);
        left = (long long)P * c.rollouts;
        for (int i = 0; i < P; i++) left -= allocate_floor(share[i]);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < P; i += BLOCK) {
        if (ideal) ideal[i] = share[i];
        n[i] = allocate_floor(share[i]);
        remainder[i] = allocate_remainder(share[i], &c);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < P; i += BLOCK) n[i] += allocate_extra(remainder, P, i, left);
}

extern "C" void allocate_rollouts(Device *dev, int *n, double *ideal, const double *correct, const double *verified,
                                  int P, const AllocateConfig *config) {
    if (config->kind >= ALLOCATE_KNAPSACK) return knapsack_rollouts(dev, n, ideal, correct, verified, P, config);
    CUDA_OP();
    size_t bytes = 2 * size_t(P) * sizeof(double);
    if (P == 0) return;
    allow_shared(dev, allocate_kernel, bytes);
    LAUNCH((allocate_kernel), 1, BLOCK, bytes, dev->stream)(n, ideal, correct, verified, P, *config);
}
