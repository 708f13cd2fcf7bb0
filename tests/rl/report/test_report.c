// rl/report: the page holds what the runs logged; sizes are bounded; the page is replaced whole or stays as it was.
#include "tests/rl/report/page.h"
#include "tests/rl/report/run.h"

static void shows_what_was_logged(void **state) {
    (void)state;
    cJSON *data = RUN_OF(metrics, rollouts);
    static const struct {
        const char *path;
        double value;
    } wanted[] = {
        {"config.parameters", 1234567}, {"config.seed", 7}, {"unreadable", 0}, {"replaced", 1},
        {"sft.step.1", 2}, {"sft.columns.loss.y.0", 2.5}, {"sft.columns.loss.sum", 4},
        {"sft.evaluations.0.heldout_pass1", 0.1}, {"sft.evaluations.0.pass_hist.0", 40},
        {"rl.width", 1}, {"rl.rows", 2}, {"rl.step.0", 0}, {"rl.step.1", 1}, {"rl.columns.reward.y.0", 0.25},
        {"rl.columns.reward.y.1", 0.75}, // the later of the two steps 1
        {"rl.columns.kl_old.y.1", 2e-6}, {"rl.columns.tokens.sum", 1000}, {"rl.columns.tokens.count", 1},
        {"rl.evaluations.0.heldout_low", 0.15}, {"rl.evaluations.1.heldout_pass1", 0.625},
        {"rl.first.0.n_hist.24", 1}, {"rl.last.0.alloc_by_pass.5.1", 32}, {"rl.last.0.verdicts.<b>odd", 3},
        {"rollouts.logged", 3}, {"rollouts.shown", 3}, {"rollouts.groups.0.correct", 1},
        {"rollouts.groups.0.logged", 2}, {"rollouts.groups.0.rollouts.0.advantage", 1.5},
        {"rollouts.groups.0.rollouts.0.tokens.0.1", -0.25}, {"rollouts.groups.0.rollouts.0.tokens.0.5", 1.62},
        {"rollouts.groups.1.step", 1}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_number(at(data, "runs.0"), wanted[i].path, wanted[i].value);
    assert_text(data, "runs.0.config.method", "dynamo");
    assert_true(cJSON_IsNull(at(data, "runs.0.rl.columns.zero_spread.y.0"))); // not logged at step 0
    assert_null(at(data, "runs.0.rl.columns.heldout_pass1")); // evaluations are never averaged over steps
    assert_true(cJSON_IsNull(at(data, "runs.0.rollouts.groups.0.rollouts.0.tokens.1.1")));
    cJSON_Delete(data);
}

static void empty_and_missing_files(void **state) {
    (void)state;
    cJSON *data = run_of("", 0, NULL, 0);
    assert_number(data, "runs.0.rl.rows", 0);
    assert_null(at(data, "runs.0.rollouts"));
    cJSON_Delete(data);
    Error err = {""};
    assert_false(report_write("no/such/folder", &err));
    assert_non_null(strstr(err.text, "no/such/folder/metrics.jsonl"));
    assert_false(report_write("no/such/folder", NULL));
    assert_false(report_write_runs("page.html", NULL, 0, &err));
    assert_false(report_write_runs("page.html", NULL, REPORT_RUNS_MAX + 1, &err));
    assert_non_null(strstr(err.text, "1 to 64 runs"));
}

// 3,000 steps are drawn as at most 600 points; of a thousand groups of rollouts 24 are embedded.
static void long_runs_stay_small(void **state) {
    (void)state;
    char *log = malloc(3000 * 100), *samples = malloc(2000 * 150), *end = log, *tail = samples;
    assert_true(log && samples);
    for (int s = 0; s < 3000; s++)
        end += sprintf(end, "{\"phase\":\"rl\",\"step\":%d,\"reward\":%d,\"ratio_max\":%d,\"heldout_pass1\":0.%04d}\n",
                       s, s % 2, s, s);
    for (int r = 0; r < 2000; r++)
        tail += sprintf(tail, "{\"step\":%d,\"prompt_id\":1,\"reward\":%d,\"tokens\":[{\"text\":\"t\"}]}\n", r / 2,
                        r % 6 == 0);
    cJSON *data = run_of(log, (size_t)(end - log), samples, (size_t)(tail - samples));
    assert_number(data, "runs.0.rl.width", 8);
    assert_int_equal(cJSON_GetArraySize(at(data, "runs.0.rl.step")), 376); // step 0, and 2,999 by eights
    assert_number(data, "runs.0.rl.step.1", 8);
    assert_number(data, "runs.0.rl.columns.reward.y.1", 0.5);  // the mean of alternating 0 and 1
    assert_number(data, "runs.0.rl.columns.ratio_max.y.2", 16); // the largest of eight
    assert_true(cJSON_GetArraySize(at(data, "runs.0.rl.evaluations")) <= 600);
    assert_number(data, "runs.0.rl.evaluations.0.heldout_pass1", 0);
    int last = cJSON_GetArraySize(at(data, "runs.0.rl.evaluations")) - 1;
    assert_number(cJSON_GetArrayItem(at(data, "runs.0.rl.evaluations"), last), "heldout_pass1", 0.2999);
    assert_int_equal(cJSON_GetArraySize(at(data, "runs.0.rollouts.groups")), 24);
    assert_number(data, "runs.0.rollouts.logged", 2000);
    assert_number(data, "runs.0.rollouts.shown", 48);
    for (int g = 0; g < 24; g++) // each with spread
        assert_number(cJSON_GetArrayItem(at(data, "runs.0.rollouts.groups"), g), "correct", 1);
    cJSON_Delete(data);
    free(log), free(samples);
}

static void several_runs_on_one_page(void **state) {
    (void)state;
    Error err = {""};
    const char *dirs[] = {".", ".", "."};
    free(page_of(metrics, sizeof metrics - 1, NULL, 0));
    assert_true(report_write_runs("report.html", dirs, 3, &err));
    char *page = get("report.html");
    cJSON *data = data_of(page);
    assert_int_equal(cJSON_GetArraySize(at(data, "runs")), 3);
    assert_text(data, "runs.2.name", ".");
    assert_number(data, "runs.2.rl.evaluations.1.heldout_pass1", 0.625);
    cJSON_Delete(data);
    free(page);
    dirs[1] = "no/such/folder";
    assert_false(report_write_runs("report.html", dirs, 3, &err));
    assert_non_null(strstr(err.text, "no/such/folder"));
    dirs[1] = ".";
    assert_false(report_write_runs("./metrics.jsonl", dirs, 3, &err)); // would replace a log
    assert_non_null(strstr(err.text, "./metrics.jsonl is a log"));
    assert_false(report_write_runs("rollouts.jsonl", dirs, 3, &err));
    char *log = get("metrics.jsonl");
    assert_string_equal(log, metrics);
    free(log);
}

static void the_same_page_again(void **state) {
    (void)state;
    char *first = page_of(metrics, sizeof metrics - 1, rollouts, sizeof rollouts - 1);
    char *second = page_of(metrics, sizeof metrics - 1, rollouts, sizeof rollouts - 1);
    assert_string_equal(first, second);
    free(first), free(second);
}

static void a_page_that_cannot_be_written(void **state) {
    (void)state;
    char *old = page_of(metrics, sizeof metrics - 1, NULL, 0);
    Error err = {""};
    assert_int_equal(mkdir("report.html.tmp", 0700), 0); // the temporary name is taken by a folder
    assert_false(report_write(".", &err));
    assert_non_null(strstr(err.text, "report.html.tmp"));
    char *still = get("report.html");
    assert_string_equal(old, still);
    assert_int_equal(rmdir("report.html.tmp"), 0);

    assert_int_equal(remove("report.html"), 0);
    assert_int_equal(mkdir("report.html", 0700), 0); // the name of the page is taken by a folder
    assert_false(report_write(".", &err));
    assert_non_null(strstr(err.text, "report.html"));
    assert_int_not_equal(access("report.html.tmp", F_OK), 0);
    assert_int_equal(rmdir("report.html"), 0);
    free(old), free(still);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(shows_what_was_logged),
        IN_FOLDER(empty_and_missing_files),
        IN_FOLDER(long_runs_stay_small),
        IN_FOLDER(several_runs_on_one_page),
        IN_FOLDER(the_same_page_again),
        IN_FOLDER(a_page_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
