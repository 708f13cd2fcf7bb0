// The table of an evaluation: a row for every data set and their average (of tasks alone: a row for every kind, and one
// for all), each figure with its 95 % interval.
#ifndef RL_EVALUATE_TABLE_H
#define RL_EVALUATE_TABLE_H
#include "rl/evaluate/estimate.h"
#include "rl/evaluate/sets.h"

enum { EVAL_MAX_K = 16, EVAL_MAX_ROWS = EVAL_MAX_SETS + TASK_KINDS + 1 };

typedef struct EvalRow {
    char name[32];
    int problems;
    Estimate pass[EVAL_MAX_K], avg, maj;
    double worked, length, truncated; // share of responses that work something out, mean tokens, share cut by the limit
} EvalRow;

typedef struct EvalTable {
    int k[EVAL_MAX_K], n_k, samples;
    EvalRow rows[EVAL_MAX_ROWS];
    int n_rows;
} EvalTable;

// From the outcomes of all prompts. Of two sets or more the last row is their average: every set weighs the same.
EvalTable eval_table_make(const EvalSets *sets, const int *k, int n_k, int samples);
void eval_table_print(const EvalTable *table, FILE *out);
cJSON *eval_table_json(const EvalTable *table); // the "rows"

#endif
