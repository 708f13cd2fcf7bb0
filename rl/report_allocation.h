// What the log's tables say: how rollouts were dealt out over prompts, how hard the prompts were, what the verdicts
// were.
#ifndef RL_REPORT_ALLOCATION_H
#define RL_REPORT_ALLOCATION_H
#include <stdio.h>
#include "rl/report_log.h"

enum { RECENT_STEPS = 20 }; // the allocation is that of the last so many RL steps that logged one

// Section on allocation: mean rollouts per prompt by historical pass rate next to the uniform share, histogram of n_i,
// and prompts by pass rate after the warm-up and at the last measurement. Left out where nothing was logged.
void allocation_write(FILE *out, const Run *run);

// Figure with the table of verdicts: share of rollouts in the first and the last RECENT_STEPS RL steps. At most 16, by
// share at the end.
void verdicts_write(FILE *out, const Run *run);

#endif
