// Optional (CUDA): see advantage.h. One thread per prompt, one warp per response, one block for the normalisers.
#include "kernels/advantage.h"
#include "kernels/device/device_cuda.cuh"

enum { BLOCK = 256, NORM_THREADS = 1024 };

static __global__ void group_advantage_kernel(float *A, const float *reward, const int *starts, int P,
                                              AdvantageKind kind) {
    int i = blockIdx.x * BLOCK + threadIdx.x;
    if (i < P) advantage_of_group(A + starts[i], reward + starts[i], starts[i + 1] - starts[i], kind);
}

extern "C" void group_advantage(Device *dev, float *A, const float *reward, const int *starts, int P,
                                AdvantageKind kind) {
    CUDA_OP();
    if (P == 0) return;
    RUN(dev, (group_advantage_kernel), ceil_div(P, BLOCK), BLOCK)(A, reward, starts, P, kind);
}

static __global__ void __launch_bounds__(NORM_THREADS)
    modulation_norms_kernel(float *norms, const TokenPolicy *sampled, const float *A, const float *E_override, int M) {
    float low = INFINITY, high = -INFINITY, delta_max = 0;
    for (int m = threadIdx.x; m < M; m += NORM_THREADS) {
        TokenPolicy p = sampled[m];
        if (E_override) p.E = E_override[m];
        low = fminf(low, p.entropy);
        high = fmaxf(high, p.entropy);
        delta_max = fmaxf(delta_max, fabsf(entropy_change(p, 1.0f, A[m], false)));
    }
    low = -block_max(-low);
    high = block_max(high);
    delta_max = block_max(delta_max);
    if (threadIdx.x > 0) return;
    norms[0] = M > 0 ? low : 0;
    norms[1] = M > 0 ? high : 0;
    norms[2] = delta_max;
}

extern "C" void modulation_norms(Device *dev, float *norms, const TokenPolicy *sampled, const float *A,
                                 const float *E_override, int M) {
    CUDA_OP();
    RUN(dev, (modulation_norms_kernel), 1, NORM_THREADS)(norms, sampled, A, E_override, M);
}

static __global__ void response_mean_E_kernel(float *E_override, const TokenPolicy *sampled, const int *starts) {
    int first = starts[blockIdx.x], end = starts[blockIdx.x + 1], lane = threadIdx.x;
    double sum = 0;
    for (int m = first + lane; m < end; m += 32)
        sum += double(MODULATION_EXP(sampled[m].logp) * (sampled[m].logp + sampled[m].entropy));
    for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
    for (int m = first + lane; m < end; m += 32) E_override[m] = float(sum / (end - first));
}

extern "C" void response_mean_E(Device *dev, float *E_override, const TokenPolicy *sampled, const int *starts, int B) {
    CUDA_OP();
    if (B == 0) return;
    RUN(dev, (response_mean_E_kernel), B, 32)(E_override, sampled, starts);
}
