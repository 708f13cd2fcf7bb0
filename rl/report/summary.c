// Optional (report).
#include "rl/report/summary.h"
#include "rl/report/lines.h"
#include <math.h>
#include <string.h>

enum { BINS = 11 }; // of pass_hist: exactly 0, tenths, exactly 1, as in rl/history.h

static double as_printed(double x) {
    char text[32];
    snprintf(text, sizeof text, "%.1f", x);
    return strtod(text, NULL);
}

// A change is the difference of the two numbers as printed, so that the row adds up.
static void print_row(FILE *out, const char *name, const char *unit, double before, double after) {
    if (isnan(before) || isnan(after)) return;
    double change = as_printed(after) - as_printed(before);
    fprintf(out, "  %-38s %8.1f  %8.1f  %+8.1f %s\n", name, before, after, change, unit);
}

// Held-out prompts by pass rate. False if the row has no such table.
static bool pass_rates(const cJSON *row, double prompts[BINS]) {
    const cJSON *hist = json_get(row, "pass_hist");
    double total = 0;
    for (int b = 0; b < BINS; b++) {
        const cJSON *bin = cJSON_IsArray(hist) ? cJSON_GetArrayItem(hist, b) : NULL;
        prompts[b] = cJSON_IsNumber(bin) && bin->valuedouble >= 0 && bin->valuedouble <= 1e9 ? bin->valuedouble : 0;
        total += prompts[b];
    }
    return total > 0;
}

static void print_pass_rates(FILE *out, const cJSON *first, const cJSON *last) {
    static const char *const names[] = {"prompts solved by no sample, %", "prompts solved by some, %",
                                        "prompts solved by every sample, %"};
    double bins[2][BINS], share[2][3] = {{0}}, total[2] = {0};
    if (!pass_rates(first, bins[0]) || !pass_rates(last, bins[1])) return;
    for (int side = 0; side < 2; side++)
        for (int b = 0; b < BINS; b++) {
            share[side][b == 0 ? 0 : b < BINS - 1 ? 1 : 2] += bins[side][b];
            total[side] += bins[side][b];
        }
    for (int i = 0; i < 3; i++)
        print_row(out, names[i], "points", 100 * share[0][i] / total[0], 100 * share[1][i] / total[1]);
    fprintf(out, "  %-38s    0   .1   .2   .3   .4   .5   .6   .7   .8   .9    1\n", "prompts by pass rate");
    for (int side = 0; side < 2; side++) {
        fprintf(out, "  %-38s", side ? "  after" : "  before");
        for (int b = 0; b < BINS; b++) fprintf(out, " %4.0f", bins[side][b]);
        fputc('\n', out);
    }
}

static void print_table(FILE *out, const cJSON *first, const cJSON *last) {
    const cJSON *side[2] = {first, last};
    double pass[2], low[2], high[2], worked[2], length[2];
    for (int s = 0; s < 2; s++) {
        pass[s] = 100 * json_number(side[s], "heldout_pass1");
        low[s] = 100 * json_number(side[s], "heldout_low");
        high[s] = 100 * json_number(side[s], "heldout_high");
        worked[s] = 100 * json_number(side[s], "heldout_worked");
        length[s] = json_number(side[s], "heldout_length");
    }
    fprintf(out, "\nHeld-out prompts, before and after reinforcement learning (steps %.0f and %.0f)\n",
            json_number(first, "step"), json_number(last, "step"));
    fprintf(out, "  %-38s %8s  %8s  %8s\n", "", "before", "after", "change");
    print_row(out, "pass@1", "points", pass[0], pass[1]);
    if (low[0] <= high[0] && low[1] <= high[1])
        fprintf(out, "    %-36s [%.1f %.1f] [%.1f %.1f]\n", "95 % intervals", low[0], high[0], low[1], high[1]);
    print_row(out, "responses that work it out, %", "points", worked[0], worked[1]);
    print_row(out, "response length", "tokens", length[0], length[1]);
    print_pass_rates(out, first, last);
}

bool summary_print(const char *dir, FILE *out, Error *err) {
    Lines lines;
    if (!lines_open(&lines, dir, "metrics.jsonl", err)) return false;
    cJSON *first = NULL, *last = NULL; // evaluations of the RL phase; of equal steps the later line counts
    for (cJSON *row; (row = lines_next(&lines)); cJSON_Delete(row)) {
        const char *phase = json_string(row, "phase", "");
        double step = json_number(row, "step");
        if (strcmp(phase, "rl") != 0 || isnan(step) || isnan(json_number(row, "heldout_pass1"))) continue;
        cJSON **ends[] = {&first, &last};
        for (int e = 0; e < 2; e++) {
            double kept = *ends[e] ? json_number(*ends[e], "step") : step;
            if (e == 0 ? step > kept : step < kept) continue;
            cJSON_Delete(*ends[e]);
            *ends[e] = cJSON_Duplicate(row, true);
        }
    }
    lines_close(&lines);
    if (first && last && json_number(first, "step") < json_number(last, "step")) print_table(out, first, last);
    cJSON_Delete(first);
    cJSON_Delete(last);
    return true;
}
