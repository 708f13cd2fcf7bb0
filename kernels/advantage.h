// Group advantages and the normalisers of DynaMO's modulation, as kernels of the training step.
#ifndef KERNELS_ADVANTAGE_H
#define KERNELS_ADVANTAGE_H
#include "kernels/device/device.h"
#include "kernels/modulation.h"
#ifdef __cplusplus
extern "C" {
#endif

// Prompt i owns rollouts starts[i] .. starts[i+1]-1 with rewards R_j; n = their number, mean over them.
typedef enum AdvantageKind {
    ADVANTAGE_GRPO,    // (R - mean) / (std + 1e-6), std with n - 1 (Shao et al., arXiv 2402.03300)
    ADVANTAGE_NO_STD,  // R - mean (Dr.GRPO, Liu et al., arXiv 2503.20783)
    ADVANTAGE_RLOO,    // R - mean of the others = (R - mean) n / (n - 1) (Ahmadian et al., arXiv 2402.14740)
    ADVANTAGE_REWARD,  // R itself: no baseline
} AdvantageKind;

// writes A (starts[P]); a group of one rollout, or without spread, has A = 0 everywhere (but for ADVANTAGE_REWARD)
void group_advantage(Device *dev, float *A, const float *reward, const int *starts, int P, AdvantageKind kind);

// writes norms (3): H_min, H_max and max |dH| (Eq. 29 at ratio 1) over the M response tokens of the batch, as sampled.
// A (M) is each token's group advantage. M = 0 gives zeros.
void modulation_norms(Device *dev, float *norms, const TokenPolicy *sampled, const float *A, const float *E_override,
                      int M);

// writes E_override (M) for the control `authors-compat`: every token of a response gets the mean of
// pi_a (log pi_a + H) over that response's tokens, the release's stand-in for E. Response b is starts[b] .. starts[b+1]-1.
void response_mean_E(Device *dev, float *E_override, const TokenPolicy *sampled, const int *starts, int B);

#ifdef __cplusplus
}
#endif
#endif
