// Optional (allocation rules beta, knapsack, oracle): what c correct of v verified rollouts say about a pass rate p
// that before was uniform on [0, 1]: its distribution is Beta(c + 1, v - c + 1). Counts may be fractions.
#ifndef KERNELS_POSTERIOR_H
#define KERNELS_POSTERIOR_H
#include "kernels/twin.h"

// The mean of p: in (0, 1).
TWIN_INLINE double posterior_mean(double correct, double verified) { return (correct + 1) / (verified + 2); }

// The mean of p (1-p), the variance of a reward: in (0, 1/4).
TWIN_INLINE double posterior_variance(double correct, double verified) {
    double a = correct + 1, b = verified - correct + 1;
    return a / (a + b) * (b / (a + b + 1));
}
#endif
