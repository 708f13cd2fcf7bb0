// Optional (study): how much the gradient of one prompt's group varies from one group of rollouts to the next.
#ifndef DEV_STUDY_GROUPS_H
#define DEV_STUDY_GROUPS_H
#include "dev/study/scores.h"
#include "rl/config.h"

// Writes out (D), the sketch of the gradient of a loss over this group alone: -sum_j w_j A_j g_j over members (n), with
// the trainer's advantages and with the weights of --loss-mean (MEAN_CONSTANT with divisor n: tokens are summed).
void group_gradient(float *out, const Scores *scores, const int *members, int n, AdvantageKind kind, LossMean mean);

typedef struct GroupVariance {
    double trace;  // of the covariance of the group's gradient, unbiased
    double error;  // its standard error, as from one partition: the true one is at most that
    double signal; // squared length of the expected gradient, unbiased (so it may be negative)
} GroupVariance;

// From R / n disjoint, so independent, groups of n rollouts; the mean over `partitions` random ways to cut them.
GroupVariance group_variance(const Scores *scores, int n, AdvantageKind kind, LossMean mean, int partitions,
                             uint64_t seed);

#endif
