// Sums of the tables over a window of steps, as bars. Tables are as hostile as any other part of the log: every entry
// is checked to be a finite number that is not negative, every other one is nothing.
#include "rl/report_allocation.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "rl/report_bars.h"
#include "rl/report_lines.h"
#include "rl/report_text.h"

enum { BINS = 11, ROLLOUTS_MAX = 4096, VERDICTS = 16 };

static double amount(const cJSON *item) {
    return cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble <= 1e15 ? item->valuedouble : 0;
}

static const cJSON *table(const Run *run, size_t row, const char *name) {
    return cJSON_GetObjectItemCaseSensitive(run->detail[row], name);
}

// First row of the last RECENT_STEPS of RL that have the table; *steps their number.
static size_t recent(const Run *run, const char *name, int *steps) {
    size_t row = run->rows;
    *steps = 0;
    while (row > run->sft && *steps < RECENT_STEPS) *steps += table(run, --row, name) != NULL;
    return row;
}

static void bins_by_pass(Bars *bars) {
    bars->bins = BINS;
    bars->x_name = "pass rate of the prompt";
    for (int b = 0; b < BINS; b++)
        snprintf(bars->label[b], sizeof bars->label[b], b % 10 ? "0.%d" : "%d", b % 10 ? b : b / 10);
}

static bool write_by_pass(FILE *out, const Run *run) {
    double prompts[BINS] = {0}, rollouts[BINS] = {0}, all_prompts = 0, all_rollouts = 0;
    char caption[160];
    int steps;
    for (size_t row = recent(run, "alloc_by_pass", &steps); row < run->rows; row++)
        for (int b = 0; b < BINS; b++) {
            const cJSON *bin = cJSON_GetArrayItem(table(run, row, "alloc_by_pass"), b);
            prompts[b] += amount(cJSON_GetArrayItem(bin, 0));
            rollouts[b] += amount(cJSON_GetArrayItem(bin, 1));
        }
    Bars bars = {.title = "Rollouts by pass rate",
                 .unit = "rollouts per prompt, mean",
                 .caption = caption,
                 .series = 1,
                 .name = {"allocated"},
                 .weight_name = "prompts",
                 .reference_name = "uniform"};
    bins_by_pass(&bars);
    for (int b = 0; b < BINS; b++) {
        bars.value[0][b] = prompts[b] > 0 ? rollouts[b] / prompts[b] : NAN;
        bars.weight[0][b] = prompts[b];
        all_prompts += prompts[b];
        all_rollouts += rollouts[b];
    }
    bars.reference = all_prompts > 0 ? all_rollouts / all_prompts : NAN;
    snprintf(caption, sizeof caption, "By the pass rate in the prompt's history, last %d step%s.", steps,
             steps == 1 ? "" : "s");
    return bars_write(out, &bars);
}

static bool write_rollouts_per_prompt(FILE *out, const Run *run) {
    double *prompts = calloc(ROLLOUTS_MAX + 1, sizeof *prompts), all = 0;
    int low = ROLLOUTS_MAX, high = 0, steps;
    if (!prompts) return false;
    for (size_t row = recent(run, "n_hist", &steps); row < run->rows; row++) {
        const cJSON *entry;
        cJSON_ArrayForEach(entry, table(run, row, "n_hist")) {
            char *end = NULL;
            const long n = entry->string ? strtol(entry->string, &end, 10) : -1;
            if (n < 0 || n > ROLLOUTS_MAX || end == entry->string || *end || amount(entry) == 0) continue;
            prompts[n] += amount(entry), all += amount(entry);
            low = n < low ? (int)n : low, high = n > high ? (int)n : high;
        }
    }
    char caption[160];
    Bars bars = {.title = "Rollouts per prompt",
                 .unit = "prompts",
                 .x_name = "rollouts n",
                 .caption = caption,
                 .percent = true,
                 .series = 1,
                 .name = {"prompts"},
                 .reference = NAN,
                 .weight_name = "prompts"};
    const int width = high < low ? 1 : (high - low) / BARS_MAX + 1; // rollout counts a bar holds
    for (int n = low; n <= high; n++) {
        const int b = (n - low) / width;
        if ((n - low) % width == 0) snprintf(bars.label[b], sizeof bars.label[b], "%d", n);
        bars.bins = b + 1;
        bars.weight[0][b] += prompts[n];
        bars.value[0][b] += prompts[n] / all;
    }
    snprintf(caption, sizeof caption, "Prompts by the number of rollouts they got, last %d step%s%s.", steps,
             steps == 1 ? "" : "s", width > 1 ? "; a bar spans several counts" : "");
    free(prompts);
    return bars_write(out, &bars);
}

// Fills series s from the row's pass_hist as shares; returns the share strictly between 0 and 1.
static double take_pass_rates(Bars *bars, const Run *run, size_t row, int s) {
    double all = 0, inside = 0;
    for (int b = 0; b < BINS; b++) {
        bars->weight[s][b] = amount(cJSON_GetArrayItem(table(run, row, "pass_hist"), b));
        all += bars->weight[s][b];
        if (b > 0 && b < BINS - 1) inside += bars->weight[s][b];
    }
    for (int b = 0; b < BINS; b++) bars->value[s][b] = all > 0 ? bars->weight[s][b] / all : NAN;
    return inside / all;
}

static bool write_pass_rates(FILE *out, const Run *run) {
    size_t first = run->rows, last = run->rows; // the warm-up's last table, or RL's first; and RL's last
    for (size_t row = 0; row < run->rows; row++) {
        if (!table(run, row, "pass_hist")) continue;
        if (row < run->sft || first == run->rows) first = row;
        last = row;
    }
    if (first == run->rows) return false;
    char caption[240];
    Bars bars = {.title = "Prompts by pass rate",
                 .unit = "held-out prompts",
                 .caption = caption,
                 .percent = true,
                 .series = 1,
                 .name = {run->sft ? "after the warm-up" : "at the start", "last measured"},
                 .weight_name = "prompts",
                 .reference = NAN};
    bins_by_pass(&bars);
    const double before = take_pass_rates(&bars, run, first, 0);
    int length = snprintf(caption, sizeof caption,
                          "Held-out prompts. Allocation lives on those strictly between 0 and 1: %.1f&nbsp;%% %s",
                          100 * before, bars.name[0]);
    if (last != first) {
        bars.series = 2;
        const double after = take_pass_rates(&bars, run, last, 1);
        length += snprintf(caption + length, sizeof caption - (size_t)length, ", %.1f&nbsp;%% at step %.0f",
                           100 * after, run->step[last]);
    }
    snprintf(caption + length, sizeof caption - (size_t)length, ".");
    return bars_write(out, &bars);
}

void allocation_write(FILE *out, const Run *run) {
    bool any = false;
    for (size_t row = 0; row < run->rows; row++)
        any |= table(run, row, "alloc_by_pass") || table(run, row, "n_hist") || table(run, row, "pass_hist");
    if (!any) return;
    fputs("<h2>Rollout allocation</h2><p class=lead>Prompts whose outcome is uncertain get more of the same budget.</p>"
          "<div class=figures>\n",
          out);
    write_by_pass(out, run);
    write_rollouts_per_prompt(out, run);
    write_pass_rates(out, run);
    fputs("</div>\n", out);
}

typedef struct Verdict {
    const char *name; // owned by the log
    double count[2];  // first steps, last steps
} Verdict;

static void take_verdicts(Verdict *verdict, int *verdicts, double *all, const cJSON *tally, int when) {
    const cJSON *entry;
    cJSON_ArrayForEach(entry, tally) {
        int v = 0;
        while (entry->string && v < *verdicts && strcmp(verdict[v].name, entry->string) != 0) v++;
        if (!entry->string || v == VERDICTS) continue;
        if (v == *verdicts) verdict[(*verdicts)++] = (Verdict){.name = entry->string};
        verdict[v].count[when] += amount(entry);
        all[when] += amount(entry);
    }
}

static int by_share_at_the_end(const void *a, const void *b) {
    const Verdict *x = a, *y = b;
    if (x->count[1] != y->count[1]) return x->count[1] < y->count[1] ? 1 : -1;
    return strcmp(x->name, y->name);
}

void verdicts_write(FILE *out, const Run *run) {
    Verdict verdict[VERDICTS];
    double all[2] = {0};
    int verdicts = 0, steps;
    const size_t late = recent(run, "verdicts", &steps);
    for (size_t row = run->sft, used = 0; row < run->rows && used < RECENT_STEPS; row++) {
        used += table(run, row, "verdicts") != NULL;
        take_verdicts(verdict, &verdicts, all, table(run, row, "verdicts"), 0);
    }
    for (size_t row = late; row < run->rows; row++)
        take_verdicts(verdict, &verdicts, all, table(run, row, "verdicts"), 1);
    if (verdicts == 0 || !(all[0] + all[1] > 0)) return;
    qsort(verdict, (size_t)verdicts, sizeof *verdict, by_share_at_the_end);
    fputs("<figure><h3>Verdicts</h3><p class=legend></p><table><tr><th>verdict</th><th>first</th><th>last</th></tr>",
          out);
    for (int v = 0; v < verdicts; v++) {
        fputs("<tr><td>", out);
        text_html(out, verdict[v].name, 80);
        for (int when = 0; when < 2; when++) {
            fputs("</td><td>", out);
            text_percent(out, verdict[v].count[when] / all[when]);
        }
        fputs("</td></tr>", out);
    }
    fprintf(
        out,
        "</table><figcaption>Share of rollouts in the first and the last %d RL steps that logged verdicts.</figcaption>"
        "</figure>\n",
        steps);
}
