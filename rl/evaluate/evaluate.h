// Evaluation of a policy on a prompt set: samples of every prompt, judged. Kept apart from the training reward.
#ifndef RL_EVALUATE_EVALUATE_H
#define RL_EVALUATE_EVALUATE_H
#include "kernels/device/comm.h"
#include "rl/generate.h"
#include "rl/metrics.h"
#include "rl/prompts.h"
#include "rl/evaluate/responses.h"

// The random streams of evaluation: never those of a training step, which are numbered from 0.
enum { EVALUATE_STREAM = 0x40000000 };

typedef struct Evaluation { // what to evaluate with; owns nothing
    Generator *generator;
    const Tokenizer *tokenizer;
    Grader *grader;
    const PromptSet *set;
    RolloutBatch *pool;   // memory for at least `samples` rollouts; prompts are taken as many at a time as fit
    Comm *comm;
    SampleConfig sample;
    int samples, max_new;
    ResponseFile *file;  // every response and verdict goes there; NULL: nowhere
} Evaluation;

typedef struct PromptOutcome { // of one prompt's samples, summed
    double correct, worked, tokens, truncated;
} PromptOutcome;

typedef struct Outcome { // of a prompt set
    PromptOutcome *prompt; // (prompts) zero at first
    int *answer, *right;   // (prompts, samples) each sample's class of answer (rl/evaluate/vote.h), and whether it is correct; both
                           // NULL where nobody asks (several ranks; training)
} Outcome;

// Generates and judges prompts first, first + 1, ... as many as the pool holds. writes their part of outcome, on the rank
// that generated them. Returns the first prompt that is left to do.
int evaluate_part(const Evaluation *evaluation, int first, Outcome *outcome);

// The whole set. writes outcome on every rank.
void evaluate_prompts(const Evaluation *evaluation, Outcome *outcome);

// Takes as many prompts as stand in evaluation->file, which is open at this set: judged anew, counted into outcome. Returns
// how many; -1 with the reason in err where the file is not what this evaluation wrote.
int evaluate_saved(const Evaluation *evaluation, Outcome *outcome, Error *err);

// Fills heldout_pass1 with its 95 % interval (bootstrap over prompts), heldout_worked, heldout_length and, with histogram,
// pass_hist.
void evaluate_heldout(const Evaluation *evaluation, bool histogram, StepMetrics *metrics);

#endif
