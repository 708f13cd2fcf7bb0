// What the run knows of each training prompt: G_i rollouts verified, k_i of them correct, and how long its responses were.
// Updated after every step (the authors' release refreshes it once an epoch, with indices that no longer fit its
// rewards); keyed by prompt id; saved in the checkpoint. Allocation (kernels/allocate.h) reads it.
#ifndef RL_HISTORY_H
#define RL_HISTORY_H
#include "data/problems.h"

typedef struct History {
    int count;        // problems of the training set, in its order
    int64_t *id;      // (count) ids of the prompts, to check every visit and every checkpoint against
    double *correct;  // (count) k_i
    double *verified; // (count) G_i; not whole numbers where old counts decay
    double *length;   // (count) mean response length in tokens; 0 = never seen
} History;

History history_new(const ProblemSet *set);
void history_free(History *history);

// One visit of prompt `problem` (its index in the set): n rollouts, k of them correct, of `length` tokens on average. Old counts
// are multiplied by decay first. The id must be the problem's.
void history_visit(History *history, int problem, int64_t id, int n, int k, double length, double decay);

// k / G of a problem, or -1 while nothing was verified
double history_pass_rate(const History *history, int problem);

// The bin of a pass rate among 11: 0 for exactly 0, 10 for exactly 1, else the nearest tenth.
int pass_rate_bin(double rate);

#endif
