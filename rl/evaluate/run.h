// Optional (./eval): one evaluation, from model and data to the outcomes of all prompts: opened, filled, closed.
#ifndef RL_EVALUATE_RUN_H
#define RL_EVALUATE_RUN_H
#include "rl/evaluate/config.h"
#include "rl/evaluate/responses.h"
#include "rl/evaluate/table.h"
#include <signal.h>

typedef struct EvalRun {
    EvalSets sets;
    Tokenizer *tokenizer;
    RewardCommand *command; // NULL: the verifier grades
    Device *dev;
    Gpt *gpt;
    cJSON *identity; // eval_config_identity
    ResponseFile *file;
    RolloutBatch batch;
    Generator *generator;
    char partial[FLAG_TEXT_SIZE + 16]; // path of the partial file
    EvalSet *set;                      // the set being filled
    int samples;                       // per prompt
} EvalRun;

// Opens everything that the config asks for, last the partial file, so that a run that cannot start leaves none; sets
// config->max_tokens if it was left open. False with one line in err. Close with eval_run_close in either case.
bool eval_run_open(EvalRun *run, EvalConfig *config, Comm *comm, Error *err);

// Reads what is saved and generates the rest, until every prompt has an outcome. Once *stop is nonzero it saves the
// responses under way and ends early: false, with how to resume in err. False with the reason in err on any error.
bool eval_run_fill(EvalRun *run, const EvalConfig *config, Comm *comm, const volatile sig_atomic_t *stop, Error *err);

void eval_run_close(EvalRun *run); // leaves the partial file as it is

#endif
