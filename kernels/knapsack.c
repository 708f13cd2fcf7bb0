// Optional (the allocation rules knapsack and oracle).
#include "kernels/knapsack.h"

void knapsack_rollouts(UNUSED Device *dev, int *n, double *ideal, const double *correct, const double *verified, int P,
                       const AllocateConfig *c) {
    KnapsackItem items[P];
    for (int i = 0; i < P; i++) items[i] = knapsack_item(correct[i], verified[i], c);
    for (long long left = (long long)P * (c->rollouts - c->low); left > 0; left--)
        knapsack_take(&items[knapsack_best(items, 0, 1, P)], c);
    for (int i = 0; i < P; i++) {
        n[i] = items[i].n;
        if (ideal) ideal[i] = n[i];
    }
}
