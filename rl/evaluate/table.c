// Optional (./eval): rows from outcomes, printed and as JSON.
#include "rl/evaluate/table.h"
#include <string.h>

typedef struct Gathered { // the problems of one row
    size_t P[EVAL_MAX_SETS]; // of each set
    int sets, count, samples;
    int *n, *c, *answer, *correct;
    double *value;
} Gathered;

static Estimate mean_of(Gathered *g) { return bootstrap_average(g->value, g->P, g->sets, 1); }

static void fill_row(EvalRow *row, Gathered *g, const EvalTable *table) {
    size_t P = (size_t)g->count;
    row->problems = g->count;
    for (int i = 0; i < table->n_k; i++) {
        pass_at_k_each(g->value, P, g->n, g->c, table->k[i]);
        row->pass[i] = mean_of(g);
    }
    avg_each(g->value, P, g->n, g->c);
    row->avg = mean_of(g);
    majority_each(g->value, P, g->n, g->answer, g->correct);
    row->maj = mean_of(g);
}

// Appends a set's problems, those of one kind of task (-1: all); adds weight times their means to the row.
static void gather(Gathered *g, EvalRow *row, const EvalSet *set, int kind, double weight) {
    PromptOutcome sum = {0};
    size_t n = (size_t)g->samples;
    int first = g->count;
    for (int i = 0; i < set->set.problems.count; i++) {
        const TaskProblem *task = set->set.problems.items[i].task;
        const PromptOutcome *o = &set->outcome[i];
        size_t to = (size_t)g->count * n, from = (size_t)i * n;
        if (kind >= 0 && (!task || (int)task->kind != kind)) continue;
        g->n[g->count] = g->samples;
        g->c[g->count++] = (int)o->correct;
        memcpy(g->answer + to, set->answer + from, n * sizeof(int));
        memcpy(g->correct + to, set->correct + from, n * sizeof(int));
        sum.worked += o->worked, sum.tokens += o->tokens, sum.truncated += o->truncated;
    }
    if (g->count == first) return;
    g->P[g->sets++] = (size_t)(g->count - first);
    double scale = weight / ((double)(g->count - first) * g->samples);
    row->worked += sum.worked * scale, row->length += sum.tokens * scale, row->truncated += sum.truncated * scale;
}

// Adds the row of these sets, unless they have no such problems.
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
    Gathered g = {.samples = samples, .n = malloc(P * sizeof(int)), .c = malloc(P * sizeof(int)),
                  .answer = malloc(P * n * sizeof(int)), .correct = malloc(P * n * sizeof(int)),
                  .value = malloc(P * sizeof(double))};
    REQUIRE(g.n && g.c && g.answer && g.correct && g.value, "out of memory for %zu problems", P);
    memcpy(table.k, k, (size_t)n_k * sizeof *k);
    if (sets->count == 1 && sets->set[0].tasks) {
        for (int kind = 0; kind < TASK_KINDS; kind++)
            add_row(&table, &g, task_name((TaskKind)kind), sets->set, 1, kind);
        if (table.n_rows == 1) table.n_rows = 0; // of a single kind, "all" says the same
        add_row(&table, &g, "all", sets->set, 1, -1);
    } else {
        for (int s = 0; s < sets->count; s++) add_row(&table, &g, sets->set[s].name, &sets->set[s], 1, -1);
        if (sets->count > 1) add_row(&table, &g, "average", sets->set, sets->count, -1);
    }
    free(g.n), free(g.c), free(g.answer), free(g.correct), free(g.value);
    return table;
}

// The estimate in column i of a row: pass@k for every k, then avg@n and maj@n. writes the column's name.
static Estimate column(const EvalTable *t, const EvalRow *row, int i, char name[32]) {
    if (i < t->n_k) return snprintf(name, 32, "pass@%d", t->k[i]), row->pass[i];
    snprintf(name, 32, "%s@%d", i == t->n_k ? "avg" : "maj", t->samples);
    return i == t->n_k ? row->avg : row->maj;
}

void eval_table_print(const EvalTable *t, FILE *out) {
    char name[32];
    bool average = strcmp(t->rows[t->n_rows - 1].name, "average") == 0;
    fprintf(out, "%-13s %8s", "", "problems");
    for (int i = 0; i < t->n_k + 2; i++) column(t, t->rows, i, name), fprintf(out, "  %-19s", name);
    fprintf(out, "  worked  length  cut\n");
    for (const EvalRow *row = t->rows; row < t->rows + t->n_rows; row++) {
        fprintf(out, "%-13s %8d", row->name, row->problems);
        for (int i = 0; i < t->n_k + 2; i++) {
            Estimate e = column(t, row, i, name);
            fprintf(out, "  %5.3f [%.3f %.3f]", e.mean, e.low, e.high);
        }
        fprintf(out, "  %6.2f  %6.1f  %.2f\n", row->worked, row->length, row->truncated);
    }
    fprintf(out, "in brackets: 95 %% interval, bootstrap over problems%s\n",
            average ? " within each set; all sets have the same weight in the average" : "");
}

cJSON *eval_table_json(const EvalTable *t) {
    cJSON *rows = cJSON_CreateArray();
    char name[32];
    for (const EvalRow *from = t->rows; from < t->rows + t->n_rows; from++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name", from->name);
        cJSON_AddNumberToObject(row, "problems", from->problems);
        for (int i = 0; i < t->n_k + 2; i++) {
            Estimate e = column(t, from, i, name);
            cJSON_AddItemToObject(row, name, cJSON_CreateDoubleArray((double[]){e.mean, e.low, e.high}, 3));
        }
        cJSON_AddNumberToObject(row, "worked", from->worked);
        cJSON_AddNumberToObject(row, "length", from->length);
        cJSON_AddNumberToObject(row, "truncated", from->truncated);
        cJSON_AddItemToArray(rows, row);
    }
    return rows;
}
