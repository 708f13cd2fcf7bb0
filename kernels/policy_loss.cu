// See policy_loss.h. One block a row of logits, any V. First pass: maximum and sums (softmax_row.cuh). One thread turns
// them into the token's push (modulation.h). Second pass: the gradient, in place where floatX is float.
#include "kernels/policy_loss.h"
#include "kernels/softmax_row.cuh"

DEVICE_INLINE TokenPush token_push_of(const PolicyTargets *t, const PolicyObjective *o, TokenPolicy p, int m) {
    if (t->advantage) return token_push(o, p, t->logp_old[m], t->advantage[m], t->E_override ? t->E_override[m] : p.E);
    return {-p.logp, 1.0f, 1.0f, 1.0f, 1.0f, 0.0f}; // supervised: loss, dlogp, ratio, b_comp, b_stab, clipped
}

template <int W>
static __global__ void policy_loss_kernel(TokenResult *result, floatX *dlogits, const float *logits, PolicyTargets t, PolicyObjective o, int V) {
    __shared__ float shared_dlogp;
    int m = blockIdx.x, target = t.target[m];
    const float *z = logits + static_cast<size_t>(m) * V;
    floatX *d = dlogits + static_cast<size_t>(m) * V;
    PolicyRow row = policy_row<W>(z, V, o.inv_temp);
    if (threadIdx.x == 0) {
        TokenPolicy p = {policy_log_prob(&row, z[target], o.inv_temp), row.entropy, row.E};
        TokenPush push = token_push_of(&t, &o, p, m);
        result[m] = {p.logp, p.entropy, p.E, push.loss - o.entropy_coef * p.entropy, push.ratio, push.b_comp, push.b_stab, push.clipped};
        shared_dlogp = push.dlogp;
    }
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

extern "C" void policy_loss(Device *dev, TokenResult *result, floatX *dlogits, const float *logits, const PolicyTargets *targets,
                            const PolicyObjective *objective, int M, int V) {
    OP_RANGE();
    if (M == 0) return;
    by_width(V % WIDE == 0 && aligned16(logits, dlogits), [&](auto W) {
        LAUNCH((policy_loss_kernel<W>), M, row_threads(V, W), 0, dev->stream)(result, dlogits, logits, *targets, *objective, V);
    });
    CUDA_CHECK(cudaGetLastError());
}
