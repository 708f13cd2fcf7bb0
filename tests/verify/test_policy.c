// Each policy knob both ways, the other verdicts, and the promise that only EQUAL is paid.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "verify/verify.h"

#include <stdio.h>
#include <string.h>

static VerifyVerdict judge(VerifyPolicy policy, const char *gold, const char *response) {
    VerifyScratch *scratch = verify_scratch_new();
    VerifyGold *compiled = verify_compile(gold, strlen(gold), &policy);
    VerifyVerdict verdict = verify_check(scratch, compiled, response, strlen(response)).verdict;
    verify_gold_free(compiled);
    verify_scratch_free(scratch);
    return verdict;
}

static void fallback(void **state) {
    (void)state;
    assert_int_equal(judge(verify_policy_training(), "17", "so the total is 17"), VERIFY_NO_ANSWER);
    assert_int_equal(judge(verify_policy_evaluation(), "17", "so the total is 17"), VERIFY_EQUAL);
}

static void percent(void **state) {
    (void)state;
    VerifyPolicy policy = verify_policy_training();
    assert_int_equal(judge(policy, "50\\%", "\\boxed{50}"), VERIFY_EQUAL);
    assert_int_equal(judge(policy, "50\\%", "\\boxed{0.5}"), VERIFY_EQUAL);
    assert_int_equal(judge(policy, "50", "\\boxed{50\\%}"), VERIFY_EQUAL);
    assert_int_equal(judge(policy, "0.28", "\\boxed{0.28\\%}"), VERIFY_NOT_EQUAL); // a proportion, not a percentage
    assert_int_equal(judge(policy, "0.28", "\\boxed{28\\%}"), VERIFY_EQUAL);
    policy.percent_of_gold = false;
    assert_int_equal(judge(policy, "50\\%", "\\boxed{50}"), VERIFY_NOT_EQUAL);
    assert_int_equal(judge(policy, "50\\%", "\\boxed{0.5}"), VERIFY_EQUAL);
}

static void units(void **state) {
    (void)state;
    VerifyPolicy policy = verify_policy_training();
    assert_int_equal(judge(policy, "3", "\\boxed{3\\text{ hours}}"), VERIFY_EQUAL);
    policy.ignore_units = false;
    assert_int_equal(judge(policy, "3", "\\boxed{3\\text{ hours}}"), VERIFY_NOT_EQUAL);
    assert_int_equal(judge(policy, "3\\text{ hours}", "\\boxed{180\\text{ min}}"), VERIFY_EQUAL);
}

static void rounding(void **state) {
    (void)state;
    VerifyPolicy policy = verify_policy_training();
    assert_int_equal(judge(policy, "\\frac23", "\\boxed{0.667}"), VERIFY_NOT_EQUAL);
    policy.approx_digits = 3;
    assert_int_equal(judge(policy, "\\frac23", "\\boxed{0.667}"), VERIFY_EQUAL);
    assert_int_equal(judge(policy, "\\frac23", "\\boxed{0.666}"), VERIFY_NOT_EQUAL);
    assert_int_equal(judge(policy, "\\frac23", "\\boxed{0.67}"), VERIFY_NOT_EQUAL);
    assert_int_equal(judge(policy, "\\pi", "\\boxed{3.1416}"), VERIFY_EQUAL);
    assert_int_equal(judge(policy, "3", "\\boxed{3.001}"), VERIFY_NOT_EQUAL);
    policy = verify_policy_training();
    policy.rounded_gold = true;
    assert_int_equal(judge(policy, "1.41", "\\boxed{\\sqrt2}"), VERIFY_EQUAL);
    assert_int_equal(judge(policy, "1.42", "\\boxed{\\sqrt2}"), VERIFY_NOT_EQUAL);
}

static void bases_and_fractions(void **state) {
    (void)state;
    VerifyPolicy policy = verify_policy_training();
    assert_int_equal(judge(policy, "204_5", "\\boxed{204}"), VERIFY_NOT_EQUAL);
    assert_int_equal(judge(policy, "\\frac34", "\\boxed{\\frac{9}{12}}"), VERIFY_EQUAL);
    policy.base_optional = policy.require_reduced = true;
    assert_int_equal(judge(policy, "204_5", "\\boxed{204}"), VERIFY_EQUAL);
    assert_int_equal(judge(policy, "204_5", "\\boxed{54}"), VERIFY_EQUAL);
    assert_int_equal(judge(policy, "204_5", "\\boxed{55}"), VERIFY_NOT_EQUAL);
    assert_int_equal(judge(policy, "\\frac34", "\\boxed{\\frac{9}{12}}"), VERIFY_NOT_EQUAL);
    assert_int_equal(judge(policy, "\\frac34", "\\boxed{\\frac{3}{4}}"), VERIFY_EQUAL);
}

static void the_other_verdicts(void **state) {
    (void)state;
    VerifyPolicy policy = verify_policy_training();
    char longer[5000] = "\\boxed{";
    memset(longer + 7, '1', 4500);
    strcpy(longer + 4507, "}");
    assert_int_equal(judge(policy, "1", longer), VERIFY_LIMIT);
    assert_int_equal(judge(policy, "1", ""), VERIFY_NO_ANSWER);
    assert_int_equal(judge(policy, "1", "\\boxed{}"), VERIFY_NO_ANSWER);
    assert_int_equal(judge(policy, "", "\\boxed{}"), VERIFY_BAD_GOLD);
    assert_int_equal(judge(policy, " ", "\\boxed{ }"), VERIFY_BAD_GOLD);
    assert_int_equal(judge(policy, "\\frac{1}{0}", "\\boxed{\\frac{1}{0}}"), VERIFY_BAD_GOLD);
    assert_int_equal(judge(policy, "1", "\\boxed{\\int_0^1 2x\\,dx}"), VERIFY_UNKNOWN);
    for (int v = 0; v < VERIFY_VERDICTS; v++) assert_true(strlen(verify_verdict_name((VerifyVerdict)v)) > 4);
    assert_string_equal(verify_verdict_name(VERIFY_EQUAL), "EQUAL");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(fallback),
                                       cmocka_unit_test(percent),
                                       cmocka_unit_test(units),
                                       cmocka_unit_test(rounding),
                                       cmocka_unit_test(bases_and_fractions),
                                       cmocka_unit_test(the_other_verdicts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
