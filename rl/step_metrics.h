// Optional (metrics): a step's figures, computed from its rollouts and the results of each token.
#ifndef RL_STEP_METRICS_H
#define RL_STEP_METRICS_H
#include "rl/trainer.h"

typedef struct StepSums { // over the trained tokens of the step's updates
    double loss, tokens, kl, clipped, b_comp, b_comp_low, b_stab, b_stab_low;
    double kl_ref, adjusted;        // NAN where nothing is adjusted
    double ratio_max, logprob_diff_max; // the latter of the first update only, where the policy still is the sampler
} StepSums;

// Adds one update's tokens. first: it is the step's first update.
void step_sums_add(StepSums *sums, const TrainSequence *sequences, int count, const TokenResult *results, bool first);

// The figures of allocation (before the history changes), of the updates, and of the rollouts.
void step_metrics_allocation(StepMetrics *metrics, const History *history, const Prompt *prompts, const int *n, int P);
void step_metrics_update(StepMetrics *metrics, StepSums *sums, Comm *comm, int updates);
void step_metrics_rollouts(StepMetrics *metrics, Trainer *trainer, const Prompt *prompts);

// Every --sample-every steps, rank 0 writes some rollouts of the first two prompts among the `count` sequences of the
// first update to rollouts.jsonl.
void step_metrics_samples(Trainer *trainer, const Prompt *prompts, int count);

#endif
