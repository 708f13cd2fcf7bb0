// From log lines to columns. Rows are sorted by phase and step, and of equal ones the last in the file wins: a run
// resumed from a checkpoint logs the steps after it a second time.
#include "rl/report_log.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "rl/report_lines.h"

static const char *const field_names[FIELDS] = {
    [LOSS] = "loss",
    [LEARNING_RATE] = "lr",
    [REWARD] = "reward",
    [HELDOUT] = "heldout_pass1",
    [HELDOUT_LOW] = "heldout_low",
    [HELDOUT_HIGH] = "heldout_high",
    [HELDOUT_WORKED] = "heldout_worked",
    [HELDOUT_LENGTH] = "heldout_length",
    [ENTROPY] = "entropy",
    [KL_OLD] = "kl_old",
    [RATIO_MAX] = "ratio_max",
    [LOGPROB_DIFF_MAX] = "logprob_diff_max",
    [GRAD_NORM] = "grad_norm",
    [CLIP_FRAC] = "clip_frac",
    [ZERO_SPREAD] = "zero_spread",
    [B_COMP_MEAN] = "b_comp_mean",
    [B_COMP_LOW] = "b_comp_low",
    [B_STAB_MEAN] = "b_stab_mean",
    [B_STAB_LOW] = "b_stab_low",
    [RESPONSE_LENGTH] = "response_length",
    [WORKED] = "worked",
    [TRUNCATED] = "truncated",
    [TOKENS] = "tokens",
    [TOKENS_PER_S] = "tokens_per_s",
    [SEC_GENERATE] = "sec_generate",
    [SEC_VERIFY] = "sec_verify",
    [SEC_UPDATE] = "sec_update",
    [SEC_OTHER] = "sec_other",
    [SEC_TOTAL] = "sec_total",
    [SKIPPED] = "skipped",
};
static const char *const detail_names[] = {"n_hist", "alloc_by_pass", "pass_hist", "verdicts"};

typedef struct Row {
    bool rl;
    double step;
    size_t order; // in the file
    double value[FIELDS];
    cJSON *detail;
} Row;

typedef struct Rows {
    Row *row;
    size_t count, capacity;
} Rows;

static bool is_maximum(Field f) { return f == RATIO_MAX || f == LOGPROB_DIFF_MAX; }

static void row_fill(Row *row, cJSON *object) {
    for (int f = 0; f < FIELDS; f++) row->value[f] = json_number(object, field_names[f]);
    if (isnan(row->value[REWARD])) row->value[REWARD] = json_number(object, "pass_rate");
    const double total = row->value[SEC_TOTAL];
    if (!row->rl && isnan(row->value[SEC_UPDATE])) row->value[SEC_UPDATE] = total; // all that a warm-up step does
    double phases = 0;
    for (Field f = SEC_GENERATE; f <= SEC_UPDATE; f++) phases += isnan(row->value[f]) ? 0 : row->value[f];
    if (isnan(row->value[SEC_OTHER]) && !isnan(total)) row->value[SEC_OTHER] = fmax(0, total - phases);

    row->detail = cJSON_CreateObject();
    for (size_t i = 0; row->detail && i < sizeof detail_names / sizeof *detail_names; i++) {
        cJSON *item = cJSON_DetachItemFromObjectCaseSensitive(object, detail_names[i]);
        if (item && !cJSON_AddItemToObject(row->detail, detail_names[i], item)) cJSON_Delete(item);
    }
}

// Takes one line. Counts it as unreadable where it is neither a config nor a step.
static bool rows_take(Rows *rows, Run *run, cJSON *object, Error *err) {
    const char *phase = report_json_string(object, "phase");
    const double step = json_number(object, "step");
    if (phase && strcmp(phase, "config") == 0) {
        if (!run->config) run->config = cJSON_Duplicate(object, true);
        return true;
    }
    const bool rl = phase && strcmp(phase, "rl") == 0;
    if (!(rl || (phase && strcmp(phase, "sft") == 0)) || !(step >= 0 && step <= 1e9)) {
        run->unreadable++;
        return true;
    }
    if (rows->count == rows->capacity) {
        const size_t capacity = rows->capacity ? 2 * rows->capacity : 256;
        Row *grown = realloc(rows->row, capacity * sizeof *grown);
        if (!grown) return fail(err, "metrics.jsonl: out of memory after %zu steps", rows->count);
        rows->row = grown, rows->capacity = capacity;
    }
    Row *row = &rows->row[rows->count];
    *row = (Row){.rl = rl, .step = step, .order = rows->count};
    row_fill(row, object);
    rows->count++;
    return true;
}

static int row_order(const void *a, const void *b) {
    const Row *x = a, *y = b;
    if (x->rl != y->rl) return x->rl - y->rl;
    if (x->step != y->step) return x->step < y->step ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static void rows_free(Rows *rows) {
    for (size_t i = 0; i < rows->count; i++) cJSON_Delete(rows->row[i].detail);
    free(rows->row);
}

static bool run_allocate(Run *run, size_t rows, Error *err) {
    run->step = malloc((rows + 1) * sizeof(double));
    bool done = run->step != NULL;
    for (int f = 0; f < FIELDS; f++) done &= (run->column[f] = malloc((rows + 1) * sizeof(double))) != NULL;
    return done || fail(err, "metrics.jsonl: out of memory for %zu rows", rows);
}

static bool run_fill(Run *run, Rows *rows, Error *err) {
    if (rows->count) qsort(rows->row, rows->count, sizeof *rows->row, row_order);
    run->detail = calloc(rows->count + 1, sizeof(cJSON *));
    if (!run->detail || !run_allocate(run, rows->count, err)) return fail(err, "metrics.jsonl: out of memory");
    for (size_t i = 0; i < rows->count; i++) {
        Row *row = &rows->row[i], *next = i + 1 < rows->count ? row + 1 : NULL;
        if (next && next->rl == row->rl && next->step == row->step) {
            run->replaced++;
            continue;
        }
        const size_t at = run->rows++;
        run->sft += !row->rl;
        run->step[at] = row->step;
        for (int f = 0; f < FIELDS; f++) run->column[f][at] = row->value[f];
        run->detail[at] = row->detail;
        row->detail = NULL;
    }
    return true;
}

bool run_read(Run *run, const char *dir, Error *err) {
    *run = (Run){.width = {1, 1}};
    Lines lines;
    if (!lines_open(&lines, dir, "metrics.jsonl", err)) return false;
    Rows rows = {0};
    bool done = true;
    for (cJSON *object; done && (object = lines_next(&lines)) != NULL; cJSON_Delete(object))
        done = rows_take(&rows, run, object, err);
    run->unreadable += lines.unreadable;
    run->cut_off = lines.cut_off;
    lines_close(&lines);
    done = done && run_fill(run, &rows, err);
    rows_free(&rows);
    if (!done) run_free(run);
    return done;
}

static double pooled(const double *value, size_t count, bool maximum) {
    double sum = 0, largest = -INFINITY;
    size_t present = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(value[i])) continue;
        sum += value[i];
        largest = fmax(largest, value[i]);
        present++;
    }
    return present == 0 ? NAN : maximum ? largest : sum / (double)present;
}

static void thin_phase(Run *thin, const Run *run, size_t begin, size_t end, size_t width) {
    for (size_t at = begin; at < end; at += width) {
        const size_t count = end - at < width ? end - at : width, row = thin->rows++;
        thin->step[row] = run->step[at + count - 1];
        for (int f = 0; f < FIELDS; f++) thin->column[f][row] = pooled(run->column[f] + at, count, is_maximum(f));
    }
}

bool run_thin(Run *thin, const Run *run, size_t rows_max, Error *err) {
    const size_t rows[2] = {run->sft, run->rows - run->sft};
    *thin = (Run){0};
    for (int rl = 0; rl < 2; rl++) thin->width[rl] = rows[rl] <= rows_max ? 1 : (rows[rl] + rows_max - 1) / rows_max;
    if (!run_allocate(thin, run->rows, err)) {
        run_free(thin);
        return false;
    }
    thin_phase(thin, run, 0, run->sft, thin->width[0]);
    thin->sft = thin->rows;
    thin_phase(thin, run, run->sft, run->rows, thin->width[1]);
    return true;
}

void run_free(Run *run) {
    for (size_t i = 0; run->detail && i < run->rows; i++) cJSON_Delete(run->detail[i]);
    free(run->detail);
    free(run->step);
    for (int f = 0; f < FIELDS; f++) free(run->column[f]);
    cJSON_Delete(run->config);
    *run = (Run){0};
}
