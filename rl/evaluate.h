// Evaluation of a policy on a prompt set: samples of every prompt, judged. Kept apart from the training reward.
#ifndef RL_EVALUATE_H
#define RL_EVALUATE_H
#include "kernels/comm.h"
#include "rl/generate.h"
#include "rl/metrics.h"
#include "rl/prompts.h"

// The random streams of evaluation: never those of a training step, which are numbered from 0.
enum { EVALUATE_STREAM = 0x40000000 };

typedef struct Evaluation { // what to evaluate with; owns nothing
    Generator *generator;
    const Tokenizer *tokenizer;
    Judge *judge;
    const PromptSet *set;
    RolloutPool *pool;   // memory for at least `samples` rollouts; prompts are taken as many at a time as fit
    Comm *comm;
    SampleConfig sample;
    int samples, max_new;
    FILE *responses;     // every response and verdict as a JSON line; NULL: none
} Evaluation;

typedef struct PromptOutcome { // of one prompt's samples, summed
    double correct, worked, tokens, truncated;
} PromptOutcome;

// writes outcome (prompts) on every rank. answer and right (prompts, samples; may be NULL, one rank only) receive each sample's
// answer as a class (equal judged bytes of one prompt share a number; -1: no answer) and whether it is correct.
void evaluate_prompts(const Evaluation *evaluation, PromptOutcome *outcome, int *answer, int *right);

// Fills heldout_pass1 with its 95 % interval (bootstrap over prompts), heldout_worked, heldout_length and, with histogram,
// pass_hist.
void evaluate_heldout(const Evaluation *evaluation, bool histogram, StepMetrics *metrics);

#endif
