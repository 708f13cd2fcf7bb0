#include "rl/eval_table.h"
#include "model/json_file.h"
#include <string.h>

typedef struct Samples { // of the problems of one row
    int count;
    int *n, *c, *answer, *right;
    double *value;
} Samples;

static Estimate mean_of(Samples *s) { return bootstrap_mean(s->value, (size_t)s->count, 1); }

static void fill_row(EvalRow *row, Samples *s, const EvalTable *table) {
    size_t M = (size_t)s->count;
    row->problems = s->count;
    for (int i = 0; i < table->n_k; i++) {
        pass_at_k_each(s->value, M, s->n, s->c, table->k[i]);
        row->pass[i] = mean_of(s);
    }
    avg_each(s->value, M, s->n, s->c);
    row->avg = mean_of(s);
    majority_each(s->value, M, s->n, s->answer, s->right);
    row->maj = mean_of(s);
}

// Adds the row of the problems of one kind (-1: all); none where there are no such problems.
static void add_row(EvalTable *table, const Evaluation *e, int kind, const PromptOutcome *outcome, const int *answer, const int *right, Samples *s) {
    EvalRow *row = &table->rows[table->n_rows];
    double worked = 0, tokens = 0, truncated = 0;
    s->count = 0;
    for (int i = 0; i < e->set->problems.count; i++) {
        const TaskProblem *task = e->set->problems.problems[i].task;
        if (kind >= 0 && (!task || (int)task->kind != kind)) continue;
        size_t to = (size_t)s->count * table->samples, from = (size_t)i * table->samples, bytes = (size_t)table->samples * sizeof(int);
        s->n[s->count] = table->samples;
        s->c[s->count++] = (int)outcome[i].correct;
        memcpy(s->answer + to, answer + from, bytes);
        memcpy(s->right + to, right + from, bytes);
        worked += outcome[i].worked, tokens += outcome[i].tokens, truncated += outcome[i].truncated;
    }
    if (s->count == 0) return;
    double responses = (double)s->count * table->samples;
    *row = (EvalRow){.worked = worked / responses, .length = tokens / responses, .truncated = truncated / responses};
    snprintf(row->name, sizeof row->name, "%s", kind < 0 ? "all" : task_name((TaskKind)kind));
    if (kind < 0) table->tokens = tokens;
    fill_row(row, s, table);
    table->n_rows++;
}

EvalTable eval_table_measure(const Evaluation *e, const int *k, int n_k) {
    size_t P = (size_t)e->set->problems.count, all = P * (size_t)e->samples;
    EvalTable table = {.n_k = n_k, .samples = e->samples};
    PromptOutcome *outcome = malloc(P * sizeof *outcome);
    int *answer = malloc(all * sizeof *answer), *right = malloc(all * sizeof *right);
    Samples s = {0, malloc(P * sizeof(int)), malloc(P * sizeof(int)), malloc(all * sizeof(int)), malloc(all * sizeof(int)), malloc(P * sizeof(double))};
    REQUIRE(outcome && answer && right && s.n && s.c && s.answer && s.right && s.value, "out of memory");
    memcpy(table.k, k, (size_t)n_k * sizeof *k);
    double start = seconds_now();
    evaluate_prompts(e, outcome, answer, right);
    table.seconds = seconds_now() - start;
    for (int kind = 0; kind < TASK_KINDS; kind++) add_row(&table, e, kind, outcome, answer, right, &s);
    if (table.n_rows == 1) table.n_rows = 0; // one kind alone is all there is
    add_row(&table, e, -1, outcome, answer, right, &s);
    free(outcome), free(answer), free(right), free(s.n), free(s.c), free(s.answer), free(s.right), free(s.value);
    return table;
}

static void print_estimate(Estimate e, FILE *out) { fprintf(out, "  %5.3f [%.3f %.3f]", e.mean, e.low, e.high); }

void eval_table_print(const EvalTable *t, FILE *out) {
    char name[32];
    fprintf(out, "%-10s %8s", "", "problems");
    for (int i = 0; i < t->n_k; i++) {
        snprintf(name, sizeof name, "pass@%d", t->k[i]);
        fprintf(out, "  %-19s", name);
    }
    snprintf(name, sizeof name, "avg@%d", t->samples);
    fprintf(out, "  %-19s", name);
    snprintf(name, sizeof name, "maj@%d", t->samples);
    fprintf(out, "  %-19s  worked  length  cut\n", name);
    for (int r = 0; r < t->n_rows; r++) {
        const EvalRow *row = &t->rows[r];
        fprintf(out, "%-10s %8d", row->name, row->problems);
        for (int i = 0; i < t->n_k; i++) print_estimate(row->pass[i], out);
        print_estimate(row->avg, out);
        print_estimate(row->maj, out);
        fprintf(out, "  %6.2f  %6.1f  %.2f\n", row->worked, row->length, row->truncated);
    }
    fprintf(out, "in brackets: 95 %% interval, bootstrap over problems. %.0f tokens in %.1f s\n", t->tokens, t->seconds);
}

static void add_estimate(cJSON *row, const char *name, Estimate e) {
    cJSON_AddItemToObject(row, name, cJSON_CreateDoubleArray((double[]){e.mean, e.low, e.high}, 3));
}

bool eval_table_write(const EvalTable *t, const char *path, Error *err) {
    cJSON *json = cJSON_CreateObject(), *rows;
    char name[32];
    cJSON_AddNumberToObject(json, "samples", t->samples);
    cJSON_AddStringToObject(json, "estimates", "mean, low and high end of the 95 % interval");
    rows = cJSON_AddArrayToObject(json, "rows");
    for (int r = 0; r < t->n_rows; r++) {
        const EvalRow *from = &t->rows[r];
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name", from->name);
        cJSON_AddNumberToObject(row, "problems", from->problems);
        for (int i = 0; i < t->n_k; i++) {
            snprintf(name, sizeof name, "pass@%d", t->k[i]);
            add_estimate(row, name, from->pass[i]);
        }
        snprintf(name, sizeof name, "avg@%d", t->samples);
        add_estimate(row, name, from->avg);
        snprintf(name, sizeof name, "maj@%d", t->samples);
        add_estimate(row, name, from->maj);
        cJSON_AddNumberToObject(row, "worked", from->worked);
        cJSON_AddNumberToObject(row, "length", from->length);
        cJSON_AddNumberToObject(row, "truncated", from->truncated);
        cJSON_AddItemToArray(rows, row);
    }
    bool ok = json_file_write(path, json, err);
    cJSON_Delete(json);
    return ok;
}
