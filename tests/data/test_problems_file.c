// The file loader on good and on hostile files, and on the real data sets where DATA_DIR (default ../shared) has them.
#include "data/problems.h"
#include "data/random.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

typedef struct Loaded {
    bool good;
    ProblemSet set;
    ProblemReport report;
    Error err;
} Loaded;

static void load(Loaded *loaded, const char *text, size_t size, const char *settings, bool strict) {
    char path[] = P_tmpdir "/test_problems_XXXXXX", source[200];
    int handle = mkstemp(path);
    assert_true(handle >= 0);
    assert_int_equal(write(handle, text, size), size);
    close(handle);
    snprintf(source, sizeof source, "%s%s", path, settings);
    *loaded = (Loaded){0};
    loaded->good = problems_from_file(source, strict, &loaded->set, &loaded->report, &loaded->err);
    unlink(path);
}

static void load_text(Loaded *loaded, const char *text, const char *settings) {
    load(loaded, text, strlen(text), settings, false);
}

static void assert_only(const char *text, const char *settings, const char *prompt, const char *gold) {
    Loaded loaded;
    load_text(&loaded, text, settings);
    if (!loaded.good) fail_msg("%s", loaded.err.text);
    assert_int_equal(loaded.set.count, 1);
    assert_string_equal(loaded.set.problems[0].prompt, prompt);
    assert_string_equal(loaded.set.problems[0].gold, gold);
    assert_null(loaded.set.problems[0].task);
    problems_free(&loaded.set);
}

static void test_file_fields(void **state) {
    (void)state;
    assert_only("{\"question\":\"q\",\"answer\":\"a\"}", "", "q", "a");
    assert_only("{\"problem\":\"p\",\"gold\":12}\n", "", "p", "12");
    assert_only("{\"prompt\":\"p\",\"ground_truth\":27.0}\r\n", "", "p", "27");
    assert_only("{\"input\":\"i\",\"target\":-0.1}", "", "i", "-0.1");
    assert_only("{\"input\":\"i\",\"target\":1e15}", "", "i", "1000000000000000");
    assert_only("{\"problem\":\"p\",\"question\":\"q\",\"answer\":[\"$x$\",\"y\"]}", "", "q", "$x$");
    assert_only("{\"Body\":\"b\",\"Question\":\"q?\",\"Answer\":3}", ":question=Body+Question,answer=Answer", "b q?",
                "3");
    assert_only("{\"q\":\"\\u00e9\\n\",\"a\":\" x \"}", ":answer=a,question=q", "\xc3\xa9\n", " x ");
    assert_only(
        "{\"prompt\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"u\"}],\"gold\":1}", "",
        "u", "1");
    assert_only("{\"prompt\":\"[{\\\"role\\\": \\\"user\\\", \\\"content\\\": \\\"u\\\"}]\",\"gold\":1}", "", "u", "1");
    assert_only("\xef\xbb\xbf[{\"question\":\"q\",\"answer\":\"a\"}]", "", "q", "a");
}

static void test_file_rules(void **state) {
    (void)state;
    assert_only("{\"question\":\"q\",\"answer\":\"#### 1\\n#### 1,234\"}", ":rule=gsm8k", "q", "1234");
    assert_only("{\"question\":\"q\",\"answer\":\"x\\n#### -0.5 \"}", ":rule=gsm8k", "q", "-0.5");
    assert_only("{\"problem\":\"q\",\"solution\":\"\\\\boxed{1} so \\\\boxed{\\\\frac{1}{2}}.\"}",
                ":answer=solution,rule=boxed", "q", "\\frac{1}{2}");
    static const char *const bad[][2] = {
        {"{\"question\":\"q\",\"answer\":\"no mark\"}", ":rule=gsm8k"},
        {"{\"question\":\"q\",\"answer\":\"#### twelve\"}", ":rule=gsm8k"},
        {"{\"question\":\"q\",\"answer\":\"#### \"}", ":rule=gsm8k"},
        {"{\"question\":\"q\",\"answer\":\"#### 1.2.3\"}", ":rule=gsm8k"},
        {"{\"question\":\"q\",\"answer\":\"work\\n#### 12\"}", ""}, // a whole solution would be taken for the gold
        {"{\"question\":\"q\",\"answer\":\"\\\\boxed{1\"}", ":rule=boxed"},
        {"{\"question\":\"q\",\"answer\":\"\\\\boxed{}\"}", ":rule=boxed"},
        {"{\"question\":\"q\",\"answer\":\"none\"}", ":rule=boxed"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Loaded loaded;
        load_text(&loaded, bad[i][0], bad[i][1]);
        if (loaded.good || loaded.report.bad != 1) fail_msg("accepted %s", bad[i][0]);
    }
}

static const char *const mixed = "{\"question\":\"q1\",\"answer\":\"1\"}\n"
                                 "\n"
                                 "{\"question\":\"q2\",\"answer\":null}\n"
                                 "{\"question\":\"q3\"\n"
                                 "{\"question\":\"q1\",\"answer\":\"2\"}\n"
                                 "{\"question\":\" \",\"answer\":\"2\"}\n"
                                 "[1,2]\n"
                                 "{\"question\":\"q4\",\"answer\":\"4\"} tail\n"
                                 "{\"question\":\"q5\",\"answer\":\"x\\u0000y\"}\n"
                                 "{\"question\":\"q6\",\"answer\":9007199254740993}\n"
                                 "{\"question\":\"q7\",\"answer\":{\"a\":1}}\n"
                                 "{\"question\":\"q8\",\"answer\":[[1]]}\n"
                                 "{\"question\":\"q9\",\"answer\":[]}\n"
                                 "{\"question\":\"q10\",\"answer\":\"10\"}";

static void test_bad_rows_are_listed(void **state) {
    (void)state;
    static const int lines[] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
    Loaded loaded;
    load_text(&loaded, mixed, "");
    assert_true(loaded.good);
    assert_int_equal(loaded.report.rows, 13);
    assert_int_equal(loaded.report.kept, 2);
    assert_int_equal(loaded.report.bad, 10);
    assert_int_equal(loaded.report.duplicates, 1);
    assert_int_equal(loaded.report.listed, 11);
    for (int i = 0; i < 11; i++) assert_int_equal(loaded.report.row[i].line, lines[i]);
    assert_string_equal(loaded.set.problems[0].gold, "1"); // the first of the two
    assert_int_equal(loaded.set.problems[1].line, 14);
    problems_free(&loaded.set);
    load(&loaded, mixed, strlen(mixed), "", true);
    assert_false(loaded.good);
    assert_non_null(strstr(loaded.err.text, ":3: no answer"));
    assert_int_equal(loaded.set.count, 0);
}

static void test_broken_files(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "\n\n",
                                      "[",
                                      "[]",
                                      "[{\"question\":\"q\",\"answer\":1}",
                                      "[{\"question\":\"q\",\"answer\":1},]",
                                      "[{\"question\":\"q\",\"answer\":1}]x",
                                      "[{\"question\":\"q\",\"answer\":1} {}]",
                                      "[,]",
                                      "{",
                                      "\"x\"",
                                      "{\"question\":\"q\",\"answer\":1}{\"question\":\"q\",\"answer\":1}",
                                      "\xff\xfe"};
    Loaded loaded;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        load_text(&loaded, bad[i], "");
        if (loaded.good) fail_msg("accepted %s", bad[i]);
        assert_true(loaded.err.text[0] != 0 && loaded.set.count == 0);
    }
    load_text(&loaded,
              "[\n {\"question\":\"q\",\"answer\":1},\n {\"question\":\"r\"},\n {\"question\":\"s\",\"answer\":2\n",
              "");
    assert_false(loaded.good);
    assert_non_null(strstr(loaded.err.text, ":4: broken JSON array"));
    load(&loaded, "{\"question\":\"q\0r\",\"answer\":1}", 29, "", false);
    assert_false(loaded.good);
    size_t size = 200000; // deep nesting
    char *deep = malloc(size);
    memset(deep, '[', size);
    load(&loaded, deep, size, "", false);
    assert_false(loaded.good);
    free(deep);
}

// Every cut and many one-byte edits of a good file: an error or a set, never a crash (run under sanitizers).
static void test_damaged_files(void **state) {
    (void)state;
    const char *text = "[{\"question\":\"[{\\\"role\\\":\\\"user\\\"}]\",\"answer\":[1.5]},{\"question\":\"q\","
                       "\"answer\":\"\\\\boxed{{1}}\"}]";
    size_t size = strlen(text);
    Random random = random_keyed(1, 1, 1);
    for (size_t i = 0; i < 4 * size; i++) {
        char bytes[200];
        Loaded loaded;
        memcpy(bytes, text, size);
        if (i >= size) bytes[random_range(&random, 0, (int)size - 1)] = (char)random_next(&random);
        load(&loaded, bytes, i < size ? i : size, i % 2 ? ":rule=boxed" : "", false);
        problems_free(&loaded.set);
    }
}

static void test_sources(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      ":question=q",
                                      "no/such/file.jsonl",
                                      "f:question=",
                                      "f:answer=a,color=blue",
                                      "f:rule=math",
                                      "f:question=a,",
                                      "tests"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ProblemSet set;
        Error err = {0};
        if (problems_from_file(bad[i], false, &set, NULL, &err)) fail_msg("accepted %s", bad[i]);
        assert_true(err.text[0] != 0);
    }
}

static void test_real_files(void **state) {
    (void)state;
    static const struct {
        const char *source;
        int rows, bad, duplicates;
    } files[] = {
        {"gsm8k/train.jsonl:rule=gsm8k", 7473, 0, 0},
        {"gsm8k/test.jsonl:rule=gsm8k", 1319, 0, 0},
        {"math/train.json", 7474, 4, 0}, // two golds are null, two are empty
        {"math/math500.jsonl", 500, 0, 0},
        {"aime/train-1983-2023.json", 975, 0, 0},
        {"aime/aime24.jsonl", 30, 0, 0},
        {"aime/aime25.jsonl", 30, 0, 0},
        {"aime/aime25.jsonl:question=messages", 30, 0, 0},
        {"amc/amc23.jsonl", 40, 0, 0},
        {"minerva/test.jsonl:answer=solution,rule=boxed", 272, 0, 0},
        {"olympiadbench/test.jsonl:answer=final_answer", 675, 0, 0},
        {"svamp/test.jsonl:question=Body+Question,answer=Answer", 1000, 0, 0},
        {"mawps/test.jsonl", 2065, 0, 84},
        {"deepmath/sample.jsonl", 4994, 0, 4},
    };
    const char *folder = getenv("DATA_DIR") ? getenv("DATA_DIR") : "../shared";
    char source[600];
    snprintf(source, sizeof source, "%s/data", folder);
    if (access(source, R_OK) != 0) {
        printf("skipped: no %s (set DATA_DIR)\n", source);
        return;
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        ProblemSet set;
        ProblemReport report;
        Error err;
        snprintf(source, sizeof source, "%s/data/%s", folder, files[i].source);
        if (!problems_from_file(source, false, &set, &report, &err)) fail_msg("%s", err.text);
        if (report.rows != files[i].rows || report.bad != files[i].bad || report.duplicates != files[i].duplicates)
            fail_msg("%s: %d rows, %d bad, %d duplicates", source, report.rows, report.bad, report.duplicates);
        assert_int_equal(set.count, report.kept);
        problems_free(&set);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_fields),         cmocka_unit_test(test_file_rules),
        cmocka_unit_test(test_bad_rows_are_listed), cmocka_unit_test(test_broken_files),
        cmocka_unit_test(test_damaged_files),       cmocka_unit_test(test_sources),
        cmocka_unit_test(test_real_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
