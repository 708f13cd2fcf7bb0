#include "kernels/allocate.h"
#include <math.h>

static double proxy(double k, double G, const AllocateConfig *c) {
    const double least = 0.01;
    if (k / G >= c->mastered) return least;
    double variance = k * (G - k) / (G * (G - 1.0));
    double weight = c->kind == ALLOCATE_STDDEV ? sqrt(variance) : variance;
    return weight > least ? weight : least;
}

static bool explored(double G, const AllocateConfig *c) { return c->kind != ALLOCATE_UNIFORM && G >= c->explore; }

// The real-valued share of every prompt: `low` plus its part of the surplus. A prompt whose part passes `high` is held
// there and leaves the sharing; each round holds at least one more, so P rounds are enough.
static void real_shares(double *share, const double *k, const double *G, int P, const AllocateConfig *c) {
    double surplus = 0, room = c->high - c->low;
    for (int i = 0; i < P; i++) {
        share[i] = explored(G[i], c) ? -1.0 : c->rollouts; // -1: takes part in the sharing
        if (share[i] < 0) surplus += c->rollouts - c->low;
    }
    for (int held = 1; held > 0;) {
        double whole = 0;
        held = 0;
        for (int i = 0; i < P; i++)
            if (share[i] < 0) whole += proxy(k[i], G[i], c);
        double left = surplus;
        for (int i = 0; i < P; i++)
            if (share[i] < 0 && left / whole * proxy(k[i], G[i], c) >= room) {
                share[i] = c->high;
                surplus -= room;
                held++;
            }
        if (held > 0) continue;
        for (int i = 0; i < P; i++)
            if (share[i] < 0) share[i] = c->low + surplus / whole * proxy(k[i], G[i], c);
    }
}

void allocate_rollouts(Device *dev, int *n, double *ideal, const double *correct, const double *verified, int P,
                       const AllocateConfig *c) {
    (void)dev;
    double share[P];
    real_shares(share, correct, verified, P, c);
    long long left = (long long)P * c->rollouts;
    for (int i = 0; i < P; i++) {
        if (ideal) ideal[i] = share[i];
        n[i] = (int)(share[i] + 1e-9); // the sharing's own rounding must not lose a whole rollout
        left -= n[i];
    }
    while (left > 0) { // largest remainder; each pass serves every prompt at most once, so one pass is enough
        int best = -1;
        for (int i = 0; i < P; i++)
            if (n[i] < c->high && n[i] < share[i] + 1 - 1e-9 && (best < 0 || share[i] - n[i] > share[best] - n[best])) best = i;
        REQUIRE(best >= 0, "the shares do not add up to the budget: a bug, please report it");
        n[best]++;
        left--;
    }
}
