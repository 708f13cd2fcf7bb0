// Optional (study): how much the gradient of a whole batch varies, by how its rollouts are allocated to its prompts.
#ifndef DEV_STUDY_BATCHES_H
#define DEV_STUDY_BATCHES_H
#include "dev/study/scores.h"
#include "rl/config.h"

// The losses compared: two advantages times two means.
enum { FORM_KINDS = 2, FORM_MEANS = 2, FORMS = FORM_KINDS * FORM_MEANS };
static const AdvantageKind form_kind[FORM_KINDS] = {ADVANTAGE_GRPO, ADVANTAGE_NO_STD};
static const LossMean form_mean[FORM_MEANS] = {MEAN_TOKEN, MEAN_PROMPT};

typedef struct BatchVariance { // of one plan's gradient under one form
    double variance;           // trace of its covariance
    double signal;             // squared length of its expectation
    double cross; // inner product of its expectation and that of plan 0 with MEAN_PROMPT and the same advantage
} BatchVariance;  // each unbiased

// Writes result (plans, FORMS), the forms kind by kind. A batch has P prompts, scores (P); plan p gives prompt i its
// n[p * P + i] rollouts. In each of `replicates` replications every prompt's rollouts are drawn with replacement from
// its measured ones, so these are the policy, and all plans take theirs from the beginning of one list of draws: what
// differs between plans is not chance. key: the replications' random stream.
void batch_variance(BatchVariance *result, const Scores *const *scores, int P, const int *n, int plans, int replicates,
                    uint64_t seed, uint32_t key);

#endif
