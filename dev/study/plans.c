// Optional (study).
#include "dev/study/plans.h"
#include "kernels/philox.h"
#include <math.h>

enum { HISTORY_STREAM = 0x5c000000 };

const Plan plans[PLANS] = {
    {"uniform", RULE_UNIFORM, COUNTS_OF_P, false, 0},
    {"variance 8", RULE_VARIANCE, 8, false, 0},
    {"variance 16", RULE_VARIANCE, 16, false, 0},
    {"variance 64", RULE_VARIANCE, 64, false, 0},
    {"variance run", RULE_VARIANCE, COUNTS_OF_RUN, false, 0},
    {"variance p", RULE_VARIANCE, COUNTS_OF_P, false, 0},
    {"stddev 8", RULE_STDDEV, 8, false, 0},
    {"stddev 16", RULE_STDDEV, 16, false, 0},
    {"stddev 64", RULE_STDDEV, 64, false, 0},
    {"stddev run", RULE_STDDEV, COUNTS_OF_RUN, false, 0},
    {"stddev p", RULE_STDDEV, COUNTS_OF_P, false, 0},
    {"stddev p wide", RULE_STDDEV, COUNTS_OF_P, true, 0},
    {"beta 8", RULE_BETA, 8, false, 0},
    {"beta 16", RULE_BETA, 16, false, 0},
    {"beta 64", RULE_BETA, 64, false, 0},
    {"beta run", RULE_BETA, COUNTS_OF_RUN, false, 0},
    {"neyman", RULE_NEYMAN, COUNTS_OF_P, false, 0},
    {"neyman", RULE_NEYMAN, COUNTS_OF_P, false, 1},
    {"optimum", RULE_OPTIMUM, COUNTS_OF_P, false, 0},
    {"optimum", RULE_OPTIMUM, COUNTS_OF_P, false, 1},
    {"optimum wide", RULE_OPTIMUM, COUNTS_OF_P, true, 0},
    {"optimum wide", RULE_OPTIMUM, COUNTS_OF_P, true, 1},
};

// A prompt's correct rollouts among `earlier` ones of the same policy.
static double earlier_correct(double p, int earlier, int i, uint64_t seed, uint32_t key) {
    double correct = 0;
    for (int j = 0; j < earlier; j++) {
        Philox bits = philox(seed, HISTORY_STREAM + key, (uint32_t)earlier, (uint32_t)i, (uint32_t)j);
        correct += (double)philox_uniform(bits.word[0]) < p;
    }
    return correct;
}

// Counts whose ALLOCATE_STDDEV weighs prompts as `weight` (P) does, relative to the largest: of very many rollouts.
static void counts_of_weights(double *correct, double *verified, const double *weight, int P) {
    double most = 1e-30;
    for (int i = 0; i < P; i++) most = fmax(most, weight[i]);
    for (int i = 0; i < P; i++) {
        double stddev = 0.5 * fmax(weight[i], 0) / most;
        verified[i] = 1e12;
        correct[i] = verified[i] * 0.5 * (1 - sqrt(fmax(1 - 4 * stddev * stddev, 0)));
    }
}

void plan_optimum(int *n, const double *const *curve, int P, int budget, int low, int high) {
    int spare = budget - P * low, states = spare + 1;
    double *least = malloc((size_t)states * sizeof *least), *next = malloc((size_t)states * sizeof *next);
    int *choice = malloc((size_t)P * (size_t)states * sizeof *choice);
    REQUIRE(least && next && choice, "out of memory");
    REQUIRE(spare >= 0 && budget <= P * high, "%d rollouts for %d prompts of %d to %d", budget, P, low, high);
    for (int b = 0; b < states; b++) least[b] = b == 0 ? 0 : INFINITY; // b: spare rollouts given to the prompts so far
    for (int i = 0; i < P; i++) {
        for (int b = 0; b < states; b++) {
            next[b] = INFINITY;
            for (int extra = 0; extra <= high - low && extra <= b; extra++) {
                double sum = least[b - extra] + curve[i][low + extra];
                if (sum < next[b]) next[b] = sum, choice[i * states + b] = extra;
            }
        }
        double *keep = least;
        least = next, next = keep;
    }
    for (int i = P - 1, b = spare; i >= 0; b -= choice[i-- * states + b]) n[i] = low + choice[i * states + b];
    free(least), free(next), free(choice);
}

static void by_counts(const Plan *plan, int *n, const Known *const *known, int P, const AllocateConfig *bounds,
                      Device *dev, uint64_t seed, uint32_t key) {
    double correct[P], verified[P], weight[P];
    AllocateConfig config = *bounds;
    for (int i = 0; i < P; i++) {
        const Known *k = known[i];
        verified[i] = plan->counts > 0 ? plan->counts : plan->counts == COUNTS_OF_RUN ? k->verified : 1e12;
        correct[i] = plan->counts > 0                ? earlier_correct(k->p, plan->counts, i, seed, key)
                     : plan->counts == COUNTS_OF_RUN ? k->correct
                                                     : k->p * 1e12;
        double a = correct[i] + 1, b = verified[i] - correct[i] + 1, n_known = bounds->rollouts;
        weight[i] = plan->rule == RULE_BETA ? a / (a + b) * (b / (a + b + 1))
                                            : sqrt(n_known * k->curve[plan->kind][bounds->rollouts]);
    }
    if (plan->rule == RULE_UNIFORM) config.kind = ALLOCATE_UNIFORM;
    if (plan->rule == RULE_VARIANCE) config.kind = ALLOCATE_VARIANCE;
    if (plan->rule == RULE_BETA || plan->rule == RULE_NEYMAN) {
        counts_of_weights(correct, verified, weight, P);
        config.mastered = 2; // none is
    }
    allocate_rollouts(dev, n, NULL, correct, verified, P, &config);
}

void plan_allocate(const Plan *plan, int *n, const Known *const *known, int P, const TrainConfig *c, Device *dev,
                   uint64_t seed, uint32_t key) {
    AllocateConfig bounds = {
        ALLOCATE_STDDEV, c->rollouts, plan->wide ? 2 : c->rollouts_low, plan->wide ? 4 * c->rollouts : c->rollouts_high,
        c->explore,      c->mastered};
    const double *curve[P];
    if (plan->rule != RULE_OPTIMUM) return by_counts(plan, n, known, P, &bounds, dev, seed, key);
    for (int i = 0; i < P; i++) curve[i] = known[i]->curve[plan->kind];
    plan_optimum(n, curve, P, P * c->rollouts, bounds.low, bounds.high);
}
