// The loss of one response token and its gradient, with DynaMO's advantage modulation: code that both twins of
// policy_loss.h and advantage.h compile. Sources: Fang et al., "How to Allocate, How to Learn?" (arXiv 2602.19208), on
// gradient-aware advantage modulation; Schulman et al., arXiv 1707.06347 (PPO clip); Ye et al., 1912.09729 (dual clip).
//
// Notation: pi is the policy over the whole vocabulary, a the sampled token, A its rollout's group advantage, H the
// entropy in nats, r = pi_a / pi_a,old the ratio. A group without spread has A = 0: its tokens have loss 0 and gradient
// 0 here (but for the entropy term), while their weight in policy_loss.h still counts them.
#ifndef KERNELS_MODULATION_H
#define KERNELS_MODULATION_H
#include "kernels/token_adjust.h"
#include <stdbool.h>

#ifdef __CUDACC__
#define MODULATION_EXP expf
#else
#include "kernels/exp_log.h"
#define MODULATION_EXP exp_f32
#endif

// The constants of one mini-batch's loss, the same for all its tokens on all ranks.
typedef struct PolicyObjective {
    float inv_temp;                  // 1 / temp of the sampler: the policy that samples is the policy that is trained
    float eps_low, eps_high;         // the ratio is clipped to [1 - eps_low, 1 + eps_high]
    float dual_clip;                 // c: for A < 0 the loss is at most -c A; 0 = off
    float entropy_coef;              // each token's loss gets - entropy_coef * H; 0 = off
    float comp, stab;                // alpha_c, alpha_s; at 0 the factor b_comp or b_stab is 1
    float stab_gamma, stab_tau;      // steepness and threshold of b_stab
    float const_boost;               // a control: b_comp = 1 + const_boost where A > 0; 0 = off
    float entropy_min, entropy_max;  // H_min, H_max over all response tokens of the step, as sampled: modulation_norms
    float delta_max;                 // max |dH| over the same tokens
    float shaping, shaping_most;     // A + min(shaping H, shaping_most |A|) replaces A (arXiv 2506.14758); 0 = off
    float kl_coef;                   // weight of the KL to the reference, by the estimator kl (token_adjust.h); 0 = off
    KlEstimator kl;
} PolicyObjective;

// The statistics of one token under one policy.
typedef struct TokenPolicy {
    float logp;    // log pi_a of the token a that was sampled
    float entropy; // H
    float E;       // sum_b pi_b^2 (log pi_b + H)
} TokenPolicy;

// The policy pi = softmax(z / temp) of one row of logits z (softmax_row.h).
typedef struct PolicyRow {
    float scaled_max;    // max z / temp
    float sum, log_sum;  // s0 = sum_b e^(z_b / temp - max), log s0
    float entropy, E;    // as in TokenPolicy
} PolicyRow;

// dH, the first-order change of H when the logits take one gradient step on this token's loss, per unit of learning
// rate (Eq. 29, with E summed over the whole vocabulary):
//   dH = -xi (pi_a Lambda_a - E),   Lambda_a = log pi_a + H,   xi = r A, or 0 where the ratio is clipped
TWIN_INLINE float entropy_change(TokenPolicy p, float ratio, float A, bool clipped) {
    float xi = clipped ? 0.0f : ratio * A, pi = MODULATION_EXP(p.logp);
    return -xi * ((pi == 0 ? 0.0f : pi * (p.logp + p.entropy)) - p.E); // x log x -> 0
}

// True where the clip stops the gradient: the ratio has already moved past the bound in the direction of A.
TWIN_INLINE bool ratio_clipped(const PolicyObjective *o, float ratio, float A) {
    return (A > 0 && ratio > 1.0f + o->eps_high) || (A < 0 && ratio < 1.0f - o->eps_low);
}

TWIN_INLINE float unit_interval(float x) { return x < 0 ? 0.0f : x > 1 ? 1.0f : x; }

// b_comp = 1 + alpha_c (H_max - H) / (H_max - H_min) where A > 0, else 1: correct tokens of low entropy, which have
// little gradient left, get more. H_min and H_max are from sampling; an updated H may lie outside: hence the clamp.
TWIN_INLINE float compensation(const PolicyObjective *o, float entropy, float A) {
    float spread = o->entropy_max - o->entropy_min;
    if (!(A > 0)) return 1.0f;
    if (o->const_boost != 0) return 1.0f + o->const_boost;
    if (o->comp == 0 || !(spread > 0)) return 1.0f;
    return 1.0f + o->comp * unit_interval((o->entropy_max - entropy) / spread);
}

// b_stab = (1 - alpha_s) + alpha_s / (1 + exp(gamma (x - tau))),  x = |dH| / max |dH| clamped to [0, 1]: the tokens
// that would change the entropy most weigh about 1 - alpha_s, all others about 1.
TWIN_INLINE float stabilisation(const PolicyObjective *o, float delta) {
    if (o->stab == 0) return 1.0f;
    float x = o->delta_max > 0 ? unit_interval(fabsf(delta) / o->delta_max) : 0.0f;
    return 1.0f - o->stab + o->stab / (1.0f + MODULATION_EXP(o->stab_gamma * (x - o->stab_tau)));
}

// The loss of one token and its derivative.
typedef struct TokenPush {
    float loss;    // -min(r A', clip(r) A') with A' = A b_comp b_stab, then dual clip; no entropy term, no weight yet
    float dlogp;   // -d loss / d log pi_a: the gradient of the loss on the logits is -dlogp (onehot_a - pi) / temp
    float ratio, b_comp, b_stab;
    float clipped; // 1 where a clip set dlogp to 0
} TokenPush;

// p: under the policy that is trained. logp_old: log pi_a under the policy that sampled. E_delta: the E of Eq. 29,
// which is p.E or the estimate of the control `authors-compat`. adjust: NULL, or what else changes in the loss. No
// gradient flows through b_comp and b_stab, nor through the entropy that shapes A.
TWIN_INLINE TokenPush token_push(const PolicyObjective *o, TokenPolicy p, float logp_old, float A, float E_delta,
                                 const TokenAdjust *adjust) {
    TokenPush t;
    t.ratio = adjust && adjust->ratio >= 0 ? adjust->ratio : MODULATION_EXP(p.logp - logp_old);
    if (o->shaping != 0) A += fminf(o->shaping * p.entropy, o->shaping_most * fabsf(A));
    bool clipped = ratio_clipped(o, t.ratio, A);
    p.E = E_delta;
    t.b_comp = compensation(o, p.entropy, A);
    t.b_stab = stabilisation(o, entropy_change(p, t.ratio, A, clipped));
    float final_A = A * t.b_comp * t.b_stab;
    float low = 1.0f - o->eps_low, high = 1.0f + o->eps_high;
    float bounded = t.ratio < low ? low : t.ratio > high ? high : t.ratio;
    t.loss = clipped ? -bounded * final_A : -t.ratio * final_A;
    t.dlogp = clipped ? 0.0f : t.ratio * final_A;
    if (o->dual_clip > 0 && A < 0 && t.loss > -o->dual_clip * final_A) {
        t.loss = -o->dual_clip * final_A;
        t.dlogp = 0.0f;
        clipped = true;
    }
    t.clipped = clipped ? 1.0f : 0.0f;
    if (adjust)
        token_adjust(&t.loss, &t.dlogp, adjust, p.logp, logp_old, o->kl_coef, o->kl,
                     MODULATION_EXP(adjust->logp_ref - p.logp));
    return t;
}

#endif
