// The policy loss of a chunk of response tokens, from logits to the gradient on the logits, with DynaMO's advantage
// modulation (arXiv 2602.19208; the formulas of one token are in modulation.h).
//
//   loss_m = -min(r_m A'_m, clip(r_m) A'_m) - entropy_coef H_m,   A'_m = A_m b_comp b_stab (no gradient through b)
//   dlogits_mb = weight_m / temp * ( -dlogp_m ([b = a_m] - pi_mb) + entropy_coef pi_mb (log pi_mb + H_m) )
//
// A row is read twice: the first pass finds the maximum and the sums that give log pi_a, H and E, the second writes the
// gradient. weight_m carries the average over the global mini-batch (1 / its tokens, or per sequence, ...), so no
// result depends on chunks. Rows with A = 0 (groups without spread) add 0 to that sum but count in its divisor.
//
// Cost: 8 V bytes read and V floatX written a row, two exponentials and about 30 FLOPs a logit. Limit: FLOPs in the C
// build, memory bandwidth in the CUDA build. Measured on an H200, 2026-11-27, V = 151,936: 4,107 GB/s at 4,096 rows and
// 3,612 at 512 (96 and 85 % of a plain copy's 4,266).
#ifndef KERNELS_POLICY_LOSS_H
#define KERNELS_POLICY_LOSS_H
#include "kernels/device/device.h"
#include "kernels/modulation.h"
EXTERN_C_BEGIN

typedef struct TokenResult { // of one response token; the host reads it for metrics and the report
    float logp, entropy, E;  // under the policy that is trained
    float loss, ratio, b_comp, b_stab, clipped; // loss: not weighted, all terms; the rest as in TokenPush
} TokenResult;

typedef struct PolicyTargets { // device arrays, (M) each
    const int *target;         // the sampled token a, in [0, V)
    const float *advantage;    // A; NULL: supervised learning, A = 1 and ratio 1, with the loss -log pi_a
    const float *logp_old;     // log pi_a as sampled; may be NULL only if advantage is
    const float *weight;       // >= 0; 0 masks the token
    const float *E_override;   // replaces E in Eq. 29 (the control `authors-compat`); NULL: the exact E
    const TokenAdjust *adjust; // NULL: none
} PolicyTargets;

// Writes result (M) and dlogits (M, V) from logits (M, V) fp32. Where floatX is float, dlogits may be logits.
void policy_loss(Device *dev, TokenResult *result, floatX *dlogits, const float *logits, const PolicyTargets *targets,
                 const PolicyObjective *objective, int M, int V);
EXTERN_C_END

// The result of row m, whose target has the statistics p, and its *dlogp: the arithmetic of both twins.
TWIN_INLINE TokenResult policy_token_result(float *dlogp, const PolicyTargets *t, const PolicyObjective *o,
                                            TokenPolicy p, int m) {
    TokenPush x = {-p.logp, 1.0f, 1.0f, 1.0f, 1.0f, 0.0f}; // supervised: loss, dlogp, ratio, b_comp, b_stab, clipped
    if (t->advantage)
        x = token_push(o, p, t->logp_old[m], t->advantage[m], t->E_override ? t->E_override[m] : p.E,
                       t->adjust ? t->adjust + m : NULL);
    TokenResult result = {p.logp, p.entropy, p.E, x.loss - o->entropy_coef * p.entropy, x.ratio, x.b_comp, x.b_stab,
                          x.clipped};
    *dlogp = x.dlogp;
    return result;
}
#endif
