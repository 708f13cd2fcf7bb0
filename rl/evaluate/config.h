// Everything an evaluation can be told, and what of it decides the responses.
#ifndef RL_EVALUATE_CONFIG_H
#define RL_EVALUATE_CONFIG_H
#include "model/config.h"
#include "rl/evaluate/table.h"
#include "rl/config.h"

typedef struct EvalConfig {
    char model[FLAG_TEXT_SIZE], data[FLAG_TEXT_SIZE], data_dir[FLAG_TEXT_SIZE], prompt_template[FLAG_TEXT_SIZE], k[FLAG_TEXT_SIZE];
    char out[FLAG_TEXT_SIZE], responses[FLAG_TEXT_SIZE], score[FLAG_TEXT_SIZE];
    int samples, problems, max_prompt, max_tokens, bad_rows, slots, threads, top_k;
    bool fresh;
    long long seed;
    double temp, top_p;
} EvalConfig;

extern const FlagTable eval_flags;

// "1,8,32" -> k (EVAL_MAX_K), count. False with the reason in err: not numbers, or one above --samples.
bool eval_config_parse_k(const EvalConfig *config, int *k, int *count, Error *err);

// Sets max_tokens where it was left open (0). False with the reason in err where prompt and response do not fit the model.
bool eval_config_max_tokens(EvalConfig *config, const EvalSets *sets, const ModelConfig *model, Error *err);

// What decides the responses: model (its files' hash), data (prompts' tokens and golds), seed, flags of sampling. A partial
// file is only taken up under the same. NULL with the reason in err where the model folder cannot be read.
cJSON *eval_config_identity(const EvalConfig *config, const EvalSets *sets, Error *err);

#endif
