// Optional (CUDA): see policy_loss.h. One block per row of logits, any V. The first pass finds the maximum and the sums
// (softmax_row.cuh), one thread computes the token's loss and dlogp, the second pass writes the gradient.
#include "kernels/policy_loss.h"
#include "kernels/softmax_row.cuh"

template <int W>
static __global__ void policy_loss_kernel(TokenResult *result, floatX *dlogits, const float *logits, PolicyTargets t,
                                          PolicyObjective o, int V) {
    __shared__ float shared_dlogp;
    int m = blockIdx.x, target = t.target[m];
    const float *z = logits + size_t(m) * V;
    floatX *d = dlogits + size_t(m) * V;
    PolicyRow row = policy_row<W>(z, V, o.inv_temp);
    if (threadIdx.x == 0)
        result[m] = policy_token_result(&shared_dlogp, &t, &o, policy_token(&row, z[target], o.inv_temp), m);
    __syncthreads(); // z[target] has been read: d may be z
    float dlogp = shared_dlogp, scale = t.weight[m] * o.inv_temp, inv_sum = 1.0f / row.sum, x[W];
    for (int b = threadIdx.x * W; b < V; b += blockDim.x * W) {
        load_floats(x, z + b);
        for (int k = 0; k < W; k++) {
            float u = x[k] * o.inv_temp - row.scaled_max, pi = expf(u) * inv_sum;
            float entropy_term = pi > 0 ? o.entropy_coef * pi * (u - row.log_sum + row.entropy) : 0.0f; // x log x -> 0
            x[k] = scale * (dlogp * pi + entropy_term - (b + k == target ? dlogp : 0.0f));
        }
        store_floats(d + b, x);
    }
}

extern "C" void policy_loss(Device *dev, TokenResult *result, floatX *dlogits, const float *logits,
                            const PolicyTargets *targets, const PolicyObjective *objective, int M, int V) {
    CUDA_OP();
    by_width(M, fit_wide(V) && aligned16(logits, dlogits), [&](auto W) {
        RUN(dev, (policy_loss_kernel<W>), M, row_threads(V, W))(result, dlogits, logits, *targets, *objective, V);
    });
}
