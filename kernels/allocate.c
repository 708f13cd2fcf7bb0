#include "kernels/allocate.h"
#include "kernels/knapsack.h"

void allocate_rollouts(Device *dev, int *n, double *ideal, const double *correct, const double *verified, int P,
                       const AllocateConfig *c) {
    if (c->kind >= ALLOCATE_KNAPSACK) return knapsack_rollouts(dev, n, ideal, correct, verified, P, c);
    double share[P], weight[P];
    for (int i = 0; i < P; i++) weight[i] = allocate_weight(correct[i], verified[i], c);
    allocate_shares(share, weight, P, c);
    double *remainder = weight; // the weights are not needed any more
    long long left = (long long)P * c->rollouts, given = 0;
    for (int i = 0; i < P; i++) {
        if (ideal) ideal[i] = share[i];
        n[i] = allocate_floor(share[i]);
        left -= n[i];
        remainder[i] = allocate_remainder(share[i], c);
    }
    for (int i = 0; i < P; i++) {
        int extra = allocate_extra(remainder, P, i, left);
        n[i] += extra;
        given += extra;
    }
    REQUIRE(given == left, "the shares do not add up to the budget: a bug, please report it");
}
