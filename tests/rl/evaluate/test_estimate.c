// rl/evaluate/estimate: pass@k against a count of all k-subsets, majority vote against hand-made cases, the bootstrap
// against the exact distribution on tiny sets and against the normal approximation on a large one.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include "rl/evaluate/estimate.h"

static int near(double got, double want, double tolerance) { return fabs(got - want) <= tolerance; }

static void comparator_fails(void **state) {
    (void)state;
    assert_true(near(1, 1, 0));
    assert_false(near(1, 1.1, 0.05));
    assert_false(near(NAN, 1, 10));
    assert_false(near(1, NAN, 10));
}

// Among all k-subsets of n samples, of which the first c are correct: the fraction with a correct one.
static double pass_by_counting(int n, int c, int k) {
    long subsets = 0, passing = 0;
    for (unsigned set = 0; set < 1u << n; set++) {
        if (__builtin_popcount(set) != k) continue;
        subsets++;
        passing += (set & ((1u << c) - 1)) != 0;
    }
    return (double)passing / (double)subsets;
}

static void pass_at_k_counts_subsets(void **state) {
    (void)state;
    for (int n = 1; n <= 12; n++)
        for (int c = 0; c <= n; c++)
            for (int k = 1; k <= n; k++) assert_true(near(pass_at_k(n, c, k), pass_by_counting(n, c, k), 1e-13));
}

static void pass_at_k_is_stable(void **state) {
    (void)state;
    // C(20000, 5000) has thousands of digits. One correct sample of n: pass@k is exactly k/n.
    assert_true(near(pass_at_k(20000, 1, 5000), 0.25, 1e-12));
    assert_true(near(pass_at_k(1000000, 10, 1), 1e-5, 1e-15));
    assert_true(near(pass_at_k(20000, 300, 10000), 1, 1e-12));
    assert_true(pass_at_k(20000, 300, 10000) <= 1);
}

static void pass_at_k_refuses(void **state) {
    (void)state;
    assert_true(isnan(pass_at_k(4, 1, 5)));
    assert_true(isnan(pass_at_k(4, 1, 0)));
    assert_true(isnan(pass_at_k(4, 5, 1)));
    assert_true(isnan(pass_at_k(4, -1, 1)));
    assert_true(isnan(pass_at_k(0, 0, 1)));
    assert_true(near(pass_at_k(4, 1, 2), 0.5, 1e-15) && near(pass_at_k(2, 2, 2), 1, 0));
}

// The estimator is unbiased: its mean over Binomial(n, p) is 1 - (1-p)^k; the naive 1 - (1-c/n)^k is not.
static void pass_at_k_is_unbiased(void **state) {
    (void)state;
    const int n = 8, k = 4;
    const double p = 0.2;
    double expected = 0, naive = 0;
    for (int c = 0; c <= n; c++) {
        const double weight = exp(lgamma(n + 1) - lgamma(c + 1) - lgamma(n - c + 1)) * pow(p, c) * pow(1 - p, n - c);
        expected += weight * pass_at_k(n, c, k);
        naive += weight * (1 - pow(1 - (double)c / n, k));
    }
    assert_true(near(expected, 1 - pow(1 - p, k), 1e-12));
    assert_false(near(naive, 1 - pow(1 - p, k), 1e-2));
}

static void majority_breaks_ties_by_first_seen(void **state) {
    (void)state;
    assert_int_equal(majority_vote(5, (int[]){3, 1, 1, 3, 1}), 1);
    assert_int_equal(majority_vote(4, (int[]){7, 2, 2, 7}), 0);
    assert_int_equal(majority_vote(4, (int[]){2, 7, 7, 2}), 0);
    assert_int_equal(majority_vote(6, (int[]){9, 5, 4, 4, 5, 0}), 1);
    assert_int_equal(majority_vote(5, (int[]){-1, -1, -1, 6, -1}), 3); // samples without an answer do not vote
    assert_int_equal(majority_vote(2, (int[]){-1, -1}), -1);
    assert_int_equal(majority_vote(0, NULL), -1);
}

// Equal values: the Clopper-Pearson interval of 0 of P (tables: 0.3085 of 10, 0.0362 of 100), towards either end.
static void bootstrap_of_one_and_of_equal_values(void **state) {
    (void)state;
    double equal[100] = {0};
    Estimate e = bootstrap_mean((double[]){0.3}, 1, 1);
    assert_true(near(e.mean, 0.3, 0) && near(e.low, 0.3 * 0.025, 1e-12) && near(e.high, 1 - 0.7 * 0.025, 1e-12));
    e = bootstrap_mean(equal, 10, 1);
    assert_true(near(e.mean, 0, 0) && near(e.low, 0, 0) && near(e.high, 0.3085, 5e-5));
    e = bootstrap_mean(equal, 100, 1);
    assert_true(near(e.mean, 0, 0) && near(e.low, 0, 0) && near(e.high, 0.0362, 5e-5));
    for (int i = 0; i < 100; i++) equal[i] = 1;
    e = bootstrap_mean(equal, 10, 1);
    assert_true(near(e.mean, 1, 0) && near(e.low, 1 - 0.3085, 5e-5) && near(e.high, 1, 0));
    assert_true(isnan(bootstrap_mean(NULL, 0, 1).mean));
    e = bootstrap_mean((double[]){1, NAN}, 2, 1);
    assert_true(isnan(e.mean) && isnan(e.low) && isnan(e.high));
}

// Three problems: all 27 resamples can be listed. The means of {0, 1, 5} sorted, each with its weight, have their 2.5 %
// quantile at 0 (weight 1/27 = 3.7 %) and their 97.5 % quantile at 5 (the same weight).
static void bootstrap_of_three(void **state) {
    (void)state;
    const Estimate e = bootstrap_mean((double[]){0, 1, 5}, 3, 42);
    assert_true(near(e.mean, 2, 1e-15) && near(e.low, 0, 0) && near(e.high, 5, 0));
}

// 400 problems, 100 of them solved: the standard error is sqrt(0.25 * 0.75 / 400) = 0.02165, the interval 0.25 +-
// 0.0424.
static void bootstrap_of_many(void **state) {
    (void)state;
    double value[400];
    for (int i = 0; i < 400; i++) value[i] = i % 4 == 0;
    const double half = 1.959964 * sqrt(0.25 * 0.75 / 400);
    for (uint64_t seed = 0; seed < 5; seed++) {
        const Estimate e = bootstrap_mean(value, 400, seed << 40 | seed);
        assert_true(near(e.mean, 0.25, 1e-15));
        assert_true(near(e.low, 0.25 - half, 0.005) && near(e.high, 0.25 + half, 0.005));
    }
    const Estimate a = bootstrap_mean(value, 400, 7), b = bootstrap_mean(value, 400, 7);
    assert_true(a.low == b.low && a.high == b.high);
    // Another seed draws other resamples; means of 0/1 values lie on a grid, so compare on values that do not.
    for (int i = 0; i < 400; i++) value[i] = sqrt(i);
    assert_true(bootstrap_mean(value, 400, 7).low != bootstrap_mean(value, 400, 8).low);
    assert_true(bootstrap_mean(value, 400, 7).low != bootstrap_mean(value, 400, 7 | (uint64_t)1 << 32).low);
}

// Two sets of two problems, {0, 1} and {0, 4}: each resample is one of 4 x 4 equally likely ones, with mean of means
// (a + b) / 2, a in {0, .5, .5, 1}, b in {0, 2, 2, 4}: the lowest and the highest have 1/16 = 6 % each.
static void average_of_two_sets(void **state) {
    (void)state;
    const double value[] = {0, 1, 0, 4};
    Estimate e = bootstrap_average(value, (size_t[]){2, 2}, 2, 3);
    assert_true(near(e.mean, 1.25, 1e-15) && near(e.low, 0, 0) && near(e.high, 2.5, 0));
    // Every set has the same weight: three problems and one.
    e = bootstrap_average((double[]){1, 1, 1, 0}, (size_t[]){3, 1}, 2, 3);
    assert_true(near(e.mean, 0.5, 1e-15) && e.low < 0.3 && e.high > 0.7);
    e = bootstrap_average((double[]){1, NAN, 1, 0}, (size_t[]){3, 1}, 2, 3);
    assert_true(isnan(e.mean) && isnan(e.low) && isnan(e.high));
    assert_true(isnan(bootstrap_average(value, (size_t[]){2, 0}, 2, 3).mean));
    assert_true(isnan(bootstrap_average(value, NULL, 0, 3).mean));
}

// Sets of equal values keep their uncertainty in an average: twice 0 of 100 is less certain than 0 of 200, and a mean
// at the end of its range is in the interval.
static void average_of_equal_values(void **state) {
    (void)state;
    double value[200] = {0};
    Estimate e = bootstrap_average(value, (size_t[]){100, 100}, 2, 1);
    // Half the sum of two exponential variables of mean 1/100: its 97.5 % quantile is 5.57 / 200.
    assert_true(near(e.mean, 0, 0) && near(e.low, 0, 0) && near(e.high, 0.0279, 0.002));
    for (int i = 0; i < 100; i++) value[i] = i % 2; // beside a set that does vary
    const double half = 1.959964 * sqrt(0.25 / 100) / 2;
    e = bootstrap_average(value, (size_t[]){100, 100}, 2, 1);
    assert_true(near(e.mean, 0.25, 1e-15) && near(e.low, 0.255 - half, 0.005) && near(e.high, 0.255 + half, 0.005));
}

// Two sets of 400 with variances 0.1875 and 0.09: the standard error of the average is sqrt(0.1875/400 + 0.09/400) / 2.
static void average_of_many(void **state) {
    (void)state;
    double value[800];
    for (int i = 0; i < 800; i++) value[i] = i < 400 ? i % 4 == 0 : i % 10 != 0;
    const double half = 1.959964 * sqrt((0.1875 + 0.09) / 400) / 2;
    const Estimate e = bootstrap_average(value, (size_t[]){400, 400}, 2, 1);
    const Estimate one = bootstrap_average(value, (size_t[]){400}, 1, 1);
    assert_true(near(e.mean, 0.575, 1e-12));
    assert_true(near(e.low, 0.575 - half, 0.003) && near(e.high, 0.575 + half, 0.003));
    const Estimate same = bootstrap_mean(value, 400, 1);
    assert_true(same.mean == one.mean && same.low == one.low && same.high == one.high);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparator_fails),
        cmocka_unit_test(pass_at_k_counts_subsets),
        cmocka_unit_test(pass_at_k_is_stable),
        cmocka_unit_test(pass_at_k_refuses),
        cmocka_unit_test(pass_at_k_is_unbiased),
        cmocka_unit_test(majority_breaks_ties_by_first_seen),
        cmocka_unit_test(bootstrap_of_one_and_of_equal_values),
        cmocka_unit_test(bootstrap_of_three),
        cmocka_unit_test(bootstrap_of_many),
        cmocka_unit_test(average_of_two_sets),
        cmocka_unit_test(average_of_equal_values),
        cmocka_unit_test(average_of_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
