// The history of a prompt with and without decay, the bins of pass rates, and the learning rate's schedule.
#include "rl/history.h"
#include "rl/trainer.h"
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static bool near(double got, double want, double tolerance) { return fabs(got - want) <= tolerance; }

static void test_near(void **state) {
    (void)state;
    assert_true(near(1, 1, 0) && !near(1, 1.1, 0.05) && !near(NAN, 1, 1) && !near(1, NAN, 1));
}

static void test_visits(void **state) {
    (void)state;
    Problem problems[3] = {{.id = 11}, {.id = 22}, {.id = 33}};
    ProblemSet set = {.items = problems, .count = 3};
    History h = history_new(&set);
    assert_true(history_pass_rate(&h, 1) == -1);
    history_visit(&h, 1, 22, 8, 2, 30, 1);
    history_visit(&h, 1, 22, 4, 4, 20, 1);
    assert_true(h.verified[1] == 12 && h.correct[1] == 6 && h.length[1] == 20 && history_pass_rate(&h, 1) == 0.5);
    history_visit(&h, 1, 22, 10, 0, 5, 0.5); // earlier visits count half
    assert_true(h.verified[1] == 16 && h.correct[1] == 3 && h.length[1] == 5);
    assert_true(near(history_pass_rate(&h, 1), 3. / 16, 1e-15));
    history_visit(&h, 1, 22, 3, 3, 7, 0); // not at all
    assert_true(h.verified[1] == 3 && h.correct[1] == 3);
    assert_true(h.verified[0] == 0 && h.verified[2] == 0 && history_pass_rate(&h, 0) == -1);
    double verified = 0; // with decay d, n rollouts per visit converge to n / (1 - d)
    for (int visit = 0; visit < 200; visit++) history_visit(&h, 2, 33, 16, 4, 1, 0.9), verified = 0.9 * verified + 16;
    assert_true(near(h.verified[2], verified, 1e-9) && near(verified, 160, 1e-6));
    assert_true(near(history_pass_rate(&h, 2), 0.25, 1e-12));
    history_free(&h);
    assert_null(h.id);
}

static void test_bins(void **state) {
    (void)state;
    assert_true(pass_rate_bin(0) == 0 && pass_rate_bin(1) == 10 && pass_rate_bin(0.5) == 5 && pass_rate_bin(0.26) == 3);
    assert_true(pass_rate_bin(1e-9) == 1 && pass_rate_bin(1 - 1e-9) == 9); // the end bins are exactly 0 and 1
}

static void test_learning_rate(void **state) {
    (void)state;
    for (int i = 0; i < 10; i++) // linear learning-rate warm-up, its last step at the peak
        assert_true(near(learning_rate(2e-3, i, 100, 10, i % 2), 2e-4 * (i + 1), 1e-9));
    for (int i = 10; i < 100; i++) assert_true(learning_rate(2e-3, i, 100, 10, false) == 2e-3f);
    assert_true(near(learning_rate(1, 10, 110, 10, true), 1, 1e-7));
    assert_true(near(learning_rate(1, 60, 110, 10, true), 0.55, 1e-7));
    assert_true(near(learning_rate(1, 35, 110, 10, true), 0.1 + 0.45 * (1 + sqrt(0.5)), 1e-6));
    assert_true(learning_rate(1, 109, 110, 10, true) > 0.1f && near(learning_rate(1, 110, 110, 10, true), 0.1, 1e-7));
    for (int i = 11; i < 110; i++)
        assert_true(learning_rate(1, i, 110, 10, true) < learning_rate(1, i - 1, 110, 10, true));
    assert_true(learning_rate(1, 0, 100, 0, false) == 1 && learning_rate(1, 7, 5, 5, true) == 1);
    assert_true(near(learning_rate(1, 3, 5, 8, true), 0.5, 1e-7));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near),
        cmocka_unit_test(test_visits),
        cmocka_unit_test(test_bins),
        cmocka_unit_test(test_learning_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
