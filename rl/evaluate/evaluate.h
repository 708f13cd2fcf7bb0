// Optional (held-out evaluation): evaluation of a policy on a prompt set: samples responses to every prompt and grades
// them, apart from training.
#ifndef RL_EVALUATE_EVALUATE_H
#define RL_EVALUATE_EVALUATE_H
#include "rl/generate.h"
#include "rl/metrics.h"
#include "rl/prompts.h"

// The random stream (SampleConfig.step) of evaluation, apart from those of training steps, which count from 0.
enum { EVALUATE_STREAM = 0x40000000 };

typedef struct Response { // to one problem, graded
    char *text;           // (len) and a terminating zero
    size_t len;
    int tokens;
    bool truncated;
    Verdict verdict;
    double reward;        // 1 where it is correct, 0 elsewhere; with --reward-command, what the program says
    size_t start, length; // the graded bytes of text; length 0: no answer was found
} Response;

typedef struct PromptOutcome { // of one prompt, summed over its samples
    double correct, worked, tokens, truncated, reward;
} PromptOutcome;

typedef struct Evaluation { // what to evaluate with; owns nothing
    Generator *generator;
    const Tokenizer *tokenizer;
    Grader *grader;
    const PromptSet *set;
    RolloutBatch *batch; // room for at least `samples` rollouts; as many prompts as fit are taken at once
    Comm *comm;
    SampleConfig sample;
    int samples, max_new;
    const ModelConfig *model; // whose generator may be ended early (generator_watch); NULL: it is not
    void (*keep)(void *context, int prompt, const Response *responses); // called with each prompt's responses, or NULL
    void *context;
} Evaluation;

// Grades the responses to prompt i of the set: writes verdict, reward, start and length. A --reward-command's answer is
// the whole response; its error ends the program.
void evaluate_grade(const Evaluation *evaluation, int i, Response *responses);
PromptOutcome evaluate_count(const Response *responses, int samples); // the sums over a prompt's samples

// Generates and grades prompts first, first + 1, ..., as many as the batch holds; where generation ends early, those
// before the first that is unfinished. writes their outcomes, on the rank that generated them. Returns the first prompt
// left.
int evaluate_part(const Evaluation *evaluation, int first, PromptOutcome *outcome);

// The whole set: writes outcome (P), which must be zero before, on every rank.
void evaluate_prompts(const Evaluation *evaluation, PromptOutcome *outcome);

// Writes heldout_pass1 with its 95 % interval (bootstrap over prompts), heldout_worked, heldout_length and, with
// `histogram`, pass_hist.
void evaluate_heldout(const Evaluation *evaluation, bool histogram, StepMetrics *metrics);

#endif
