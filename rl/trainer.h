// The parts of a training run, opened once: data, model, optimizer, generation engine, history. train.c loops over
// warmup_step and rl_step (rl/step.h), which do all their work through these.
#ifndef RL_TRAINER_H
#define RL_TRAINER_H
#include "model/optimizer.h"
#include "rl/adjust.h"
#include "rl/config.h"
#include "rl/generate.h"
#include "rl/history.h"
#include "rl/memory.h"
#include "rl/metrics.h"
#include "rl/prompts.h"
#include "rl/update.h"

typedef struct Trainer {
    TrainConfig config;
    Comm *comm;
    Device *dev;
    // data
    Tokenizer *tokenizer;
    TaskSpec tasks;
    PromptTemplate template; // the text around each question
    PromptSet train, heldout;
    Grader *grader, *heldout_grader;
    RewardCommand *reward_command; // NULL: the verifier grades
    // model
    Gpt *gpt;
    Buckets buckets;
    Arena arena; // gradients and optimizer state
    Gradients grads;
    Optimizer opt;
    Generator *generator;
    Updater *updater;
    // one step
    History history, oracle; // the second for allocation by rl/oracle.h
    RolloutBatch batch;
    TrainSequence *sequences; // room for one batch, of rollouts or of warm-up examples
    float *weights;           // of each rollout's tokens in the loss
    TokenResult *results;     // of each trained token of a batch, in order
    Adjust adjust;            // what the method changes in single tokens
    int *warmup_tokens;       // (sft_batch, T)
    // the run
    MetricsLog log;
    MemoryPlan memory;
    int T;                 // longest prompt + response, tokens
    int sft_done, rl_done; // steps taken
    int64_t prompts_done, prompts_before; // dynamic sampling: prompts drawn in the run, and before this step
} Trainer;

// Opens everything that the config asks for; with --resume, from the latest checkpoint. False with one line in err.
// Close with trainer_close in either case.
bool trainer_open(Trainer *trainer, const TrainConfig *config, Comm *comm, Error *err);
void trainer_close(Trainer *trainer);

// For --plan: only what trainer_print shows, the memory of a run with prompts as long as --max-prompt allows, from the
// flags and the model's config.json alone. Reads neither data nor weights and allocates none of that memory.
bool trainer_plan(Trainer *trainer, const TrainConfig *config, Comm *comm, Error *err);
void trainer_print(const Trainer *trainer, FILE *out); // start-up table: config, parameters, memory

OptimizerConfig optimizer_config(const TrainConfig *config);

// The learning rate of step `step` (from 0) of `steps`: linear learning-rate warm-up over `warmup` steps, then
// constant, or a cosine to a tenth.
float learning_rate(double peak, int step, int steps, int warmup, bool cosine);

#endif
