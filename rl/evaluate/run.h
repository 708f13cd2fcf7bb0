// One evaluation from model and data to the outcomes of all its prompts: opened once, filled, closed.
#ifndef RL_EVALUATE_RUN_H
#define RL_EVALUATE_RUN_H
#include "rl/evaluate/config.h"
#include "rl/evaluate/responses.h"
#include <signal.h>

typedef struct EvalRun {
    EvalSets sets;
    Tokenizer *tokenizer;
    Device *dev;
    Gpt *gpt;
    cJSON *identity; // eval_config_identity
    ResponseFile *file;
    RolloutBatch batch;
    Generator *generator;
    char partial[FLAG_TEXT_SIZE + 16]; // path of the partial file
} EvalRun;

// Opens everything that the config asks for, the partial file too; sets config->max_tokens where it was left open. False
// with one line in err. Close with eval_run_close in either case; the partial file stays.
bool eval_run_open(EvalRun *run, EvalConfig *config, Comm *comm, Error *err);

// Takes what is saved and generates what is not, until all outcomes are there. Where *stop turns nonzero it ends after the
// responses under way, which are saved too. False with the reason in err.
bool eval_run_fill(EvalRun *run, const EvalConfig *config, Comm *comm, const volatile sig_atomic_t *stop, Error *err);

void eval_run_close(EvalRun *run);

#endif
