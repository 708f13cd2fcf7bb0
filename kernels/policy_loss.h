// The policy loss of a chunk of response tokens, from logits to the gradient on the logits, DynaMO's advantage
// modulation included (arXiv 2602.19208; the formulas are in modulation.h).
//
//   loss_m = -min(r_m A'_m, clip(r_m) A'_m) - entropy_coef H_m,   A'_m = A_m b_comp b_stab (no gradient through b)
//   dlogits_mb = weight_m / temp * ( -pull_m ([b = a_m] - pi_mb) + entropy_coef pi_mb (log pi_mb + H_m) )
//
// Two passes over a row: one for the maximum and the sums that give log pi_a, H and E, one that writes the gradient.
// weight_m carries the loss average (1 / global token count, or per sequence, ...), so no result depends on chunking.
// Supervised learning is the case A = 1, logp_old = logp (h: NULL below): its loss is then reported as -log pi_a.
#ifndef KERNELS_POLICY_LOSS_H
#define KERNELS_POLICY_LOSS_H
#include "kernels/device/device.h"
#include "kernels/modulation.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef struct TokenResult { // of one response token; read by the host for metrics and the report
    float logp, entropy, E;  // under the policy being trained
    float loss, ratio, b_comp, b_stab, clipped;
} TokenResult;

typedef struct PolicyTargets { // device arrays of M rows each
    const int *target;         // the sampled token a, in [0, V)
    const float *advantage;    // A; NULL: supervised, A = 1 and ratio 1
    const float *logp_old;     // of the sampler; NULL with advantage NULL
    const float *weight;       // >= 0; 0 masks the token
    const float *E_override;   // E for Eq. 29 instead of the exact one (authors-compat); NULL: exact
} PolicyTargets;

// writes result (M) and dlogits (M, V); dlogits may be the logits' own memory where floatX is float. logits (M, V) fp32.
void policy_loss(Device *dev, TokenResult *result, floatX *dlogits, const float *logits, const PolicyTargets *targets,
                 const PolicyObjective *objective, int M, int V);

#ifdef __cplusplus
}
#endif
#endif
