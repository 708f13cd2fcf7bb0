// Optional (./eval): the table of an evaluation: a row per data set and their average (for tasks alone: a row per kind,
// and one for all), each figure with its 95 % interval.
#ifndef RL_EVALUATE_TABLE_H
#define RL_EVALUATE_TABLE_H
#include "rl/evaluate/estimate.h"
#include "rl/evaluate/sets.h"

enum { EVAL_MAX_ROWS = EVAL_MAX_SETS + TASK_KINDS + 1 };

typedef struct EvalRow {
    char name[32];
    int problems;
    Estimate column[EVAL_MAX_K + 2]; // pass@k for each of n_k values of k, avg@n, maj@n
    double worked, length, truncated; // fraction worked, mean tokens, fraction truncated (docs/glossary.md)
    double reward;                    // mean
} EvalRow;

typedef struct EvalTable {
    int k[EVAL_MAX_K], n_k, samples;
    EvalRow rows[EVAL_MAX_ROWS];
    int n_rows;
    bool rewards; // show the mean reward too: it is not pass@1, since a --reward-command gave it
} EvalTable;

// From the outcomes of all prompts. The last row of several sets is their average, in which each has the same weight.
EvalTable eval_table_make(const EvalSets *sets, const int *k, int n_k, int samples);
void eval_table_print(const EvalTable *table, FILE *out);
cJSON *eval_table_json(const EvalTable *table); // an array of rows; free with cJSON_Delete

#endif
