// Optional (the allocation rules knapsack and oracle): each rollout goes to the prompt where one more is worth most.
//
// Both rules maximise sum_i V_i(n_i) over whole numbers low <= n_i <= high with sum n_i = P * rollouts.
//   knapsack: V(n) = (1 - p^n - (1-p)^n) p (1-p)^2: the probability that the group has spread, times an estimate of how
//             much a step on it raises p (Li et al., "Knapsack RL", arXiv 2509.25849). One rollout more than n adds
//             p (1-p) (p^(n-1) + (1-p)^(n-1)) p (1-p)^2.
//   oracle:   V(n) = -s / n, s the variance of the prompt's rewards: Neyman's allocation (allocate.h), but the best one
//             of whole numbers within the bounds. One rollout more adds s / (n (n+1)).
// Each further rollout of a prompt adds no more than the one before. So taking the largest value there is, one rollout
// at a time, is optimal: every rollout that was not taken adds at most as much as any that was.
//
// The counts, c correct of v verified, enter by their posterior under a uniform prior of p, Beta(c + 1, v - c + 1):
// knapsack uses its mean p = (c + 1) / (v + 2), oracle the mean of p (1-p) (posterior.h). So no prompt is
// at 0 or 1, and none, seen or not, needs a rule of its own. In the release of Knapsack RL p is the observed pass rate;
// prompts at 0 and 1 get the least number, those at 0 also what the others cannot use, and prompts never seen the
// uniform share; it allocates the rest by the same V, by dynamic programming.
// Example: rollouts 4, low 2, high 8, knapsack, counts 1 of 2 and 7 of 8: p = .5 and .8; the third rollouts are worth
// .0313 and .0051, the first prompt's later ones .0156, .0078, .0039: three go to it, then one to the second, n = 5 3.
//
// Cost: 48 bytes a prompt, P (rollouts - low) choices among P values each. Limit: latency in both builds. The CUDA
// build uses one block, and its shared memory limits P to about 4,800.
#ifndef KERNELS_KNAPSACK_H
#define KERNELS_KNAPSACK_H
#include "kernels/allocate.h"
EXTERN_C_BEGIN

// As allocate_rollouts, which calls it for ALLOCATE_KNAPSACK and ALLOCATE_ORACLE. Writes n to ideal too unless NULL:
// the optimum is of whole numbers, there is nothing to round.
void knapsack_rollouts(Device *dev, int *n, double *ideal, const double *correct, const double *verified, int P,
                       const AllocateConfig *config);
EXTERN_C_END

// ---- The arithmetic of both twins -----------------------------------------------------------------------------------
typedef struct KnapsackItem {
    double next;         // what one more rollout adds; < 0: the prompt has `high`
    double scale, p;     // of next
    double right, wrong; // p^(n-1), (1-p)^(n-1)
    int n;
} KnapsackItem;

TWIN_INLINE void knapsack_value(KnapsackItem *item, const AllocateConfig *c) {
    double n = item->n;
    item->next = c->kind == ALLOCATE_ORACLE ? item->scale / (n * (n + 1)) : item->scale * (item->right + item->wrong);
    if (item->n >= c->high) item->next = -1;
}

// One rollout more.
TWIN_INLINE void knapsack_take(KnapsackItem *item, const AllocateConfig *c) {
    item->n++;
    item->right *= item->p;
    item->wrong *= 1 - item->p;
    knapsack_value(item, c);
}

// A prompt with its `low` rollouts.
TWIN_INLINE KnapsackItem knapsack_item(double correct, double verified, const AllocateConfig *c) {
    double p = posterior_mean(correct, verified), q = 1 - p;
    double scale = c->kind == ALLOCATE_ORACLE ? posterior_variance(correct, verified) : p * q * (p * (q * q));
    KnapsackItem item = {0, scale, p, 1, 1, 1};
    knapsack_value(&item, c);
    while (item.n < c->low) knapsack_take(&item, c);
    return item;
}

// Of items first, first + stride, ... the one whose next rollout is worth most, the first among equals.
TWIN_INLINE int knapsack_best(const KnapsackItem *items, int first, int stride, int P) {
    int best = first;
    for (int i = first + stride; i < P; i += stride)
        if (items[i].next > items[best].next) best = i;
    return best;
}
#endif
