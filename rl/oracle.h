// Optional (allocation oracle, for studies): what allocation could gain if it knew the pass rates. Before rollouts are
// allocated, each prompt gets --oracle-rollouts more under the current policy. They are graded, counted and forgotten:
// neither trained nor in the history. ALLOCATE_ORACLE (kernels/knapsack.h) allocates by these counts. The metric
// oracle_tokens is their price.
//
// Their random numbers have a stream of their own, so a step's own rollouts draw the same numbers as without them.
#ifndef RL_ORACLE_H
#define RL_ORACLE_H
#include "rl/trainer.h"

#define ORACLE_STREAM 0x80000000u // added to the step in the key of random numbers; evaluation's is 2^30

// Generates and grades the rollouts of prompts batch.first .. batch.P-1 in what is free of t->batch, and returns counts
// that hold for these prompts alone. All ranks return the same.
const History *oracle_history(Trainer *t, const Prompt *prompts, StepMetrics *m);

#endif
