// Group advantages, and the normalisers of DynaMO's modulation, as kernels of the training step.
// Cost: 8 bytes a rollout; 20 bytes, an exponential and about 10 FLOPs a response token. Limit: latency in both builds.
#ifndef KERNELS_ADVANTAGE_H
#define KERNELS_ADVANTAGE_H
#include "kernels/device/device.h"
#include "kernels/modulation.h"
EXTERN_C_BEGIN

// n counts the rollouts of its prompt (its group); mean and std run over the group.
typedef enum AdvantageKind {
    ADVANTAGE_GRPO,    // (reward - mean) / (std + 1e-6), std with n - 1 (Shao et al., arXiv 2402.03300)
    ADVANTAGE_NO_STD,  // reward - mean (Dr.GRPO, Liu et al., arXiv 2503.20783)
    ADVANTAGE_RLOO,    // reward - mean of the others = (reward - mean) n / (n - 1) (Ahmadian et al., arXiv 2402.14740)
    ADVANTAGE_REWARD,  // the reward itself: no baseline
    ADVANTAGE_KINDS
} AdvantageKind;

// Writes A (starts[P]) fp32 from reward (starts[P]) fp32. Prompt i owns rollouts starts[i] .. starts[i+1]-1; starts has
// P + 1 entries. A group of one rollout, or with all rewards equal, has no spread: A = 0 (except ADVANTAGE_REWARD), so
// it teaches nothing. Its tokens still count in the divisor of the loss and in H_min and H_max.
void group_advantage(Device *dev, float *A, const float *reward, const int *starts, int P, AdvantageKind kind);

// Writes norms (3) fp32: H_min, H_max and max |dH| (Eq. 29 of arXiv 2602.19208 at ratio 1) over M response tokens.
// sampled (M) holds their statistics from generation, A (M) fp32 the advantage of each token's rollout; E_override (M)
// fp32 replaces E unless NULL. The caller passes all response tokens of its rank, groups without spread included, and
// combines the norms of all ranks: the result depends on neither micro-batches nor ranks. M = 0 gives zeros.
void modulation_norms(Device *dev, float *norms, const TokenPolicy *sampled, const float *A, const float *E_override,
                      int M);

// Writes E_override (starts[B]) fp32, for the control `authors-compat`: every token of response b, tokens starts[b] ..
// starts[b+1]-1, gets the mean of pi_a (log pi_a + H) over that response, by which the paper's release replaces E.
void response_mean_E(Device *dev, float *E_override, const TokenPolicy *sampled, const int *starts, int B);
EXTERN_C_END

// The group of n rollouts that begins at A and reward: the arithmetic of both twins.
TWIN_INLINE void advantage_of_group(float *A, const float *reward, int n, AdvantageKind kind) {
    double mean = 0, squares = 0, scale = 1.0;
    for (int j = 0; j < n; j++) mean += (double)reward[j];
    mean /= n > 0 ? n : 1;
    for (int j = 0; j < n; j++) squares += ((double)reward[j] - mean) * ((double)reward[j] - mean);
    if (kind == ADVANTAGE_GRPO) scale = n > 1 ? 1.0 / (sqrt(squares / (n - 1)) + 1e-6) : 0.0;
    if (kind == ADVANTAGE_RLOO) scale = n > 1 ? (double)n / (n - 1) : 0.0;
    for (int j = 0; j < n; j++) {
        double spread = squares > 0 ? ((double)reward[j] - mean) * scale : 0.0;
        A[j] = kind == ADVANTAGE_REWARD ? reward[j] : (float)spread;
    }
}
#endif
