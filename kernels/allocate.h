// How many rollouts each prompt gets (arXiv 2602.19208, variance-minimising allocation).
//
// Minimise sum_i sigma_i^2 / n_i subject to sum_i n_i = budget: n_i proportional to sigma_i (Neyman 1934). The proxy for
// sigma comes from the prompt's history of k correct among G verified rollouts:
//   P = k (G - k) / (G (G - 1)), the unbiased variance of a Bernoulli variable
// ALLOCATE_VARIANCE weighs by P, as the paper's text and release do; ALLOCATE_STDDEV by sqrt(P), as its theorem says.
//
//   1. A prompt with G < explore gets the uniform share `rollouts`.
//   2. Every other prompt gets `low`; what is left of the budget is shared in proportion to the proxies, capped at `high`,
//      the cut-off excess shared out again until nothing is cut; then whole numbers by largest remainder.
//   A prompt with k / G >= mastered has the proxy 0.01, and no proxy is below 0.01, so nothing starves.
// The sum is exact and ties go to the lower index: every rank computes the same answer.
#ifndef KERNELS_ALLOCATE_H
#define KERNELS_ALLOCATE_H
#include "kernels/device/device.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef enum AllocateKind { ALLOCATE_UNIFORM, ALLOCATE_VARIANCE, ALLOCATE_STDDEV } AllocateKind;

typedef struct AllocateConfig {
    AllocateKind kind;
    int rollouts;    // n: the uniform share; the budget is P * n
    int low, high;   // low <= n <= high
    double explore;  // history needed, >= 2
    double mastered; // pass rate from which a prompt counts as mastered
} AllocateConfig;

// writes n (P). correct, verified (P): k and G, not necessarily whole (forgetting). ideal (P), unless NULL, is written
// with the real-valued shares before rounding. Bounds must satisfy 1 <= low <= rollouts <= high (checked at start-up).
void allocate_rollouts(Device *dev, int *n, double *ideal, const double *correct, const double *verified, int P,
                       const AllocateConfig *config);

#ifdef __cplusplus
}
#endif
#endif
