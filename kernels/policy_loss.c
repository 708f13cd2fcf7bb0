// See policy_loss.h.
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

static TokenPush supervised_push(float logp) {
    return (TokenPush){.loss = -logp, .dlogp = 1.0f, .ratio = 1.0f, .b_comp = 1.0f, .b_stab = 1.0f};
}

void policy_loss(Device *dev, TokenResult *result, floatX *dlogits, const float *logits, const PolicyTargets *t,
                 const PolicyObjective *o, int M, int V) {
    PARALLEL(dev)
    for (int m = 0; m < M; m++) {
        const float *z = logits + (size_t)m * V;
        PolicyRow row = policy_row(z, V, o->inv_temp);
        TokenPolicy p = {policy_log_prob(&row, z[t->target[m]], o->inv_temp), row.entropy, row.E};
        TokenPush push = t->advantage ? token_push(o, p, t->logp_old[m], t->advantage[m], t->E_override ? t->E_override[m] : p.E)
                                      : supervised_push(p.logp);
        result[m] = (TokenResult){p.logp, p.entropy, p.E, push.loss - o->entropy_coef * p.entropy, push.ratio, push.b_comp, push.b_stab, push.clipped};
        row_gradient(dlogits + (size_t)m * V, z, &row, V, t->target[m], push.dlogp, o, t->weight[m]);
    }
}
