#include "kernels/policy_loss.h"
#include "kernels/device/device_threads.h"
#include "kernels/softmax_row.h"

// Second pass: a logit's gradient, and the chosen token's extra -dlogp on top.
static void row_gradient(float *d, const float *z, const PolicyRow *row, int V, int target, float dlogp,
                         const PolicyObjective *o, float weight) {
    float scale = weight * o->inv_temp, inv_sum = 1.0f / row->sum;
    for (int b = 0; b < V; b++) {
        float u = policy_row_u(z[b], o->inv_temp, row->scaled_max), pi = exp_f32(u) * inv_sum;
        float rise = dlogp + o->entropy_coef * (u - row->log_sum + row->entropy);
        d[b] = scale * pi * rise;
    }
    d[target] -= scale * dlogp;
}

void policy_loss(Device *dev, TokenResult *result, floatX *dlogits, const float *logits, const PolicyTargets *t,
                 const PolicyObjective *o, int M, int V) {
    PARALLEL(dev)
    for (int m = 0; m < M; m++) {
        const float *z = logits + (size_t)m * V;
        PolicyRow row = policy_row(z, V, o->inv_temp);
        TokenPolicy p = {policy_log_prob(&row, z[t->target[m]], o->inv_temp), row.entropy, row.E};
        float dlogp;
        result[m] = policy_token_result(&dlogp, t, o, p, m);
        row_gradient(dlogits + (size_t)m * V, z, &row, V, t->target[m], dlogp, o, t->weight[m]);
    }
}
