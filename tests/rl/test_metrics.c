// rl/metrics: after a full disk the next row begins a line; a resumed run keeps the lines of its steps, whatever else
// is in the log, and loses nothing where the log cannot be read or written.
#include "base/files.h"
#include "base/json.h"
#include "rl/metrics.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char folder[64], metrics[80], rollouts[80];

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, P_tmpdir "/test_metrics_XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(metrics, sizeof metrics, "%s/metrics.jsonl", folder);
    snprintf(rollouts, sizeof rollouts, "%s/rollouts.jsonl", folder);
    return 0;
}
static int remove_folder(void **state) {
    (void)state;
    unlink(metrics), unlink(rollouts);
    return rmdir(folder); // fails if a temporary file is left
}

static bool begin(MetricsLog *log, int sft_done, int rl_done, Error *err) {
    return metrics_open(log, folder, sft_done, rl_done, err);
}

static void step(MetricsLog *log, const char *phase, int number) {
    StepMetrics m = metrics_empty(phase, number, 99);
    m.loss = 0.5;
    metrics_write(log, &m, false);
}

static void put(const char *path, const char *text, size_t n) {
    Error err = {""};
    if (!file_replace(path, text, n, &err)) fail_msg("%s", err.text);
}

// The steps of the log, such as "config sft1 rl0 rl1"; "?" for a line that is none.
static const char *content(void) {
    static char text[2000];
    char line[4000];
    size_t used = 0;
    FILE *file = fopen(metrics, "r");
    assert_non_null(file);
    text[0] = 0;
    while (fgets(line, sizeof line, file)) {
        cJSON *row = cJSON_Parse(line);
        const cJSON *number = json_get(row, "step");
        char digits[16] = "";
        if (number) snprintf(digits, sizeof digits, "%d", number->valueint);
        assert_true(used < sizeof text - 50 && !json_get(row, "overwrite"));
        used += (size_t)snprintf(text + used, 40, "%s%s%s", used ? " " : "", json_string(row, "phase", "?"), digits);
        cJSON_Delete(row);
    }
    fclose(file);
    return text;
}

static void a_full_disk_costs_its_rows_alone(void **state) {
    (void)state;
    MetricsLog log = {0};
    Error err = {""};
    struct stat info;
    struct rlimit old, small;
    assert_true(begin(&log, 0, 0, &err));
    step(&log, "rl", 0);
    assert_int_equal(stat(metrics, &info), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    for (rlim_t more = 0; more < 20; more++) { // a half line of any length
        small.rlim_cur = (rlim_t)info.st_size + more;
        setrlimit(RLIMIT_FSIZE, &small);
        step(&log, "rl", 1);
        setrlimit(RLIMIT_FSIZE, &old);
        assert_string_equal(content(), "rl0");
    }
    step(&log, "rl", 2);
    assert_true(metrics_flush(&log, &err));
    signal(SIGXFSZ, SIG_DFL);
    metrics_close(&log);
    assert_string_equal(content(), "rl0 rl2");
}

static void resuming_keeps_the_lines_of_its_steps(void **state) {
    (void)state;
    static const char text[] = "{\"phase\":\"config\"}\n{\"phase\":\"sft\",\"step\":1}\n"
                               "{\"phase\":\"sft\",\"step\":2}\ngarbage\n\n{\"phase\":\"rl\",\"step\":0}\n"
                               "\0\0{\n{\"phase\":\"rl\",\"step\":1}\n"
                               "{\"phase\":\"rl\",\"step\":2}\n{\"phase\":\"rl\",\"st";
    const struct {
        int sft, rl;
        const char *want;
    } cases[] = {{2, 2, "config sft1 sft2 rl0 rl1 rl2"}, {2, 1, "config sft1 sft2 rl0 rl1"}, {2, 0, "config sft1 sft2"},
                 {1, 0, "config sft1"}};
    for (int i = 0; i < 4; i++) {
        MetricsLog log = {0};
        Error err = {""};
        put(metrics, text, sizeof text - 1), put(rollouts, "{\"step\":1}\n{\"step\":9}\n{\"st", 26);
        assert_true(begin(&log, cases[i].sft, cases[i].rl, &err));
        assert_string_equal(content(), cases[i].want);
        step(&log, "rl", 77);
        metrics_close(&log);
        assert_non_null(strstr(content(), " rl77"));
        size_t n;
        char *kept = file_read(rollouts, 100, &n, &err);
        assert_string_equal(kept, cases[i].rl >= 1 ? "{\"step\":1}\n" : "");
        free(kept);
    }
}

// Either log may be missing; the other is not touched by that.
static void a_missing_log_is_no_obstacle(void **state) {
    (void)state;
    MetricsLog log = {0};
    Error err = {""};
    struct stat info;
    put(metrics, "{\"phase\":\"config\"}\n{\"phase\":\"rl\",\"step\":1}\n", 44);
    unlink(rollouts);
    assert_true(begin(&log, 0, 1, &err));
    metrics_close(&log);
    assert_string_equal(content(), "config rl1");
    assert_true(stat(rollouts, &info) == 0 && info.st_size == 0);
    unlink(metrics);
    put(rollouts, "{\"step\":1}\n", 11);
    assert_true(begin(&log, 0, 1, &err));
    metrics_close(&log);
    assert_string_equal(content(), "");
    assert_true(stat(rollouts, &info) == 0 && info.st_size == 11);
}

static void a_log_that_cannot_be_kept_stays(void **state) {
    (void)state;
    MetricsLog log = {0};
    Error err = {""};
    struct rlimit old, small;
    static const char text[] = "{\"phase\":\"config\"}\n{\"phase\":\"rl\",\"step\":1}\n{\"phase\":\"rl\",\"step\":2}\n";
    put(metrics, text, sizeof text - 1), put(rollouts, "", 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 10;
    setrlimit(RLIMIT_FSIZE, &small);
    bool ok = begin(&log, 0, 1, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    assert_true(!ok && strstr(err.text, "metrics.jsonl"));
    assert_string_equal(content(), "config rl1 rl2");
    unlink(metrics), mkdir(metrics, 0777); // reading fails
    assert_false(begin(&log, 0, 1, &err));
    assert_non_null(strstr(err.text, "metrics.jsonl"));
    assert_int_equal(rmdir(metrics), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_costs_its_rows_alone),
        cmocka_unit_test(resuming_keeps_the_lines_of_its_steps),
        cmocka_unit_test(a_missing_log_is_no_obstacle),
        cmocka_unit_test(a_log_that_cannot_be_kept_stays),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
