// How many rollouts each prompt gets (arXiv 2602.19208, variance-minimising allocation).
//
// The mean of n_i rollouts of prompt i has variance sigma_i^2 / n_i. Under sum_i n_i = budget the sum of these is least
// for n_i proportional to sigma_i (Neyman 1934). The prompt's history, c correct of v verified, gives
//   proxy = c (v - c) / (v (v - 1)), the unbiased variance of a Bernoulli variable.
// ALLOCATE_VARIANCE weighs by the proxy, as the paper's text and release do; ALLOCATE_STDDEV by its root, as its
// theorem says. ALLOCATE_BETA weighs by the mean of p (1-p) under the posterior of the pass rate p after a uniform
// prior, Beta(c + 1, v - c + 1). It is above 0 for every history, none included: rules 1, 3 and 4 do not apply to it.
//
//   1. A prompt with v < explore gets the uniform share `rollouts`: a proxy from two or three rollouts is mostly noise.
//      With the default explore = 4 a history counts from the second visit on: a visit brings at least `low` rollouts.
//   2. Every other prompt gets `low`, and the rest of the budget is shared in proportion to the weights. A share is cut
//      off at `high` and the excess shared again until none is cut. Largest remainders then make whole numbers.
//   3. No weight is below 0.01: a prompt with c = 0 or c = v keeps a part of the rest, and the weights never sum to 0.
//   4. A prompt with c / v >= mastered (default 0.85) has this least weight, so its rollouts go where the outcome is
//      still open. 0.01 and 0.85 are the paper's values.
// Example: rollouts 16, low 8, high 24, weights .25 .25 .01 .01: shares 23.4 23.4 8.6 8.6, so n = 23 23 9 9.
// The sum is exact and ties go to the lower index, so every rank computes the same answer.
//
// Cost: 28 bytes a prompt, P^2 comparisons. Limit: latency in both builds, since P is a few hundred. The CUDA build
// uses one block, and its shared memory limits P to about 14,500.
#ifndef KERNELS_ALLOCATE_H
#define KERNELS_ALLOCATE_H
#include "kernels/device/device.h"
#include "kernels/posterior.h"
#include <math.h>
EXTERN_C_BEGIN

// The last two: kernels/knapsack.h. The counts for ALLOCATE_ORACLE are of rollouts made for it (rl/oracle.h).
typedef enum AllocateKind {
    ALLOCATE_UNIFORM, ALLOCATE_VARIANCE, ALLOCATE_STDDEV, ALLOCATE_BETA, ALLOCATE_KNAPSACK, ALLOCATE_ORACLE,
    ALLOCATE_KINDS
} AllocateKind;

typedef struct AllocateConfig {
    AllocateKind kind;
    int rollouts;    // n: the uniform share; the budget is P * n
    int low, high;   // 1 <= low <= rollouts <= high: the caller checks
    double explore;  // verified rollouts that a history needs before it counts, >= 2
    double mastered; // pass rate from which a prompt counts as mastered
} AllocateConfig;

// Writes n (P). correct, verified (P): c and v, fractions where old counts decay. Writes ideal (P) too unless NULL: the
// real-valued shares before rounding. All arrays are on the device and do not overlap.
void allocate_rollouts(Device *dev, int *n, double *ideal, const double *correct, const double *verified, int P,
                       const AllocateConfig *config);
EXTERN_C_END

// ---- The arithmetic of both twins -----------------------------------------------------------------------------------
// The weight of a prompt in the sharing; 0 for one that gets the uniform share.
TWIN_INLINE double allocate_weight(double correct, double verified, const AllocateConfig *c) {
    const double least = 0.01;
    if (c->kind == ALLOCATE_BETA) return posterior_variance(correct, verified);
    if (c->kind == ALLOCATE_UNIFORM || !(verified >= c->explore)) return 0;
    if (correct / verified >= c->mastered) return least;
    double variance = correct * (verified - correct) / (verified * (verified - 1.0));
    double weight = c->kind == ALLOCATE_STDDEV ? sqrt(variance) : variance;
    return weight > least ? weight : least;
}

// Writes share (P) from weight (P): the real-valued shares. A prompt whose share would pass `high` gets `high` and
// leaves the sharing. Each round but the last removes at least one prompt, so the loop ends after P + 1 rounds at most.
TWIN_INLINE void allocate_shares(double *share, const double *weight, int P, const AllocateConfig *c) {
    double surplus = 0, whole = 0, room = c->high - c->low;
    for (int i = 0; i < P; i++) {
        share[i] = weight[i] > 0 ? -1.0 : c->rollouts; // -1: takes part in the sharing
        if (weight[i] > 0) surplus += c->rollouts - c->low;
    }
    for (int held = 1; held > 0;) {
        double left = surplus;
        whole = 0;
        held = 0;
        for (int i = 0; i < P; i++)
            if (share[i] < 0) whole += weight[i];
        for (int i = 0; i < P; i++)
            if (share[i] < 0 && left / whole * weight[i] >= room) {
                share[i] = c->high;
                surplus -= room;
                held++;
            }
    }
    for (int i = 0; i < P; i++)
        if (share[i] < 0) share[i] = c->low + surplus / whole * weight[i];
}

// The whole part of a share. The tolerance keeps the sharing's own rounding from losing a rollout.
TWIN_INLINE int allocate_floor(double share) { return (int)(share + 1e-9); }

// What a share leaves to be rounded; ALLOCATE_NONE where it may not be rounded up.
#define ALLOCATE_NONE (-2.0)
TWIN_INLINE double allocate_remainder(double share, const AllocateConfig *c) {
    int n = allocate_floor(share);
    return n < c->high && n < share + 1 - 1e-9 ? share - n : ALLOCATE_NONE;
}

// 1 where prompt i has one of the `left` largest remainders, the lower index first among equals; else 0.
TWIN_INLINE int allocate_extra(const double *remainder, int P, int i, long long left) {
    int before = 0;
    for (int j = 0; j < P; j++) before += remainder[j] > remainder[i] || (remainder[j] == remainder[i] && j < i);
    return remainder[i] > ALLOCATE_NONE && before < left;
}
#endif
