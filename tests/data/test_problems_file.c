// The file loader on good and on hostile files. The real data sets are tried in test_sets.c.
#include "data/problems_file.h"
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
    assert_string_equal(loaded.set.items[0].prompt, prompt);
    assert_string_equal(loaded.set.items[0].gold, gold);
    assert_null(loaded.set.items[0].task);
    problems_free(&loaded.set);
}

static void test_file_fields(void **state) {
    (void)state;
    assert_only("{\"question\":\"q\",\"answer\":\"a\"}", "", "q", "a");
    assert_only("{\"problem\":\"p\",\"gold\":12}\n", "", "p", "12");
    assert_only("{\"prompt\":\"p\",\"ground_truth\":27.0}\r\n", "", "p", "27");
    assert_only("{\"input\":\"i\",\"target\":-0.1}", "", "i", "-0.1");
    assert_only("{\"input\":\"i\",\"target\":1e15}", "", "i", "1000000000000000");
    assert_only("{\"problem\":\"p\",\"question\":\"q\",\"answer\":[\"$x$\",\"y\"]}", ":answer=answer.0", "q", "$x$");
    assert_only("{\"question\":\"q\",\"answer\":[\"$x$\"]}", "", "q", "$x$");
    assert_only("{\"question\":\"q\",\"answer\":[2,2]}", "", "q", "2");
    assert_only("{\"question\":\"q\",\"answer\":\"[\\\"34\\\"]\"}", "", "q", "34"); // a list in a string
    assert_only("{\"question\":\"q\",\"answer\":\"[0, 1]\"}", "", "q", "[0, 1]");   // an interval
    assert_only("{\"Body\":\"b\",\"Question\":\"q?\",\"Answer\":3}", ":question=Body+Question,answer=Answer", "b q?",
                "3");
    assert_only("{\"q\":\" \\t\\u00e9 b\\n\",\"a\":\" x \"}", ":answer=a,question=q", "\xc3\xa9 b", " x ");
    assert_only(
        "{\"prompt\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"u\"}],\"gold\":1}", "",
        "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"u\"}]", "1");
    assert_only(
        "{\"prompt\":[{\"role\":\"user\",\"content\":\"a\",\"name\":1},{\"role\":\"assistant\",\"content\":\"b\"},"
        "{\"role\":\"user\",\"content\":\"c\"},{\"role\":\"assistant\",\"content\":\"4\"}],\"gold\":1}",
        "",
        "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},"
        "{\"role\":\"user\",\"content\":\"c\"}]",
        "1");
    assert_only("{\"prompt\":[{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"assistant\",\"content\":\"1\"}],"
                "\"gold\":1}",
                "", "u", "1"); // what follows is the answer
    assert_only("{\"prompt\":\"[{\\\"role\\\": \\\"user\\\", \\\"content\\\": \\\"u\\\"}]\",\"gold\":1}", "", "u", "1");
    assert_only("\xef\xbb\xbf[{\"question\":\"q\",\"answer\":\"a\"}]", "", "q", "a");
}

// Fields in fields, and the fields of TRL and verl.
static void test_nested_fields(void **state) {
    (void)state;
    assert_only("{\"q\":{\"text\":[\"a\",\"b\"]},\"reward_model\":{\"ground_truth\":\"34\"},\"x.y\":5}",
                ":question=q.text.1,answer=reward_model.ground_truth", "b", "34");
    assert_only("{\"q\":\"a\",\"x\":{\"y\":1},\"x.y\":5}", ":question=q,answer=x.y", "a", "5"); // the whole name first
    assert_only("{\"q\":\"a\",\"x.y\":{\"z\":7}}", ":question=q,answer=x.y.z", "a", "7");
    assert_only("{\"prompt\":\"a\",\"reward_model\":{\"ground_truth\":34}}", "", "a", "34");
    assert_only("{\"prompt\":\"a\",\"solution\":\"So \\\\boxed{1} and \\\\boxed{\\\\frac12}.\"}", "", "a", "\\frac12");
    assert_only("{\"prompt\":\"a\",\"solution\":\"$x$\"}", "", "a", "$x$");
    assert_only("{\"prompt\":\"a\",\"answer\":\"2\",\"solution\":\"\\\\boxed{3}\"}", "", "a", "2");
}

// Digit for digit where a double would lose some.
static void test_numbers(void **state) {
    (void)state;
    static const char *const numbers[][2] = {{"4", "4"},
                                             {"4.0", "4"},
                                             {"-0.5", "-0.5"},
                                             {"1e3", "1000"},
                                             {"0.1", "0.1"},
                                             {"1e-7", "1e-7"},
                                             {"-0", "0"},
                                             {"9007199254740993", "9007199254740993"},
                                             {"-12345678901234567890", "-12345678901234567890"},
                                             {"1e400", "1e400"},
                                             {"3.14159265358979", "3.14159265358979"},
                                             {"3.1415926535897932385", "3.1415926535897932385"},
                                             {"9007199254740991", "9007199254740991"},
                                             {"1E16", "1E16"}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char row[200];
        snprintf(row, sizeof row, "{\"question\":\"9007199254740993 \\\" 1e400\",\"id\":[1e999],\"answer\":%s}",
                 numbers[i][0]);
        assert_only(row, "", "9007199254740993 \" 1e400", numbers[i][1]);
        snprintf(row, sizeof row, "[{\"question\":\"q\",\"answer\":[ %s ]}]", numbers[i][0]);
        assert_only(row, "", "q", numbers[i][1]);
    }
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
                                 "{\"question\":\"q6\",\"answer\":false}\n"
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
    assert_string_equal(loaded.set.items[0].gold, "1"); // the first of the two
    assert_int_equal(loaded.set.items[1].line, 14);
    problems_free(&loaded.set);
    load(&loaded, mixed, strlen(mixed), "", true);
    assert_false(loaded.good);
    assert_non_null(strstr(loaded.err.text, ":3: no answer"));
    assert_int_equal(loaded.set.count, 0);
}

static void test_parquet_is_named(void **state) {
    (void)state;
    Loaded loaded;
    load_text(&loaded, "PAR1\x15\x04", "");
    assert_false(loaded.good);
    assert_non_null(strstr(loaded.err.text, "a Parquet file; this line writes it as JSON lines: python3 -c"));
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
    assert_non_null(strstr(loaded.err.text, ":4: syntax error in the JSON array"));
    load(&loaded, "{\"question\":\"q\0r\",\"answer\":1}", 29, "", false);
    assert_false(loaded.good);
    size_t size = 200000; // deep nesting
    char *deep = malloc(size);
    memset(deep, '[', size);
    load(&loaded, deep, size, "", false);
    assert_false(loaded.good);
    free(deep);
}

// A bad row between two good ones is left out for this reason, and the others are kept.
static void assert_left_out(const char *row, size_t size, const char *why) {
    static const char before[] = "{\"question\":\"q1\",\"answer\":\"1\"}\n",
                      after[] = "\n{\"question\":\"q2\",\"answer\":\"2\"}\n";
    size_t total = sizeof before - 1 + size + sizeof after - 1;
    char *text = malloc(total);
    assert_non_null(text);
    memcpy(text, before, sizeof before - 1);
    memcpy(text + sizeof before - 1, row, size);
    memcpy(text + sizeof before - 1 + size, after, sizeof after - 1);
    Loaded loaded = {0};
    loaded.good = problems_from_memory(text, total, "rows", false, &loaded.set, &loaded.report, &loaded.err);
    free(text);
    assert_true(loaded.good);
    if (loaded.report.kept != 2 || loaded.report.bad != 1 || loaded.report.row[0].line != 2 ||
        !strstr(loaded.report.row[0].what, why))
        fail_msg("%.60s: %d kept, %d bad, \"%s\"", row, loaded.report.kept, loaded.report.bad,
                 loaded.report.row[0].what);
    problems_free(&loaded.set);
}

static void test_hostile_rows(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"{\"question\":\"\xff\xfe\",\"answer\":1}", "its question is not UTF-8"},
        {"{\"question\":\"\xc3\",\"answer\":1}", "its question is not UTF-8"},         // cut within a character
        {"{\"question\":\"\xed\xa0\x80\",\"answer\":1}", "its question is not UTF-8"}, // half a surrogate pair
        {"{\"question\":\"\xc0\xaf\",\"answer\":1}", "its question is not UTF-8"},     // an overlong slash
        {"{\"question\":\"q\",\"answer\":\"\x80\"}", "its answer is not UTF-8"},
        {"{\"question\":\"\\ud800\",\"answer\":1}", "not a JSON object"},
        {"{\"question\":\"q\",\"answer\":\"1\"", "not a JSON object"}, // cut short
        {"{\"question\":\"q\",\"answer\":\"1", "not a JSON object"},
        {"{\"question\":\"q\\", "not a JSON object"},
        {"{\"question\":\"q\\u0000r\",\"answer\":1}", "NUL"},
        {"{\"question\":\"q\",\"answer\":NaN}", "not a JSON object"},
        {"{\"question\":\"q\",\"answer\":[\"1\",\"2\"]}", "a list of several texts (answer=KEY.0 takes the first)"},
        {"{\"question\":\"q\",\"answer\":[]}", "no answer"},
        {"{\"question\":\"q\",\"answer\":true,\"x\":1}", "its form); its keys: question, answer, x"},
        {"{\"question\":[{\"role\":\"system\"},{\"role\":\"user\",\"content\":\"q\"}],\"answer\":1}",
         "a chat with a message"},
        {"{\"question\":{\"a\":\"q\"},\"answer\":1}", "no question"},
        {"{\"question\":\"[{\\\"role\\\":\\\"user\\\",\\\"content\\\":\\\" \\\"}]\",\"answer\":1}", "no question"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_left_out(rows[i][0], strlen(rows[i][0]), rows[i][1]);
    assert_left_out("{\"question\":\"q\0r\",\"answer\":1}", 30, "NUL");
}

static void test_deep_rows(void **state) {
    (void)state;
    enum { DEEP = 10000 };
    char *row = malloc(8 * DEEP);
    assert_non_null(row);
    size_t size = (size_t)sprintf(row, "{\"question\":");
    memset(row + size, '[', DEEP), memset(row + size + DEEP, ']', DEEP);
    size += 2 * DEEP;
    size += (size_t)sprintf(row + size, ",\"answer\":1}");
    assert_left_out(row, size, "not a JSON object");
    size = 0;
    for (int i = 0; i < DEEP; i++) size += (size_t)sprintf(row + size, "{\"a\":");
    assert_left_out(row, size, "not a JSON object");
    size = (size_t)sprintf(row, "{\"answer\":1,\"question\":\"[{"); // a chat as a string, as deep
    memset(row + size, '[', DEEP);
    size += DEEP;
    size += (size_t)sprintf(row + size, "\"}");
    Loaded loaded;
    load(&loaded, row, size, "", false);
    assert_true(loaded.good); // what is no chat is a question like any other
    assert_int_equal(strlen(loaded.set.items[0].prompt), DEEP + 2);
    problems_free(&loaded.set);
    free(row);
}

static void test_large_rows(void **state) {
    (void)state;
    size_t size = (size_t)100 << 20; // a line of 100 MB
    char *row = malloc(size);
    assert_non_null(row);
    memset(row, 'x', size);
    memcpy(row, "{\"question\":\"", 13);
    memcpy(row + size - 14, "\",\"answer\":12}", 14);
    assert_left_out(row, size, "longer than 16 MiB");
    size = (size_t)2 << 20;
    memcpy(row + size - 14, "\",\"answer\":12}", 14);
    assert_left_out(row, size, "longer than 1 MiB");
    size = 1 << 20;
    memcpy(row + size - 14, "\",\"answer\":12}", 14);
    Loaded loaded;
    load(&loaded, row, size, "", true);
    assert_true(loaded.good);
    problems_free(&loaded.set);
    free(row);
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

// The same question again: the first is kept, and the report says whether the answers differ.
static void test_duplicates(void **state) {
    (void)state;
    Loaded loaded;
    load_text(&loaded, "{\"question\":\"q\",\"answer\":1}\n{\"question\":\"q\",\"answer\":1.0}\n"
                       "{\"question\":\"q\",\"answer\":2}\n", "");
    assert_int_equal(loaded.report.duplicates, 2);
    assert_string_equal(loaded.report.row[0].what, "a question seen before");
    assert_string_equal(loaded.report.row[1].what, "a question seen before, with another answer");
    problems_free(&loaded.set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_fields),
        cmocka_unit_test(test_nested_fields),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_file_rules),
        cmocka_unit_test(test_bad_rows_are_listed),
        cmocka_unit_test(test_parquet_is_named),
        cmocka_unit_test(test_broken_files),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_hostile_rows),
        cmocka_unit_test(test_deep_rows),
        cmocka_unit_test(test_large_rows),
        cmocka_unit_test(test_duplicates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
