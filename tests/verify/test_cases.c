// Whole verdicts: the table beside this file, which has every category of answer, the examples of verify/README.md, the
// shared judged cases where DATA_DIR has them, symmetry, and that the comparison can fail.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "verify/extract.h"
#include "verify/score.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const OWN = "tests/verify/own_cases.jsonl";

// Runs a file of cases and returns how many rows disagree; the summary is printed when there are any.
static int disagreements(const char *path, size_t least_rows) {
    char *summary = NULL, err[256] = "";
    size_t len = 0;
    FILE *out = open_memstream(&summary, &len);
    VerifyPolicy policy = verify_policy_evaluation();
    FILE *file = fopen(path, "r");
    assert_true(out && file);
    int status = score_file(file, path, NULL, out, &policy, err, sizeof err);
    fclose(out);
    fclose(file);
    if (status) fail_msg("%s", err);
    int count = 0;
    for (const char *p = summary; (p = strstr(p, "disagree, row")); p++) count++;
    const char *total = strstr(summary, " rows, ");
    assert_non_null(total);
    while (total > summary && total[-1] >= '0' && total[-1] <= '9') total--;
    assert_true((size_t)strtoull(total, NULL, 10) >= least_rows);
    assert_null(strstr(summary, "unreadable"));
    if (count) fputs(summary, stderr);
    free(summary);
    return count;
}

static void own_table(void **state) {
    (void)state;
    assert_int_equal(disagreements(OWN, 500), 0);
}

static void shared_cases(void **state) {
    (void)state;
    const char *folder = getenv("DATA_DIR");
    char path[1024];
    snprintf(path, sizeof path, "%s/verify/cases.jsonl", folder ? folder : "../shared");
    FILE *file = fopen(path, "rb");
    if (!file) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    fclose(file);
    assert_int_equal(disagreements(path, 300), 0);
}

static void a_wrong_expectation_is_seen(void **state) {
    (void)state;
    char path[] = "/tmp/verify_cases_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "wb");
    fputs("{\"gold\": \"3\", \"response\": \"\\\\boxed{4}\", \"expected\": true}\n{\"gold\": \"3\", \"response\": "
          "\"\\\\boxed{3}\", \"expected\": "
          "false}\n",
          file);
    fclose(file);
    assert_int_equal(disagreements(path, 2), 2);
    remove(path);
}

// Kinds of answer whose rules favour neither side.
static bool symmetric(const char *category) {
    static const char *const LIST[] = {"integer",
                                       "decimal",
                                       "fraction",
                                       "mixed_number",
                                       "scientific",
                                       "radical",
                                       "power",
                                       "constant",
                                       "log_trig",
                                       "complex",
                                       "expression",
                                       "matrix",
                                       "interval",
                                       "inequality",
                                       "repeating_decimal",
                                       "factorial_binomial",
                                       "infinity",
                                       "degree",
                                       "plus_minus",
                                       "base_n",
                                       "function_definition",
                                       "rounding_function",
                                       "undefined",
                                       NULL};
    for (int i = 0; LIST[i]; i++)
        if (!strcmp(LIST[i], category)) return true;
    return false;
}

static void swapping_sides_changes_nothing(void **state) {
    (void)state;
    FILE *file = fopen(OWN, "rb");
    assert_non_null(file);
    VerifyPolicy policy = verify_policy_training();
    VerifyScratch *scratch = verify_scratch_new();
    char *line = NULL;
    size_t room = 0, tried = 0;
    while (getline(&line, &room, file) > 0) {
        cJSON *json = cJSON_Parse(line);
        const char *gold = cJSON_GetObjectItem(json, "gold")->valuestring,
                   *response = cJSON_GetObjectItem(json, "response")->valuestring;
        Extract found = extract_answer(response, strlen(response), false);
        if (symmetric(cJSON_GetObjectItem(json, "category")->valuestring) && found.count == 1) {
            char swapped[512];
            int n = snprintf(swapped, sizeof swapped, "\\boxed{%s}", gold);
            VerifyGold *other =
                verify_compile(response + found.part[0].begin, found.part[0].end - found.part[0].begin, &policy);
            bool equal = verify_check(scratch, other, swapped, (size_t)n).verdict == VERIFY_EQUAL;
            if (equal != cJSON_IsTrue(cJSON_GetObjectItem(json, "expected"))) fail_msg("not symmetric: %s", line);
            verify_gold_free(other);
            tried++;
        }
        cJSON_Delete(json);
    }
    assert_true(tried > 150);
    free(line);
    fclose(file);
    verify_scratch_free(scratch);
}

// The next text between backticks in [at, end), or NULL; *at moves past it.
static const char *quoted(const char **at, const char *end, size_t *len) {
    const char *open = memchr(*at, '`', (size_t)(end - *at)),
               *close = open ? memchr(open + 1, '`', (size_t)(end - open - 1)) : NULL;
    if (!close) return NULL;
    *at = close + 1;
    *len = (size_t)(close - open - 1);
    return open + 1;
}

// One table row "| kind | `gold` | `equal` ... | `not equal` ... |": how many examples it has.
static int check_row(VerifyScratch *scratch, const char *line) {
    VerifyPolicy policy = verify_policy_training();
    const char *gold_end = strchr(strchr(line + 2, '|') + 1, '|'), *at = line, *end = line + strlen(line), *answer;
    size_t len = 0;
    const char *text = quoted(&at, gold_end, &len), *equal_end = strchr(gold_end + 1, '|');
    if (!text || !equal_end) fail_msg("README: no four columns in: %s", line);
    VerifyGold *gold = verify_compile(text, len, &policy);
    int count = 0;
    for (at = gold_end; (answer = quoted(&at, end, &len)); count++) {
        char response[256];
        int n = snprintf(response, sizeof response, "\\boxed{%.*s}", (int)len, answer);
        bool equal = verify_check(scratch, gold, response, (size_t)n).verdict == VERIFY_EQUAL;
        if (equal != (answer < equal_end))
            fail_msg("README: %s is %sequal in: %s", response, equal ? "" : "not ", line);
    }
    verify_gold_free(gold);
    return count;
}

static void readme_examples(void **state) {
    (void)state;
    FILE *file = fopen("verify/README.md", "rb");
    assert_non_null(file);
    VerifyScratch *scratch = verify_scratch_new();
    char *line = NULL;
    size_t room = 0;
    bool inside = false;
    int examples = 0;
    while (getline(&line, &room, file) > 0) {
        if (!strncmp(line, "## ", 3)) inside = strstr(line, "by example") != NULL;
        if (inside && line[0] == '|' && strchr(line, '`')) examples += check_row(scratch, line);
    }
    assert_true(examples > 150);
    free(line);
    fclose(file);
    verify_scratch_free(scratch);
}

// The others are judged, and the first that cannot be read is named.
static void unreadable_rows_are_an_error(void **state) {
    (void)state;
    char path[] = P_tmpdir "/test_cases_XXXXXX", err[256] = "";
    FILE *file = fdopen(mkstemp(path), "w+");
    fputs("{\"gold\":\"4\",\"response\":\"\\\\boxed{4}\"}\n{\"gold\":\"4\"}\n[]\n", file);
    rewind(file);
    VerifyPolicy policy = verify_policy_evaluation();
    assert_int_equal(score_file(file, path, NULL, NULL, &policy, err, sizeof err), 1);
    fclose(file);
    assert_non_null(strstr(err, ": 2 of 3 rows could not be read, the first at line 2"));
    remove(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(own_table),
                                       cmocka_unit_test(readme_examples),
                                       cmocka_unit_test(shared_cases),
                                       cmocka_unit_test(a_wrong_expectation_is_seen),
                                       cmocka_unit_test(unreadable_rows_are_an_error),
                                       cmocka_unit_test(swapping_sides_changes_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
