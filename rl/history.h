// The history of each training prompt over the run: how many of its rollouts were verified, how many of these were
// correct, and how long its responses were. It is updated after every step (the authors' release updates it once an
// epoch, with indices that no longer match its rewards), keyed by prompt id, and saved in the checkpoint. Allocation
// (kernels/allocate.h) and the deal of rollouts to ranks read it.
#ifndef RL_HISTORY_H
#define RL_HISTORY_H
#include "data/problems.h"

typedef struct History {
    int count;        // problems of the training set, in its order
    int64_t *id;      // (count) prompt ids, which every visit and every checkpoint must match
    double *correct;  // (count) fractional where old counts decay
    double *verified; // (count)
    double *length;   // (count) mean response length at the last visit, tokens; 0 before the first
} History;

History history_new(const ProblemSet *set);
void history_free(History *history);

// Records a visit of prompt `problem` (its index in the set; `id` must be its id): n rollouts, `correct` of them
// correct, of `length` tokens on average. The old counts are multiplied by `decay` first.
void history_visit(History *history, int problem, int64_t id, int n, int correct, double length, double decay);

// correct / verified of a problem, -1 before its first visit
double history_pass_rate(const History *history, int problem);

// The bin of a pass rate: 0 for exactly 0, 10 for exactly 1, else 1 to 9, the nearest tenth.
enum { PASS_RATE_BINS = 11 };
int pass_rate_bin(double rate);

#endif
