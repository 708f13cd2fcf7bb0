// Optional (./eval): rows from outcomes, printed and as JSON.
#include "rl/evaluate/table.h"
#include <string.h>

typedef struct Gathered { // the problems of one row
    size_t P[EVAL_MAX_SETS], capacity; // of each set; of all
    int sets, count;
    double *value; // (columns, capacity) the figures of each problem
} Gathered;

// Appends a set's problems, those of one kind of task (-1: all); adds weight times their means to the row.
static void gather(Gathered *g, EvalRow *row, const EvalTable *table, const EvalSet *set, int kind, double weight) {
    int n = table->samples, n_k = table->n_k, first = g->count;
    PromptOutcome sum = {0};
    for (int i = 0; i < set->set.problems.count; i++) {
        const TaskProblem *task = set->set.problems.items[i].task;
        const PromptOutcome *o = &set->outcome[i];
        if (kind >= 0 && (!task || (int)task->kind != kind)) continue;
        double *value = g->value + g->count++;
        for (int j = 0; j < n_k; j++, value += g->capacity) *value = pass_at_k(n, (int)o->correct, table->k[j]);
        value[0] = o->correct / n;
        value[g->capacity] = set->majority[i];
        sum.worked += o->worked, sum.tokens += o->tokens, sum.truncated += o->truncated;
        sum.reward += o->reward;
    }
    if (g->count == first) return;
    g->P[g->sets++] = (size_t)(g->count - first);
    double scale = weight / ((double)(g->count - first) * n);
    row->worked += sum.worked * scale, row->length += sum.tokens * scale, row->truncated += sum.truncated * scale;
    row->reward += sum.reward * scale;
}

// Adds the row of these sets, unless they have no such problems.
static void add_row(EvalTable *table, Gathered *g, const char *name, const EvalSet *sets, int count, int kind) {
    EvalRow *row = &table->rows[table->n_rows];
    *row = (EvalRow){0};
    g->sets = g->count = 0;
    for (int s = 0; s < count; s++) gather(g, row, table, &sets[s], kind, 1.0 / count);
    if (g->count == 0) return;
    snprintf(row->name, sizeof row->name, "%s", name);
    row->problems = g->count;
    for (int i = 0; i < table->n_k + 2; i++)
        row->column[i] = bootstrap_average(g->value + (size_t)i * g->capacity, g->P, g->sets, 1);
    table->n_rows++;
}

EvalTable eval_table_make(const EvalSets *sets, const int *k, int n_k, int samples) {
    EvalTable table = {.n_k = n_k, .samples = samples};
    Gathered g = {0};
    for (int s = 0; s < sets->count; s++) g.capacity += (size_t)sets->set[s].set.problems.count;
    g.value = malloc(g.capacity * (size_t)(n_k + 2) * sizeof(double));
    REQUIRE(g.value, "out of memory for %zu problems", g.capacity);
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
    free(g.value);
    return table;
}

static const char *column_name(const EvalTable *t, int i, char name[32]) {
    if (i < t->n_k) snprintf(name, 32, "pass@%d", t->k[i]);
    else snprintf(name, 32, "%s@%d", i == t->n_k ? "avg" : "maj", t->samples);
    return name;
}

void eval_table_print(const EvalTable *t, FILE *out) {
    char name[32];
    bool average = strcmp(t->rows[t->n_rows - 1].name, "average") == 0;
    fprintf(out, "%-13s %8s", "", "problems");
    for (int i = 0; i < t->n_k + 2; i++) fprintf(out, "  %-19s", column_name(t, i, name));
    fprintf(out, "  worked  length  cut%s\n", t->rewards ? "   reward" : "");
    for (const EvalRow *row = t->rows; row < t->rows + t->n_rows; row++) {
        fprintf(out, "%-13s %8d", row->name, row->problems);
        for (int i = 0; i < t->n_k + 2; i++) {
            const Estimate *e = &row->column[i];
            fprintf(out, "  %5.3f [%.3f %.3f]", e->mean, e->low, e->high);
        }
        fprintf(out, "  %6.2f  %6.1f  %.2f", row->worked, row->length, row->truncated);
        fprintf(out, t->rewards ? "  %6.3f\n" : "\n", row->reward);
    }
    fprintf(out, "in brackets: 95 %% interval, bootstrap over problems (Clopper-Pearson where all are alike)%s\n",
            average ? "\nwithin each set; all sets have the same weight in the average" : "");
}

cJSON *eval_table_json(const EvalTable *t) {
    cJSON *rows = cJSON_CreateArray();
    char name[32];
    for (const EvalRow *from = t->rows; from < t->rows + t->n_rows; from++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name", from->name);
        cJSON_AddNumberToObject(row, "problems", from->problems);
        for (int i = 0; i < t->n_k + 2; i++) {
            const Estimate *e = &from->column[i];
            cJSON *interval = cJSON_CreateDoubleArray((double[]){e->mean, e->low, e->high}, 3);
            cJSON_AddItemToObject(row, column_name(t, i, name), interval);
        }
        cJSON_AddNumberToObject(row, "worked", from->worked);
        cJSON_AddNumberToObject(row, "length", from->length);
        cJSON_AddNumberToObject(row, "truncated", from->truncated);
        if (t->rewards) cJSON_AddNumberToObject(row, "reward", from->reward);
        cJSON_AddItemToArray(rows, row);
    }
    return rows;
}
