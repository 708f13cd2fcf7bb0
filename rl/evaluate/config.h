// Optional (./eval): the flags of an evaluation, and the identity that its responses depend on.
#ifndef RL_EVALUATE_CONFIG_H
#define RL_EVALUATE_CONFIG_H
#include "model/config.h"
#include "rl/config.h"
#include <cjson/cJSON.h>

enum { EVAL_MAX_K = 16 };
typedef struct EvalSets EvalSets; // rl/evaluate/sets.h

typedef struct EvalConfig {
    char model[FLAG_TEXT_SIZE], data[FLAG_TEXT_SIZE], data_dir[FLAG_TEXT_SIZE], prompt_template[FLAG_TEXT_SIZE];
    char stop[FLAG_TEXT_SIZE];
    char k[FLAG_TEXT_SIZE], out[FLAG_TEXT_SIZE], responses[FLAG_TEXT_SIZE], score[FLAG_TEXT_SIZE];
    char config[FLAG_TEXT_SIZE], reward_command[FLAG_TEXT_SIZE], ask[FLAG_TEXT_SIZE], gold[FLAG_TEXT_SIZE];
    int reward_timeout, color; // ShowColor of rl/evaluate/show.h
    int samples, problems, max_prompt, max_tokens, bad_rows, slots, threads, top_k;
    bool fresh, chat;
    long long seed;
    double temp, top_p;
} EvalConfig;

extern const FlagTable eval_flags;

// Parses --k, such as "1,8,32", into k (EVAL_MAX_K) and count. Errors: not a list of numbers, a k above --samples.
bool eval_config_parse_k(const EvalConfig *config, int *k, int *count, Error *err);

// Sets max_tokens if it was left open (0).
void eval_config_max_tokens(EvalConfig *config, const EvalSets *sets, const ModelConfig *model);

// Before any work: --out and --responses can be written, differ, and are neither an input nor in the --model folder,
// whose files are hashed. False with the reason in err.
bool eval_config_check_outputs(const EvalConfig *config, Error *err);

// Everything that the responses depend on: model (hash of its files), data (hash of prompts' tokens and golds), seed,
// sampling flags. A partial file is resumed only if its identity is the same. Error (NULL): an unreadable model folder.
cJSON *eval_config_identity(const EvalConfig *config, const EvalSets *sets, Error *err);

#endif
