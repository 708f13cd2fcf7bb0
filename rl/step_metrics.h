// Turns what a step left behind (rollouts, per-token results) into its line of metrics.
#ifndef RL_STEP_METRICS_H
#define RL_STEP_METRICS_H
#include "rl/trainer.h"

typedef struct StepSums { // over response tokens; summed over the step's updates
    double loss, tokens, kl, clipped, b_comp, b_comp_low, b_stab, b_stab_low;
    double ratio_max, logprob_diff_max; // the latter of the first update only, where the policy is still the sampler
} StepSums;

// first: this is the step's first update
void step_sums_add(StepSums *sums, const TrainSequence *sequences, int count, const TokenResult *results, bool first);

void step_metrics_allocation(StepMetrics *metrics, const History *history, const Prompt *prompts, const int *n, int P);
void step_metrics_update(StepMetrics *metrics, StepSums *sums, Comm *comm, int updates);
void step_metrics_rollouts(StepMetrics *metrics, Trainer *trainer, const Prompt *prompts);

// Writes the rollouts of the first two prompts among the `count` sequences of the first update to rollouts.jsonl.
void step_metrics_samples(Trainer *trainer, const Prompt *prompts, int count);

#endif
