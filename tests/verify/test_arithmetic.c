// The arithmetic under the verdicts: exact rationals and their refusals, balls against values that fool doubles, the
// field of 2^61 - 1.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "verify/comparison.h"
#include "verify/normal.h"
#include "verify/parse.h"
#include "verify/probe.h"

#include <stdio.h>
#include <string.h>

static NodePool pool;

static const Node *read(const char *text) {
    Exact exact = {.pool = &pool, .fuel = 2000000};
    Parsed parsed = parse_answer(&exact, text, strlen(text), true);
    if (!parsed.tree) fail_msg("cannot read %s", text);
    return normal_form(&exact, normal_signs(&pool, parsed.tree));
}

static int setup(void **state) {
    (void)state;
    return pool_init(&pool, 64 << 20, 64 << 20, false) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    pool_destroy(&pool);
    return 0;
}

static void folds(const char *text, const char *want) {
    const Node *n = read(text), *w = read(want);
    if (!node_is(n, N_RAT) || !node_identical(n, w)) fail_msg("%s does not fold to %s", text, want);
}

static void exact_values(void **state) {
    (void)state;
    folds("8^{2/3}", "4");
    folds("\\frac{1}{2}+\\frac13", "5/6");
    folds("-2^2", "-4");
    folds("\\binom{52}{5}", "2598960");
    folds("20!", "2432902008176640000");
    folds("0.1\\overline{6}", "1/6");
    folds("3\\frac25", "17/5");
    folds("\\lfloor -3/2 \\rfloor", "-2");
    folds("-7 \\bmod 3", "2");
    folds("\\sum_{k=1}^{100} k", "5050");
    folds("\\begin{vmatrix}1&2\\\\3&4\\end{vmatrix}", "-2");
    folds("1^{10^{10^{10}}}", "1");
    folds("(-1)^{10^{30}+1}", "-1");
    folds("\\sqrt[3]{-27}", "-3");
}

static void no_value(void **state) {
    (void)state;
    static const char *const TEXTS[] = {"\\frac{5}{3-3}", "0^{-1}", "0^0", "\\ln 0", "(-1)!", "\\infty-\\infty",
        "\\frac{1}{\\frac{1}{0}}+2", "7\\cdot\\frac{0}{0}", "(1,\\frac10)"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
        if (!node_is(read(TEXTS[i]), N_UNDEF) && !(i == 2 && !node_is(read(TEXTS[i]), N_RAT)))
            fail_msg("%s has a value", TEXTS[i]);
}

static void refuses_what_is_large(void **state) {
    (void)state;
    static const char *const TEXTS[] = {"10^{10^{10}}", "30000!", "\\binom{10^{12}}{10^{6}}", "2^{3000000}",
        "7^{7^{7}}"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) assert_false(node_is(read(TEXTS[i]), N_RAT));
    folds("2^{1000000}", "4^{500000}");
}

static Answer constants(const char *a, const char *b) {
    Exact exact = {.pool = &pool, .fuel = 20000000};
    BallPoint point = {.field = probe_field(7), .exact = &exact};
    bool huge;
    return ball_constants(&point, read(a), read(b), &huge);
}

static void balls(void **state) {
    (void)state;
    assert_int_equal(constants("\\sqrt{3+2\\sqrt2}", "1+\\sqrt2"), ANSWER_YES);
    assert_int_equal(constants("e^{\\pi\\sqrt{163}}", "262537412640768744"), ANSWER_NO);
    assert_int_equal(constants("\\cos 36^\\circ", "\\frac{1+\\sqrt5}{4}"), ANSWER_YES);
    assert_int_equal(constants("10^{-10^{10}}", "0"), ANSWER_NO);
    assert_int_equal(constants("\\sqrt{10^{600}+1}", "10^{300}"), ANSWER_NO); // differ by 5e-301
    assert_int_equal(constants("e^{i\\pi}", "-1"), ANSWER_YES);
    assert_int_equal(constants("\\sqrt2+\\sqrt3", "\\sqrt5"), ANSWER_NO);
    assert_int_equal(constants("10^{10^{10^{10}}}", "1"), ANSWER_UNKNOWN);
    Exact exact = {.pool = &pool, .fuel = 2000000};
    BallPoint point = {.field = probe_field(7), .exact = &exact};
    assert_int_equal(ball_order(&point, read("\\sqrt2"), read("\\frac{141421356237309504880168872420969807}{10^{35}}")),
                     1);
    assert_int_equal(ball_order(&point, read("\\pi"), read("\\frac{355}{113}")), -1);
}

static void field(void **state) {
    (void)state;
    Field one = probe_field(1), two = probe_field(2);
    assert_int_equal(probe_mul(&one, one.prime - 1, one.prime - 1), 1);
    assert_true(one.prime > UINT64_C(1) << 60 && one.prime != two.prime); // every gold has a prime of its own
    char text[64];
    snprintf(text, sizeof text, "x+%llu", (unsigned long long)one.prime);
    assert_true(probe_congruent(&one, read("x"), read(text), 0));
    assert_false(probe_congruent(&two, read("x"), read(text), 0));
    assert_true(probe_congruent(&one, read("(x+1)^2"), read("x^2+2x+1"), 0));
    assert_true(probe_congruent(&one, read("\\sin(x+y)"), read("\\sin(y+x)"), 0));
    assert_true(probe_congruent(&one, read("7^{7^{7^{7}}}+x"), read("x+7^{7^{7^7}}"), 0));
    assert_false(probe_congruent(&one, read("x^2+2x"), read("t^2+2t"), 0));
    assert_false(probe_congruent(&one, read("\\frac{1}{x-x}"), read("\\frac{1}{x-x}"), 0));
    Probe probe = {.field = probe_field(3)};
    assert_int_equal(probe_value(&probe, read("\\frac{2^{61}}{4}")), (UINT64_C(1) << 59));
    assert_false(probe.irrational);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(exact_values), cmocka_unit_test(no_value),
                                       cmocka_unit_test(refuses_what_is_large), cmocka_unit_test(balls),
                                       cmocka_unit_test(field)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
