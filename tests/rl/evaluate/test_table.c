// rl/evaluate/table: rows and average of made-up outcomes, against figures by hand; and that a set's hash depends on
// everything that it should.
#include "rl/evaluate/table.h"
#include "rl/data.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

enum { SAMPLES = 4, MOST = 8 };

typedef struct Made { // the memory of an EvalSet
    Problem problems[MOST];
    TaskProblem tasks[MOST];
    Prompt prompts[MOST];
    PromptOutcome outcome[MOST];
    bool majority[MOST];
} Made;

static int near(double got, double want) { return fabs(got - want) <= 1e-12; }

static void comparator_fails(void **state) {
    (void)state;
    assert_true(near(1, 1));
    assert_false(near(1, 1.001));
    assert_false(near(NAN, 1));
}

// Of problem i, correct[i] samples are right; the majority is if they are half of the samples.
static void make(EvalSet *set, Made *made, const char *name, const int *correct, int count) {
    *made = (Made){0};
    *set = (EvalSet){.set.problems = {.items = made->problems, .count = count}, .set.prompts = made->prompts};
    snprintf(set->name, sizeof set->name, "%s", name);
    set->outcome = made->outcome, set->majority = made->majority;
    for (int i = 0; i < count; i++) {
        made->outcome[i] = (PromptOutcome){correct[i], 1, 10 * SAMPLES, i == 0, correct[i] >> 1};
        made->majority[i] = 2 * correct[i] >= SAMPLES;
    }
}

static void test_sets_and_average(void **state) {
    (void)state;
    static EvalSets sets = {.count = 2};
    static Made made[2];
    make(&sets.set[0], &made[0], "one", (const int[]){4, 2, 0, 1}, 4);
    make(&sets.set[1], &made[1], "two", (const int[]){3, 3}, 2);
    EvalTable table = eval_table_make(&sets, (const int[]){1, 4}, 2, SAMPLES);
    assert_int_equal(table.n_rows, 3);
    const EvalRow *one = &table.rows[0], *two = &table.rows[1], *average = &table.rows[2];
    assert_string_equal(one->name, "one");
    assert_string_equal(average->name, "average");
    assert_true(one->problems == 4 && two->problems == 2 && average->problems == 6);
    assert_true(near(one->column[0].mean, 7.0 / 16) && near(one->column[1].mean, 3.0 / 4) &&
                near(one->column[2].mean, 7.0 / 16));
    assert_true(near(one->column[3].mean, 2.0 / 4)); // of 4 and 2 right samples
    assert_true(near(two->column[0].mean, 0.75) && near(two->column[1].mean, 1) && near(two->column[3].mean, 1));
    assert_true(two->column[0].low < 0.75 && two->column[0].high > 0.75); // also of problems with equal pass rates
    assert_true(near(average->column[0].mean, (7.0 / 16 + 0.75) / 2) && near(average->column[1].mean, (0.75 + 1) / 2));
    assert_true(average->column[0].low < average->column[0].mean && average->column[0].high > average->column[0].mean);
    assert_true(near(average->length, 10) && near(one->worked, 1.0 / SAMPLES));
    assert_true(near(one->reward, 3.0 / 16) && near(average->reward, (3.0 / 16 + 2.0 / 8) / 2));
    assert_true(near(one->truncated, 1.0 / 16) && near(two->truncated, 1.0 / 8) && near(average->truncated, 3.0 / 32));
}

static void test_tasks_alone(void **state) {
    (void)state;
    static EvalSets sets = {.count = 1};
    static Made made;
    make(&sets.set[0], &made, "tasks", (const int[]){4, 2, 0}, 3);
    sets.set[0].tasks = true;
    for (int i = 0; i < 3; i++) {
        made.tasks[i].kind = i == 2 ? TASK_GCD : TASK_ADD;
        made.problems[i].task = &made.tasks[i];
    }
    EvalTable table = eval_table_make(&sets, (const int[]){1}, 1, SAMPLES);
    assert_int_equal(table.n_rows, 3);
    assert_string_equal(table.rows[0].name, "add");
    assert_true(table.rows[0].problems == 2 && near(table.rows[0].column[0].mean, 0.75));
    assert_string_equal(table.rows[1].name, "gcd");
    assert_true(near(table.rows[1].column[0].mean, 0));
    assert_string_equal(table.rows[2].name, "all");
    assert_true(near(table.rows[2].column[0].mean, 0.5) && near(table.rows[2].length, 10));
    made.tasks[2].kind = TASK_ADD; // one kind alone: one row
    table = eval_table_make(&sets, (const int[]){1}, 1, SAMPLES);
    assert_int_equal(table.n_rows, 1);
    assert_string_equal(table.rows[0].name, "all");
}

static void test_json_and_print(void **state) {
    (void)state;
    static EvalSets sets = {.count = 1};
    static Made made;
    make(&sets.set[0], &made, "gsm8k", (const int[]){4, 0}, 2);
    EvalTable table = eval_table_make(&sets, (const int[]){1, 4}, 2, SAMPLES);
    cJSON *rows = eval_table_json(&table), *row = cJSON_GetArrayItem(rows, 0);
    assert_int_equal(cJSON_GetArraySize(rows), 1);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(row, "name")), "gsm8k");
    assert_true(near(cJSON_GetArrayItem(cJSON_GetObjectItem(row, "pass@4"), 0)->valuedouble, 0.5));
    assert_true(near(cJSON_GetArrayItem(cJSON_GetObjectItem(row, "maj@4"), 2)->valuedouble, 1));
    cJSON_Delete(rows);
    char text[2000] = {0};
    FILE *out = fmemopen(text, sizeof text, "w");
    eval_table_print(&table, out);
    fclose(out);
    assert_non_null(strstr(text, "pass@1               pass@4"));
    assert_non_null(strstr(text, "gsm8k                2  0.500 [0.000 1.000]"));
}

static void test_hash_sees_prompts_and_golds(void **state) {
    (void)state;
    static EvalSet set;
    static Made made;
    int tokens[2][3] = {{1, 2, 3}, {4, 5, 6}};
    char gold[2][4] = {"1", "2"};
    make(&set, &made, "s", (const int[]){0, 0}, 2);
    for (int i = 0; i < 2; i++) {
        made.prompts[i] = (Prompt){.tokens = tokens[i], .n = 3};
        made.problems[i].gold = gold[i];
    }
    uint64_t before = prompts_hash(&set.set, 0);
    assert_true(prompts_hash(&set.set, 0) == before);
    tokens[1][2]++;
    assert_true(prompts_hash(&set.set, 0) != before);
    tokens[1][2]--;
    gold[0][0]++;
    assert_true(prompts_hash(&set.set, 0) != before);
    gold[0][0]--;
    made.prompts[0].n = 2;
    assert_true(prompts_hash(&set.set, 0) != before);
    made.prompts[0].n = 3;
    set.set.problems.count = 1;
    assert_true(prompts_hash(&set.set, 0) != before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparator_fails),
        cmocka_unit_test(test_sets_and_average),
        cmocka_unit_test(test_tasks_alone),
        cmocka_unit_test(test_json_and_print),
        cmocka_unit_test(test_hash_sees_prompts_and_golds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
