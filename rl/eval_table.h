// The table of an evaluation: a row for every kind of problem and one for all, each figure with its 95 % interval.
#ifndef RL_EVAL_TABLE_H
#define RL_EVAL_TABLE_H
#include "model/gpt_files.h"
#include "rl/estimate.h"
#include "rl/evaluate.h"
#include "rl/flags.h"

enum { EVAL_MAX_K = 16, EVAL_MAX_ROWS = TASK_KINDS + 1 };

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
    double seconds, tokens;
} EvalTable;

EvalTable eval_table_measure(const Evaluation *evaluation, const int *k, int n_k);
void eval_table_print(const EvalTable *table, FILE *out);
bool eval_table_write(const EvalTable *table, const char *path, Error *err); // JSON

#endif
