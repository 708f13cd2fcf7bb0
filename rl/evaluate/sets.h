// The data sets of one evaluation, from a list such as "gsm8k,math500,task:add,my.jsonl:answer=a" (data/sets.h).
#ifndef RL_EVALUATE_SETS_H
#define RL_EVALUATE_SETS_H
#include "rl/evaluate/evaluate.h"

enum { EVAL_MAX_SETS = 32, EVAL_TASK_PROBLEMS = 256 };

typedef struct EvalSet {
    char name[32];
    bool tasks;
    PromptTemplate template;
    PromptSet set;
    Grader *grader;
    PromptOutcome *outcome; // (prompts)
    int *answer, *correct;  // (prompts, samples) each sample's class of answer (vote.h), and whether it is correct
    int done;               // prompts with an outcome
} EvalSet;

typedef struct EvalSets {
    EvalSet set[EVAL_MAX_SETS];
    int count;
    int longest; // tokens of the longest prompt of all
    bool files;  // not tasks alone
} EvalSets;

typedef struct EvalSource { // what is read, and how
    const char *data, *data_dir, *prompt_template, *model; // as on the command line
    uint64_t seed;  // of tasks
    int problems;   // the most of each set; 0: all, and EVAL_TASK_PROBLEMS of tasks
    int max_prompt; // tokens; longer ones are left out and reported; 0: no limit
    bool strict;    // a bad row is an error
    int samples;
} EvalSource;

// Reads, tokenizes and prepares every set of the list; what was left out of them is printed to stderr. False with the reason
// in err. Free with eval_sets_free in either case.
bool eval_sets_load(EvalSets *sets, const EvalSource *source, const Tokenizer *tokenizer, Error *err);
void eval_sets_free(EvalSets *sets);

// 64 bits of every prompt's tokens and every gold, in order.
uint64_t eval_set_hash(const EvalSet *set);

// 64 bits of what a model folder holds: its .json, .txt and .safetensors files, whole. False with the reason in err.
bool eval_model_hash(const char *dir, uint64_t *hash, Error *err);

#endif
