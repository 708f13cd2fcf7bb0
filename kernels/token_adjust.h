// Optional (token-level methods, KL to a reference, sequence ratio): what is changed in the loss of one token beside
// its advantage. kernels/modulation.h: token_push applies it in both twins; rl/adjust.h says which tokens get what.
//
//   loss = factor * (loss of the clipped ratio) + move |log pi_a - log pi_a,old| + kl_coef KL(pi_a, pi_a,ref)
//
// KL is one of Schulman's estimators ("Approximating KL divergence", 2020) from the sampled token alone, with
// d = log pi_a,ref - log pi_a:   k1 = -d,   k2 = d^2 / 2,   k3 = e^d - 1 - d.
// As a term of the loss, k1 pushes every token equally: over samples of pi its gradient averages to 0. k2 has the
// gradient of KL(pi || ref), k3 that of KL(ref || pi) (where pi sampled the tokens). Nothing is clamped here; other
// trainers hold k3 to 10.
#ifndef KERNELS_TOKEN_ADJUST_H
#define KERNELS_TOKEN_ADJUST_H
#include "kernels/twin.h"
#include <math.h>

typedef enum Ratio { RATIO_TOKEN, RATIO_SEQUENCE } Ratio;                              // rl/adjust.h; so is the next
typedef enum TokenRule { RULE_NONE, RULE_FORK, RULE_CLIP_COV, RULE_KL_COV } TokenRule; // whose tokens are adjusted
typedef enum KlEstimator { KL_K1, KL_K2, KL_K3 } KlEstimator;

typedef struct TokenAdjust {
    float factor;   // of the policy term; 1: as it is, 0: without one
    float ratio;    // replaces r: the ratio of the whole sequence; below 0: the token's own
    float move;     // weight of |log pi_a - log pi_a,old|
    float logp_ref; // log pi_a under the reference; read only where kl_coef > 0
} TokenAdjust;

// e_d: e^d. Writes the derivative with respect to log pi_a to *slope.
TWIN_INLINE float kl_estimate(KlEstimator kind, float d, float e_d, float *slope) {
    *slope = kind == KL_K1 ? 1.0f : kind == KL_K2 ? -d : 1.0f - e_d;
    return kind == KL_K1 ? -d : kind == KL_K2 ? 0.5f * d * d : e_d - 1.0f - d;
}

// Changes the loss of a token and its *dlogp = -d loss / d log pi_a. e_d: e^(log pi_a,ref - log pi_a). Where log pi_a
// is log pi_a,old, their distance has derivative 0: a policy that has not moved yet is not held.
TWIN_INLINE void token_adjust(float *loss, float *dlogp, const TokenAdjust *a, float logp, float logp_old,
                              float kl_coef, KlEstimator kl, float e_d) {
    float change = logp - logp_old, slope;
    *loss *= a->factor;
    *dlogp *= a->factor;
    if (a->move != 0) {
        *loss += a->move * fabsf(change);
        *dlogp -= change > 0 ? a->move : change < 0 ? -a->move : 0.0f;
    }
    if (kl_coef != 0) {
        *loss += kl_coef * kl_estimate(kl, a->logp_ref - logp, e_d, &slope);
        *dlogp -= kl_coef * slope;
    }
}
#endif
