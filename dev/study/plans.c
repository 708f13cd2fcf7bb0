// Optional (study).
#include "dev/study/plans.h"
#include "kernels/philox.h"
#include <math.h>

enum { HISTORY_STREAM = 0x5c000000 };
static const double VERY_MANY = 1e12; // rollouts, after which counts tell the pass rate

const Plan plans[PLANS] = {
    {"uniform", ALLOCATE_UNIFORM, COUNTS_OF_P, false, 0},
    {"variance 8", ALLOCATE_VARIANCE, 8, false, 0},
    {"variance 16", ALLOCATE_VARIANCE, 16, false, 0},
    {"variance 64", ALLOCATE_VARIANCE, 64, false, 0},
    {"variance run", ALLOCATE_VARIANCE, COUNTS_OF_RUN, false, 0},
    {"variance p", ALLOCATE_VARIANCE, COUNTS_OF_P, false, 0},
    {"stddev 8", ALLOCATE_STDDEV, 8, false, 0},
    {"stddev 16", ALLOCATE_STDDEV, 16, false, 0},
    {"stddev 64", ALLOCATE_STDDEV, 64, false, 0},
    {"stddev run", ALLOCATE_STDDEV, COUNTS_OF_RUN, false, 0},
    {"stddev p", ALLOCATE_STDDEV, COUNTS_OF_P, false, 0},
    {"stddev p wide", ALLOCATE_STDDEV, COUNTS_OF_P, true, 0},
    {"beta 8", ALLOCATE_BETA, 8, false, 0},
    {"beta 16", ALLOCATE_BETA, 16, false, 0},
    {"beta 64", ALLOCATE_BETA, 64, false, 0},
    {"beta run", ALLOCATE_BETA, COUNTS_OF_RUN, false, 0},
    {"knapsack p", ALLOCATE_KNAPSACK, COUNTS_OF_P, false, 0},
    {"oracle p", ALLOCATE_ORACLE, COUNTS_OF_P, false, 0},
    {"neyman", ALLOCATE_NEYMAN, COUNTS_OF_P, false, 0},
    {"neyman", ALLOCATE_NEYMAN, COUNTS_OF_P, false, 1},
    {"optimum", ALLOCATE_OPTIMUM, COUNTS_OF_P, false, 0},
    {"optimum", ALLOCATE_OPTIMUM, COUNTS_OF_P, false, 1},
    {"optimum wide", ALLOCATE_OPTIMUM, COUNTS_OF_P, true, 0},
    {"optimum wide", ALLOCATE_OPTIMUM, COUNTS_OF_P, true, 1},
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
        verified[i] = VERY_MANY;
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

static void by_counts(const Plan *plan, int *n, const Known *const *known, int P, const AllocateConfig *config,
                      Device *dev, uint64_t seed, uint32_t key) {
    double correct[P], verified[P];
    for (int i = 0; i < P; i++) {
        const Known *k = known[i];
        bool earlier = plan->counts > 0, run = plan->counts == COUNTS_OF_RUN;
        verified[i] = earlier ? plan->counts : run ? k->verified : VERY_MANY;
        correct[i] = earlier ? earlier_correct(k->p, plan->counts, i, seed, key) : run ? k->correct : k->p * VERY_MANY;
    }
    allocate_rollouts(dev, n, NULL, correct, verified, P, config);
}

static void by_sigma(const Plan *plan, int *n, const Known *const *known, int P, const AllocateConfig *bounds,
                     Device *dev) {
    double correct[P], verified[P], sigma[P];
    AllocateConfig config = *bounds;
    config.kind = ALLOCATE_STDDEV;
    config.mastered = 2; // none is
    for (int i = 0; i < P; i++) sigma[i] = sqrt(bounds->rollouts * known[i]->curve[plan->kind][bounds->rollouts]);
    counts_of_weights(correct, verified, sigma, P);
    allocate_rollouts(dev, n, NULL, correct, verified, P, &config);
}

int plan_most(const TrainConfig *c) {
    return 4 * c->rollouts > c->rollouts_high ? 4 * c->rollouts : c->rollouts_high;
}

void plan_allocate(const Plan *plan, int *n, const Known *const *known, int P, const TrainConfig *c, Device *dev,
                   uint64_t seed, uint32_t key) {
    AllocateConfig config = {.kind = (AllocateKind)plan->rule,
                             .rollouts = c->rollouts,
                             .low = plan->wide ? 2 : c->rollouts_low,
                             .high = plan->wide ? 4 * c->rollouts : c->rollouts_high,
                             .explore = c->explore,
                             .mastered = c->mastered};
    const double *curve[P];
    if (plan->rule == ALLOCATE_NEYMAN) return by_sigma(plan, n, known, P, &config, dev);
    if (plan->rule != ALLOCATE_OPTIMUM) return by_counts(plan, n, known, P, &config, dev, seed, key);
    for (int i = 0; i < P; i++) curve[i] = known[i]->curve[plan->kind];
    if (config.low < 2) config.low = 2; // one rollout alone has no gradient, so no variance either
    plan_optimum(n, curve, P, P * c->rollouts, config.low, config.high);
}
