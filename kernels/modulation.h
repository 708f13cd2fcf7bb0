// host only: the arithmetic of one token's push, shared word for word by the C and CUDA twins of the policy loss and of
// the normalisers. Source: Fang et al., "How to Allocate, How to Learn?" (arXiv 2602.19208), Section on gradient-aware
// advantage modulation; PPO clip: Schulman et al. 1707.06347; dual clip: Ye et al. 1912.09729.
#ifndef KERNELS_MODULATION_H
#define KERNELS_MODULATION_H
#include <math.h>
#include <stdbool.h>

#ifdef __CUDACC__
#define MODULATION_INLINE static inline __host__ __device__
#define MODULATION_EXP    expf
#else
#include "kernels/exp_log.h"
#define MODULATION_INLINE static inline
#define MODULATION_EXP    exp_f32
#endif

// What the loss of one step is made of; one struct for the whole mini-batch, the same on every rank.
typedef struct PolicyObjective {
    float inv_temp;                  // the sampler's temperature, inverted: the policy that samples is the one trained
    float eps_low, eps_high;         // the ratio is clipped to [1 - eps_low, 1 + eps_high]
    float dual_clip;                 // c: for A < 0 the loss is at most -c A; 0 = off
    float entropy_coef;              // - entropy_coef * H is added to each token's loss; 0 = off
    float comp, stab;                // alpha_c, alpha_s; 0 switches that factor off
    float stab_gamma, stab_tau;      // steepness and threshold of b_stab
    float const_boost;               // the control: b = 1 + const_boost where A > 0; 0 = off
    float entropy_min, entropy_max;  // H_min, H_max over all response tokens of the batch, from sampling
    float delta_max;                 // max |dH| over the same tokens
} PolicyObjective;

// The statistics of one token under one policy.
typedef struct TokenPolicy {
    float logp;    // log pi_a of the token a that was sampled
    float entropy; // H
    float E;       // sum_b pi_b^2 (log pi_b + H)
} TokenPolicy;

// The first-order change of H under one step on this token's loss, per unit of learning rate (Eq. 29, exact in E):
//   dH = -xi (pi_a Lambda_a - E),   Lambda_a = log pi_a + H,   xi = [not clipped] r A
MODULATION_INLINE float entropy_change(TokenPolicy p, float ratio, float A, bool clipped) {
    float xi = clipped ? 0.0f : ratio * A, pi = MODULATION_EXP(p.logp);
    return -xi * ((pi == 0 ? 0.0f : pi * (p.logp + p.entropy)) - p.E); // x log x -> 0
}

MODULATION_INLINE bool ratio_clipped(const PolicyObjective *o, float ratio, float A) {
    return (A > 0 && ratio > 1.0f + o->eps_high) || (A < 0 && ratio < 1.0f - o->eps_low);
}

MODULATION_INLINE float unit_interval(float x) { return x < 0 ? 0.0f : x > 1 ? 1.0f : x; }

// b_comp = 1 + alpha_c (H_max - H) / (H_max - H_min) where A > 0, else 1.
// The normalisers come from sampling; after a first update H may leave [H_min, H_max] a little and is held inside.
MODULATION_INLINE float compensation(const PolicyObjective *o, float entropy, float A) {
    float spread = o->entropy_max - o->entropy_min;
    if (!(A > 0)) return 1.0f;
    if (o->const_boost != 0) return 1.0f + o->const_boost;
    if (o->comp == 0 || !(spread > 0)) return 1.0f;
    return 1.0f + o->comp * unit_interval((o->entropy_max - entropy) / spread);
}

// b_stab = (1 - alpha_s) + alpha_s / (1 + exp(gamma (x - tau))),  x = |dH| / max |dH|, held to [0, 1] likewise
MODULATION_INLINE float stabilisation(const PolicyObjective *o, float delta) {
    if (o->stab == 0) return 1.0f;
    float x = o->delta_max > 0 ? unit_interval(fabsf(delta) / o->delta_max) : 0.0f;
    return 1.0f - o->stab + o->stab / (1.0f + MODULATION_EXP(o->stab_gamma * (x - o->stab_tau)));
}

// Everything about one token's loss. `dlogp` is -d loss / d log pi_a: the gradient on the logits is
// -dlogp (onehot_a - pi) / temp, plus the entropy term.
typedef struct TokenPush {
    float loss;         // -min(r A', clip(r) A'), dual-clipped; without the entropy term; not yet divided by anything
    float dlogp;
    float ratio, b_comp, b_stab;
    float clipped;      // 1 where the clip stopped the gradient
} TokenPush;

// logp_old: of the policy that sampled. E_delta: the E used in Eq. 29 (p.E, or the release's estimate of it).
MODULATION_INLINE TokenPush token_push(const PolicyObjective *o, TokenPolicy p, float logp_old, float A, float E_delta) {
    TokenPush t;
    t.ratio = MODULATION_EXP(p.logp - logp_old);
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
    return t;
}

#endif
