// Optional (./eval): the data sets of an evaluation, from a list such as "gsm8k,task:add,my.jsonl" (data/sets.h).
#ifndef RL_EVALUATE_SETS_H
#define RL_EVALUATE_SETS_H
#include "rl/evaluate/config.h"
#include "rl/evaluate/evaluate.h"

enum { EVAL_MAX_SETS = 32, EVAL_TASK_PROBLEMS = 256 };

typedef struct EvalSet {
    char name[32];
    bool tasks;
    PromptTemplate template;
    PromptSet set;
    Grader *grader;
    PromptOutcome *outcome; // (P) of the first `done` prompts
    bool *majority;         // (P) whether the majority answer is correct
    int done;
} EvalSet;

struct EvalSets {
    EvalSet set[EVAL_MAX_SETS];
    int count;
    int longest; // tokens of the longest prompt
    bool files;  // some set is from a file
};

// Reads, tokenizes and prepares every set of --data; reports to stderr what was left out. False with the reason in err.
// command (NULL: none) grades, and must outlive the sets. Free with eval_sets_free in either case.
bool eval_sets_load(EvalSets *sets, const EvalConfig *config, const Tokenizer *tokenizer, RewardCommand *command,
                    Error *err);
void eval_sets_free(EvalSets *sets);

// A hash of the .json, .txt and .safetensors files of a model folder. False with the reason in err.
bool eval_model_hash(const char *dir, uint64_t *hash, Error *err);

#endif
