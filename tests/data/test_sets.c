// Named sets and lists of them; the real files where DATA_DIR (default ../shared) has them.
#include "data/sets.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_list(const char *list, const char *const *items) {
    char item[DATA_ITEM_MAX];
    int count = 0;
    for (const char *at = list; data_list_next(&at, item); count++) {
        if (!items[count]) fail_msg("%s: one item too many: %s", list, item);
        assert_string_equal(item, items[count]);
    }
    assert_null(items[count]);
}

static void test_lists(void **state) {
    (void)state;
    assert_list("", (const char *const[]){NULL});
    assert_list("gsm8k", (const char *const[]){"gsm8k", NULL});
    assert_list("gsm8k,math500,", (const char *const[]){"gsm8k", "math500", NULL});
    assert_list("task:add@1-2,mul,gsm8k,task:all,gcd",
                (const char *const[]){"task:add@1-2,mul", "gsm8k", "task:all,gcd", NULL});
    assert_list("a/b.jsonl:question=q,answer=a,rule=boxed,c.json,math",
                (const char *const[]){"a/b.jsonl:question=q,answer=a,rule=boxed", "c.json", "math", NULL});
    assert_list("task:add,addx,mul", (const char *const[]){"task:add", "addx", "mul", NULL}); // "addx" is no task
    assert_list("a.jsonl,answer=x", (const char *const[]){"a.jsonl", "answer=x", NULL});      // no settings were begun
    assert_list("a,,b", (const char *const[]){"a", "", "b", NULL});
    char longest[3000] = {0}, item[DATA_ITEM_MAX];
    memset(longest, 'x', sizeof longest - 1);
    const char *at = longest;
    assert_true(data_list_next(&at, item));
    assert_true(strlen(item) < DATA_ITEM_MAX && *at == 0);
}

static void test_names(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"gsm8k", "gsm8k"},  {"task:add,mul", "tasks"},        {"/a/b.c/test.jsonl", "test"},
        {"x:answer=a", "x"}, {"./dir/f.json:rule=gsm8k", "f"}, {"aime-train", "aime-train"}};
    char name[32];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        data_name(cases[i][0], name, sizeof name);
        assert_string_equal(name, cases[i][1]);
    }
    for (int i = 0; i < data_set_count; i++) {
        assert_ptr_equal(data_set_find(data_sets[i].name), &data_sets[i]);
        assert_true(data_sets[i].train || data_sets[i].test);
    }
    assert_null(data_set_find("gsm"));
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

// DIR/gsm8k, and DIR/data/gsm8k before it; training and evaluation take different files.
static void test_where_files_are_looked_for(void **state) {
    (void)state;
    char dir[] = P_tmpdir "/test_sets_XXXXXX", path[200], source[DATA_SOURCE_MAX];
    Error err = {0};
    assert_non_null(mkdtemp(dir));
    assert_false(data_source("gsm8k", dir, DATA_EVAL, source, &err));
    assert_non_null(strstr(err.text, dir));
    assert_non_null(strstr(err.text, "/gsm8k/test.jsonl"));
    assert_non_null(strstr(err.text, "--data-dir or DATA_DIR"));
    assert_non_null(strstr(err.text, "openai/grade-school-math"));
    static const char *const files[] = {"gsm8k", "gsm8k/test.jsonl", "gsm8k/train.jsonl",
                                        "data",  "data/gsm8k",       "data/gsm8k/test.jsonl"};
    for (int i = 0; i < 6; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        if (strchr(files[i], '.')) write_file(path, "{\"question\":\"q\",\"answer\":\"#### 1,000\"}\n");
        else assert_int_equal(mkdir(path, 0777), 0);
        if (i == 2) {
            assert_true(data_source("gsm8k", dir, DATA_TRAIN, source, &err));
            assert_non_null(strstr(source, "/gsm8k/train.jsonl:rule=gsm8k"));
            assert_true(data_source("gsm8k", dir, DATA_EVAL, source, &err));
            assert_null(strstr(source, "/data/"));
        }
    }
    setenv("DATA_DIR", dir, 1); // from here on by the environment
    assert_true(data_source("gsm8k", "", DATA_EVAL, source, &err));
    assert_non_null(strstr(source, "/data/gsm8k/test.jsonl:rule=gsm8k"));
    ProblemSet set;
    assert_true(data_load("gsm8k", "", DATA_EVAL, true, &set, NULL, &err));
    assert_string_equal(set.items[0].gold, "1000");
    problems_free(&set);
    unsetenv("DATA_DIR");
    for (int i = 5; i >= 0; i--) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        remove(path);
    }
    rmdir(dir);
}

static void test_what_is_no_set(void **state) {
    (void)state;
    char source[DATA_SOURCE_MAX];
    Error err = {0};
    assert_false(data_source("gsm9k", "", DATA_EVAL, source, &err));
    assert_non_null(strstr(err.text, "gsm9k: neither a file nor a named set: gsm8k math"));
    assert_non_null(strstr(err.text, "deepmath"));
    assert_true(data_source("no/such.jsonl", "", DATA_EVAL, source, &err)); // a path; opening it says what is wrong
    ProblemSet set;
    assert_false(data_load("no/such.jsonl", "", DATA_EVAL, false, &set, NULL, &err));
    assert_non_null(strstr(err.text, "no/such.jsonl"));
    char large[DATA_SOURCE_MAX] = {0};
    memset(large, 'd', sizeof large - 1);
    assert_false(data_source("gsm8k", large, DATA_EVAL, source, &err));
}

// ---- the real files ------------------------------------------------------------------------------------------------

static const char *real_folder(void) {
    static char folder[300];
    const char *root = getenv("DATA_DIR") ? getenv("DATA_DIR") : "../shared";
    char path[400];
    snprintf(folder, sizeof folder, "%.250s", root);
    snprintf(path, sizeof path, "%s/data/gsm8k/test.jsonl", folder);
    if (access(path, R_OK) == 0) return folder;
    printf("skipped: no %s (set DATA_DIR)\n", path);
    return NULL;
}

static void test_real_sets(void **state) {
    (void)state;
    static const struct {
        const char *name;
        DataUse use;
        int rows, bad, duplicates;
        const char *first, *last; // golds
    } sets[] = {
        {"gsm8k", DATA_TRAIN, 7473, 0, 0, "72", "50"},
        {"gsm8k", DATA_EVAL, 1319, 0, 0, "18", "14"},
        {"math", DATA_TRAIN, 7474, 4, 0, "0", "\\left( \\frac{8}{5}, -\\frac{35}{2} \\right)"}, // 2 null, 2 empty golds
        {"math500", DATA_EVAL, 500, 0, 0, "\\left( 3, \\frac{\\pi}{2} \\right)", "106^\\circ"},
        {"aime-train", DATA_TRAIN, 975, 0, 0, "60", "363"},
        {"aime24", DATA_EVAL, 30, 0, 0, "204", "902"},
        {"aime25", DATA_EVAL, 30, 0, 0, "70", "240"},
        {"amc23", DATA_EVAL, 40, 0, 0, "27", "8"},
        {"minerva", DATA_EVAL, 272, 0, 0, "1.6", "10.1"},
        {"olympiadbench", DATA_EVAL, 675, 0, 0, "2", "11"},
        {"svamp", DATA_EVAL, 1000, 0, 0, "145", "91"},
        {"mawps", DATA_EVAL, 2065, 0, 84, "43", "2"},
        {"deepmath", DATA_TRAIN, 4994, 0, 4, "1", "11"},
    };
    const char *folder = real_folder();
    for (size_t i = 0; folder && i < sizeof sets / sizeof *sets; i++) {
        char source[DATA_SOURCE_MAX];
        ProblemSet set;
        ProblemReport report;
        Error err;
        if (!data_source(sets[i].name, folder, sets[i].use, source, &err) ||
            !problems_from_file(source, false, &set, &report, &err))
            fail_msg("%s", err.text);
        if (report.rows != sets[i].rows || report.bad != sets[i].bad || report.duplicates != sets[i].duplicates)
            fail_msg("%s: %d rows, %d bad, %d duplicates", source, report.rows, report.bad, report.duplicates);
        assert_int_equal(set.count, sets[i].rows - sets[i].bad - sets[i].duplicates);
        for (int p = 0; p < set.count; p++) {
            const Problem *problem = &set.items[p];
            if (!*problem->prompt || strspn(problem->gold, " \n") == strlen(problem->gold))
                fail_msg("%s:%d: empty", source, problem->line);
        }
        assert_string_equal(set.items[0].gold, sets[i].first);
        assert_string_equal(set.items[set.count - 1].gold, sets[i].last);
        problems_free(&set);
    }
}

// Golds that only the set's own rule finds.
static void test_real_golds(void **state) {
    (void)state;
    const char *folder = real_folder();
    if (!folder) return;
    ProblemSet set;
    Error err;
    int commas = 0, dollars = 0;
    assert_true(data_load("gsm8k", folder, DATA_TRAIN, false, &set, NULL, &err));
    for (int i = 0; i < set.count; i++) {
        commas += strlen(set.items[i].gold) > 3; // "1,000" has lost its comma
        assert_int_equal(strspn(set.items[i].gold, "-.0123456789"), strlen(set.items[i].gold));
    }
    assert_true(commas >= 79);
    problems_free(&set);
    assert_true(data_load("olympiadbench", folder, DATA_EVAL, false, &set, NULL, &err));
    for (int i = 0; i < set.count; i++) dollars += strchr(set.items[i].gold, '$') != NULL;
    assert_true(dollars > 0); // a list's first element, unchanged
    problems_free(&set);
    assert_true(data_load("svamp", folder, DATA_EVAL, false, &set, NULL, &err));
    assert_non_null(strstr(set.items[0].prompt, "93 groups How big is each group of bananas?")); // two fields
    problems_free(&set);
}

// AIME 1983-2023 and MATH500 share six problems, of which one has the same bytes.
static void test_real_overlap(void **state) {
    (void)state;
    const char *folder = real_folder();
    if (!folder) return;
    ProblemSet train, eval;
    Error err;
    int *twin = malloc(20000 * sizeof *twin), exact = 0;
    assert_true(data_load("aime-train", folder, DATA_TRAIN, false, &train, NULL, &err));
    assert_true(data_load("math500", folder, DATA_EVAL, false, &eval, NULL, &err));
    assert_int_equal(problems_overlap(&train, &eval, twin), 6);
    for (int i = 0; i < train.count; i++) exact += twin[i] >= 0 && train.items[i].id == eval.items[twin[i]].id;
    assert_int_equal(exact, 1);
    problems_free(&train);
    assert_true(data_load("math", folder, DATA_TRAIN, false, &train, NULL, &err));
    assert_int_equal(problems_overlap(&train, &eval, twin), 0);
    problems_free(&train);
    problems_free(&eval);
    free(twin);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists), cmocka_unit_test(test_names), cmocka_unit_test(test_where_files_are_looked_for),
        cmocka_unit_test(test_what_is_no_set), cmocka_unit_test(test_real_sets), cmocka_unit_test(test_real_golds),
        cmocka_unit_test(test_real_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
