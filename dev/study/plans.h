// Optional (study): the allocations that are compared, and what each may know about the prompts.
#ifndef DEV_STUDY_PLANS_H
#define DEV_STUDY_PLANS_H
#include "dev/study/batches.h"
#include "rl/trainer.h"

// Allocations that know the variance of each prompt's gradient, not its pass rate: beside those of kernels/allocate.h.
enum {
    ALLOCATE_NEYMAN = ALLOCATE_KINDS, // the theorem's: by the root of n times that variance for groups of --rollouts
    ALLOCATE_OPTIMUM                  // it is known for every n: no allocation has a smaller sum
};

// Where the others get their counts, if not from that many earlier rollouts of the same policy.
enum { COUNTS_OF_P = -1, COUNTS_OF_RUN = -2 }; // the pass rate itself; the training run's history

typedef struct Plan {
    const char *name;
    int rule; // AllocateKind or one of the above
    int counts;
    bool wide; // bounds 2 and 4 times --rollouts; else --rollouts-low and --rollouts-high
    int kind;  // ALLOCATE_NEYMAN, ALLOCATE_OPTIMUM: the advantage whose variance is known, an index of form_kind
} Plan;

enum { PLANS = 24 };
extern const Plan plans[PLANS]; // the first is uniform

typedef struct Known {           // about one prompt
    double p, correct, verified; // pass rate; history of the run
    double *curve[FORM_KINDS];   // (plan_most + 1) variance of its group's gradient by the group's size, from 2 on
} Known;

int plan_most(const TrainConfig *config); // rollouts that any plan may give to a prompt

// Writes n (P), which sums to P times --rollouts. key: the stream of the earlier rollouts' outcomes; all plans with
// equally many earlier rollouts see the same ones.
void plan_allocate(const Plan *plan, int *n, const Known *const *known, int P, const TrainConfig *config, Device *dev,
                   uint64_t seed, uint32_t key);

// Writes n (P), each from low to high and `budget` in all, with the least sum of curve[i][n[i]]: dynamic programming.
void plan_optimum(int *n, const double *const *curve, int P, int budget, int low, int high);

#endif
