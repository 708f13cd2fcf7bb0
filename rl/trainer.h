// A training run's parts, opened once: data, model, optimizer, generation engine, history. train.c loops over warmup_step
// and rl_step, which do all their work through these.
#ifndef RL_TRAINER_H
#define RL_TRAINER_H
#include "kernels/device/comm.h"
#include "model/optimizer.h"
#include "rl/config.h"
#include "rl/generate.h"
#include "rl/history.h"
#include "rl/memory.h"
#include "rl/metrics.h"
#include "rl/prompts.h"
#include "rl/update.h"

typedef struct StepArrays { // what the allocation and advantage kernels read and write, on the device
    Arena arena;
    int *h_n; // (P) host: rollouts of each prompt of the step
    int *n, *starts;
    double *correct, *verified;
    float *reward, *advantage;
} StepArrays;

typedef struct Trainer {
    TrainConfig config;
    Comm *comm;
    Device *dev;
    Tokenizer *tokenizer;
    TaskSpec tasks;
    PromptTemplate prompt;
    PromptSet train, heldout;
    Grader *grader, *heldout_grader;
    Gpt *gpt;
    Buckets buckets;
    Arena arena; // gradients and optimizer state
    Gradients grads;
    Optimizer opt;
    Generator *generator;
    Updater *updater;
    History history;
    RolloutBatch pool;
    int *warmup_tokens; // (sft_batch, T)
    StepArrays arrays;
    TokenResult *results;     // one a response token of a batch, in the order of training
    TrainSequence *sequences; // room for one batch, or one of warm-up
    MetricsLog log;
    MemoryPlan memory;
    int T;               // longest prompt + response
    int sft_done, rl_done; // steps taken
} Trainer;

// Opens everything the config asks for; on --resume, from the newest checkpoint. False with one line in err.
bool trainer_open(Trainer *trainer, const TrainConfig *config, Comm *comm, Error *err);
void trainer_close(Trainer *trainer);

// Only what trainer_print shows, for --plan: the memory of a run with prompts as long as --max-prompt allows, from the flags and
// the model's config.json alone. Reads no data and no weights, takes none of that memory. Close with trainer_close.
bool trainer_plan(Trainer *trainer, const TrainConfig *config, Comm *comm, Error *err);
void trainer_print(const Trainer *trainer, FILE *out); // start-up table: config, parameters, memory

// Reads the problems that --data names, and the tokenizer of --model, and tokenizes all prompts.
bool trainer_open_data(Trainer *trainer, Error *err);

// Learning rate of step `step` (from 0) of `steps`: linear warm-up, then constant or a cosine to a tenth.
float learning_rate(double peak, int step, int steps, int warmup, bool cosine);

#endif
