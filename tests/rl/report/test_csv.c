// rl/report/csv: each run's rows in its own order, empty where there is no number; names that need it are quoted.
#include "rl/report/csv.h"
#include "base/files.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], a[80], b[80], log_a[120], log_b[120];

static int make_folders(void **state) {
    (void)state;
    Error err;
    static const char rows_a[] = "{\"phase\":\"sft\",\"step\":1,\"global_step\":1,\"loss\":2.5}\n"
                                 "{\"phase\":\"rl\",\"step\":1,\"global_step\":2,\"reward\":0.1,\"loss\":-0.125}\n"
                                 "{\"phase\":\"rl\",\"step\":2,\"global_step\":3,\"skipped\":0}\n"
                                 "{\"phase\":\"rl\",\"st";
    static const char rows_b[] = "{\"phase\":\"rl\",\"step\":1,\"reward\":1e999}\n"
                                 "{\"phase\":\"rl\",\"step\":2,\"reward\":1}\n";
    snprintf(folder, sizeof folder, P_tmpdir "/test_csv_XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(a, sizeof a, "%s/a", folder), snprintf(b, sizeof b, "%s/b,\"c", folder);
    snprintf(log_a, sizeof log_a, "%s/metrics.jsonl", a), snprintf(log_b, sizeof log_b, "%s/metrics.jsonl", b);
    return mkdir(a, 0777) || mkdir(b, 0777) || !file_replace(log_a, rows_a, sizeof rows_a - 1, &err) ||
           !file_replace(log_b, rows_b, sizeof rows_b - 1, &err);
}
static int remove_folders(void **state) {
    (void)state;
    return unlink(log_a) || unlink(log_b) || rmdir(a) || rmdir(b) || rmdir(folder);
}

static bool csv(const char *names, int runs, char *text, size_t size, Error *err) {
    memset(text, 0, size);
    FILE *out = fmemopen(text, size, "w");
    bool ok = report_csv(out, names, (const char *const[]){a, b}, runs, err);
    fclose(out);
    return ok;
}

static void test_table(void **state) {
    (void)state;
    char text[1000], want[1000];
    Error err = {""};
    if (!csv("reward,loss", 2, text, sizeof text, &err)) fail_msg("%s", err.text);
    snprintf(want, sizeof want, "run,phase,step,global_step,reward,loss\n%s,sft,1,1,,2.5\n%s,rl,1,2,0.1,-0.125\n"
             "\"%s/b,\"\"c\",rl,2,,1,\n", a, a, folder);
    assert_string_equal(text, want);
}

static void test_refusals(void **state) {
    (void)state;
    char text[1000];
    Error err = {""};
    assert_false(csv("reward,rewrad", 1, text, sizeof text, &err));
    assert_non_null(strstr(err.text, "rewrad"));
    assert_false(csv("", 1, text, sizeof text, &err));
    assert_false(csv("reward,,loss", 1, text, sizeof text, &err));
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_false(report_csv(out, "loss", (const char *const[]){folder}, 1, &err));
    assert_non_null(strstr(err.text, "metrics.jsonl"));
    fclose(out);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
