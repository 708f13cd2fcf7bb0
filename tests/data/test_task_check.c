// The check of answers and the reader of prompts must reject near misses and hostile bytes.
#include "data/task_kind.h"
#include "data/random.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "tests/data/task_prompts.h"

static bool judged(const char *prompt, const char *response) {
    TaskProblem problem = from_prompt(prompt);
    return right(&problem, response);
}

static void test_only_the_end_counts(void **state) {
    (void)state;
    TaskProblem problem = from_prompt("a47+85=");
    TaskSpan span;
    const char *response = "1#2#132\n#7";
    assert_true(task_check(&problem, response, strlen(response), &span));
    assert_int_equal(span.start, 4);
    assert_int_equal(span.length, 3);
    assert_false(task_check(&problem, "132", 3, &span)); // no '#': nothing was judged
    assert_int_equal(span.start, 3);
    assert_int_equal(span.length, 0);
    assert_true(right(&problem, "#132")); // cut off before the newline
    static const char *const wrong[] = {"",        "#",       "\n",      "#\n",     "#132#", "132#\n",
                                        "#0132\n", "#+132\n", "# 132\n", "#132 \n", "#13\n", "#1320\n",
                                        "#133\n",  "#132.0",  "\n#132",  "#-132\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (right(&problem, wrong[i])) fail_msg("accepted %s", wrong[i]);
    }
    assert_false(task_check(&problem, "#132\0", 5, NULL));
    assert_false(task_check(&problem, NULL, 0, NULL));
    assert_false(task_is_worked("#1\n", 3));
    assert_false(task_is_worked("", 0));
    assert_true(task_is_worked("1#1\n", 4));
}

static void test_countdown_judge(void **state) {
    (void)state;
    static const char *const good[] = {"#3*7+4", "#4+7*3\n", "#(3*7)+4", "#((((4))+(7*3)))", "x#4+3*7", "#4+(7)*3"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!judged("d3,4,7:25=", good[i])) fail_msg("rejected %s", good[i]);
    }
    static const char *const bad[] = {
        "#25",      "#3*7",    "#3*7+4+4", "#3*7+4*4/4", "#7*7-4*6", "#3*07+4",   "#3*7+4=25", "#3*7 +4", "#+3*7+4",
        "#-4-3*7",  "#4--3*7", "#3**7+4",  "#(3*7+4",    "#3*7+4)",  "#3(7)+4",   "#37+4",     "#",       "#()",
        "#3*7+4+0", "#21+4",   "#3*7+4.0", "#3*7+(4",    "#3^7+4",   "#(3)(7)+4", "#4+3*7+",   "#*",      "#3*7+4,",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (judged("d3,4,7:25=", bad[i])) fail_msg("accepted %s", bad[i]);
    }
    TaskProblem fractions = {.kind = TASK_COUNTDOWN, .prompt = "d8,3,8,3:24=", .gold = ""};
    assert_true(right(&fractions, "#8/(3-8/3)"));  // exact, though the teacher knows whole numbers only
    assert_false(right(&fractions, "#8/(8/3-3)")); // -24
    assert_true(judged("d2,2,5,1:5=", "#5/(2-2+1)"));
    assert_false(judged("d2,2,5,1:5=", "#5*1/(2-2)"));   // division by zero
    assert_false(judged("d2,2,5,1:5=", "#5+1*(2-2)/0")); // and by a number that is not there
    assert_false(judged("d2,2:4=", "#99999999999999999999*99999999999999999999"));
    assert_true(judged("d5,5:10=", "#5+5"));
    assert_false(judged("d5,6:11=", "#5+5"));
}

static void test_countdown_deep_parentheses(void **state) {
    (void)state;
    size_t size = 1 << 20;
    char *deep = malloc(size);
    TaskProblem problem = from_prompt("d3,4,7:25=");
    assert_non_null(deep);
    memset(deep, '(', size);
    deep[0] = '#';
    assert_false(task_check(&problem, deep, size, NULL));
    memset(deep + 1, '-', size - 1);
    assert_false(task_check(&problem, deep, size, NULL));
    free(deep);
}

// Random bytes, and random edits of right answers: never a crash (run under sanitizers), hardly ever right.
static void test_garbage(void **state) {
    (void)state;
    TaskSpec spec = spec_of("all");
    Random random = random_keyed(1, 2, 3);
    int accepted = 0;
    for (uint64_t i = 0; i < 50000; i++) {
        TaskProblem problem;
        char bytes[TASK_RESPONSE_MAX + 1];
        task_problem(&problem, &spec, 1, i % 500);
        int length = task_response(&problem, i & 1, 0, 1, i, bytes, sizeof bytes);
        bool noise = i % 4 == 0;
        for (int n = noise ? length : 3; n > 0; n--) {
            char byte = noise ? (char)random_next(&random) : TASK_CHARACTERS[random_range(&random, 0, 31)];
            bytes[noise ? n - 1 : random_range(&random, 0, length - 1)] = byte;
        }
        bool good = task_check(&problem, bytes, (size_t)length, NULL);
        accepted += noise && good;
    }
    assert_true(accepted < 10);
}

static void test_foreign_prompts(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "z3=",
        "s0:3+4=",
        "s7:3+4",
        "s7:3+4=x",
        "s7:9+4*2=",
        "m7:38=",
        "m1:00=",
        "c=",
        "c1+1=",
        "g7,7=",
        "g7,5=",
        "g48,0=",
        "g48,-36=",
        "a1+=",
        "a007+1=",
        "p0*6=",
        "l3x+4=18?",
        "l3x+4=3x+7?",
        "l3x+4=4x+7?",
        "l0x+4=4?",
        "b10:73>10=",
        "b5:253>10=",
        "b11:73>10=",
        "d3,4,7:26=",
        "d3=",
        "d3:3=",
        "d1,2,3,4,5:15=",
        "d3,4,7:",
        "d0,4:4=",
        "s7:99999999999=",
        "p99999999999*6=",
    };
    TaskProblem problem;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (is_prompt(&problem, bad[i])) fail_msg("accepted %s", bad[i]);
    }
    char overlong[400];
    memset(overlong, '1', sizeof overlong);
    overlong[0] = 'c';
    overlong[sizeof overlong - 1] = 0;
    assert_false(is_prompt(&problem, overlong));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_end_counts),
        cmocka_unit_test(test_countdown_judge),
        cmocka_unit_test(test_countdown_deep_parentheses),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_foreign_prompts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
