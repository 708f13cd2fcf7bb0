#include "rl/summary.h"
#include "rl/report_log.h"
#include <math.h>

// Shares of the held-out prompts that no sample, some samples and every sample solved, in percent.
static bool solved_shares(const cJSON *detail, double share[3]) {
    const cJSON *hist = cJSON_GetObjectItemCaseSensitive(detail, "pass_hist"), *bin;
    double total = 0;
    int i = 0;
    share[0] = share[1] = share[2] = 0;
    cJSON_ArrayForEach(bin, hist) {
        share[i == 0 ? 0 : i < 10 ? 1 : 2] += bin->valuedouble;
        total += bin->valuedouble;
        i++;
    }
    for (int s = 0; s < 3; s++) share[s] *= total > 0 ? 100 / total : 0;
    return total > 0;
}

static void print_row(FILE *out, const char *name, const char *unit, double before, double after) {
    if (isnan(before) || isnan(after)) return;
    fprintf(out, "  %-38s %8.1f  %8.1f  %+8.1f %s\n", name, before, after, after - before, unit);
}

// How the prompts spread over pass rates: what allocation lives on. Bins as in rl/history.h: exactly 0, tenths, exactly 1.
static void print_spread(FILE *out, const char *name, const cJSON *detail) {
    const cJSON *bin;
    fprintf(out, "  %-38s", name);
    cJSON_ArrayForEach(bin, cJSON_GetObjectItemCaseSensitive(detail, "pass_hist")) fprintf(out, " %4d", bin->valueint);
    fputc('\n', out);
}

static void print_table(FILE *out, const Run *run, size_t first, size_t last) {
    double solved[2][3];
    fprintf(out, "\nHeld-out prompts, before and after reinforcement learning (steps %.0f and %.0f)\n", run->step[first], run->step[last]);
    fprintf(out, "  %-38s %8s  %8s  %8s\n", "", "before", "after", "change");
    print_row(out, "pass@1", "points", 100 * run->column[HELDOUT][first], 100 * run->column[HELDOUT][last]);
    fprintf(out, "    95 %% intervals                       [%.1f %.1f] [%.1f %.1f]\n", 100 * run->column[HELDOUT_LOW][first],
            100 * run->column[HELDOUT_HIGH][first], 100 * run->column[HELDOUT_LOW][last], 100 * run->column[HELDOUT_HIGH][last]);
    print_row(out, "responses that work it out, %", "points", 100 * run->column[HELDOUT_WORKED][first], 100 * run->column[HELDOUT_WORKED][last]);
    print_row(out, "response length", "tokens", run->column[HELDOUT_LENGTH][first], run->column[HELDOUT_LENGTH][last]);
    if (!solved_shares(run->detail[first], solved[0]) || !solved_shares(run->detail[last], solved[1])) return;
    print_row(out, "prompts solved by no sample, %", "points", solved[0][0], solved[1][0]);
    print_row(out, "prompts solved by some, %", "points", solved[0][1], solved[1][1]);
    print_row(out, "prompts solved by every sample, %", "points", solved[0][2], solved[1][2]);
    fprintf(out, "  %-38s    0   .1   .2   .3   .4   .5   .6   .7   .8   .9    1\n", "prompts by pass rate");
    print_spread(out, "  before", run->detail[first]);
    print_spread(out, "  after", run->detail[last]);
}

bool summary_print(const char *dir, FILE *out, Error *err) {
    Run run;
    if (!run_read(&run, dir, err)) return false;
    size_t first = run.rows, last = run.rows;
    for (size_t row = run.sft; row < run.rows; row++)
        if (!isnan(run.column[HELDOUT][row])) first = first == run.rows ? row : first, last = row;
    if (first != last) print_table(out, &run, first, last);
    run_free(&run);
    return true;
}
