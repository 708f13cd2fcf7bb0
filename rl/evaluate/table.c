#include "rl/evaluate/table.h"
#include <string.h>

typedef struct Gathered { // the problems of one row
    size_t M[EVAL_MAX_SETS]; // of each set
    int sets, count, samples;
    int *n, *c, *answer, *right;
    double *value;
} Gathered;

static Estimate mean_of(Gathered *g) { return bootstrap_average(g->value, g->M, g->sets, 1); }

static void fill_row(EvalRow *row, Gathered *g, const EvalTable *table) {
    size_t M = (size_t)g->count;
    row->problems = g->count;
    for (int i = 0; i < table->n_k; i++) {
        pass_at_k_each(g->value, M, g->n, g->c, table->k[i]);
        row->pass[i] = mean_of(g);
    }
    avg_each(g->value, M, g->n, g->c);
    row->avg = mean_of(g);
    majority_each(g->value, M, g->n, g->answer, g->right);
    row->maj = mean_of(g);
}

// Adds the problems of one kind of task (-1: all) of a set; adds their means, weighted, to the row.
static void gather(Gathered *g, EvalRow *row, const EvalSet *set, int kind, double weight) {
    PromptOutcome sum = {0};
    int first = g->count;
    for (int i = 0; i < set->set.problems.count; i++) {
        const TaskProblem *task = set->set.problems.items[i].task;
        const PromptOutcome *o = &set->outcome[i];
        size_t to = (size_t)g->count * (size_t)g->samples, from = (size_t)i * (size_t)g->samples, bytes = (size_t)g->samples * sizeof(int);
        if (kind >= 0 && (!task || (int)task->kind != kind)) continue;
        g->n[g->count] = g->samples;
        g->c[g->count++] = (int)o->correct;
        memcpy(g->answer + to, set->answer + from, bytes);
        memcpy(g->right + to, set->correct + from, bytes);
        sum.worked += o->worked, sum.tokens += o->tokens, sum.truncated += o->truncated;
    }
    if (g->count == first) return;
    g->M[g->sets++] = (size_t)(g->count - first);
    double share = weight / ((double)(g->count - first) * g->samples);
    row->worked += sum.worked * share, row->length += sum.tokens * share, row->truncated += sum.truncated * share;
}

// Adds the row of these sets; none where they have no such problems.
static void add_row(EvalTable *table, Gathered *g, const char *name, const EvalSet *sets, int count, int kind) {
    EvalRow *row = &table->rows[table->n_rows];
    *row = (EvalRow){0};
    g->sets = g->count = 0;
    for (int s = 0; s < count; s++) gather(g, row, &sets[s], kind, 1.0 / count);
    if (g->count == 0) return;
    snprintf(row->name, sizeof row->name, "%s", name);
    fill_row(row, g, table);
    table->n_rows++;
}

EvalTable eval_table_make(const EvalSets *sets, const int *k, int n_k, int samples) {
    EvalTable table = {.n_k = n_k, .samples = samples};
    size_t P = 0, n = (size_t)samples;
    for (int s = 0; s < sets->count; s++) P += (size_t)sets->set[s].set.problems.count;
    Gathered g = {.samples = samples, .n = malloc(P * sizeof(int)), .c = malloc(P * sizeof(int)), .answer = malloc(P * n * sizeof(int)),
                  .right = malloc(P * n * sizeof(int)), .value = malloc(P * sizeof(double))};
    REQUIRE(g.n && g.c && g.answer && g.right && g.value, "out of memory for %zu problems", P);
    memcpy(table.k, k, (size_t)n_k * sizeof *k);
    if (sets->count == 1 && sets->set[0].tasks) {
        for (int kind = 0; kind < TASK_KINDS; kind++) add_row(&table, &g, task_name((TaskKind)kind), sets->set, 1, kind);
        if (table.n_rows == 1) table.n_rows = 0; // one kind alone is all there is
        add_row(&table, &g, "all", sets->set, 1, -1);
    } else {
        for (int s = 0; s < sets->count; s++) add_row(&table, &g, sets->set[s].name, &sets->set[s], 1, -1);
        if (sets->count > 1) add_row(&table, &g, "average", sets->set, sets->count, -1);
    }
    free(g.n), free(g.c), free(g.answer), free(g.right), free(g.value);
    return table;
}

static void print_estimate(Estimate e, FILE *out) { fprintf(out, "  %5.3f [%.3f %.3f]", e.mean, e.low, e.high); }

void eval_table_print(const EvalTable *t, FILE *out) {
    char name[32];
    fprintf(out, "%-13s %8s", "", "problems");
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
        fprintf(out, "%-13s %8d", row->name, row->problems);
        for (int i = 0; i < t->n_k; i++) print_estimate(row->pass[i], out);
        print_estimate(row->avg, out);
        print_estimate(row->maj, out);
        fprintf(out, "  %6.2f  %6.1f  %.2f\n", row->worked, row->length, row->truncated);
    }
    fprintf(out, "in brackets: 95 %% interval, bootstrap over problems%s\n",
            strcmp(t->rows[t->n_rows - 1].name, "average") ? "" : " within each set; in the average every set weighs the same");
}

static void add_estimate(cJSON *row, const char *name, Estimate e) {
    cJSON_AddItemToObject(row, name, cJSON_CreateDoubleArray((double[]){e.mean, e.low, e.high}, 3));
}

cJSON *eval_table_json(const EvalTable *t) {
    cJSON *rows = cJSON_CreateArray();
    char name[32];
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
    return rows;
}
