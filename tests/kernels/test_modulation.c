// The factors of DynaMO's modulation and the loss of one token, computed by hand.
#include "kernels/modulation.h"
#include "tests/kernels/kernel_test.h"

static bool close_to(double got, double want) { return near(got, want, 2e-6 * (1 + fabs(want))); }

static void test_compensation(void **state) {
    (void)state;
    PolicyObjective o = {.comp = 0.4f, .entropy_min = 0.5f, .entropy_max = 2.5f};
    assert_true(close_to(compensation(&o, 0.5f, 1), 1.4) && close_to(compensation(&o, 2.5f, 1), 1) &&
                close_to(compensation(&o, 1, 0.1f), 1.3));
    assert_true(compensation(&o, 0.5f, -1) == 1 && compensation(&o, 0.5f, 0) == 1);
    assert_true(close_to(compensation(&o, 0.1f, 1), 1.4) && close_to(compensation(&o, 9, 1), 1)); // H is clamped
    o.entropy_min = 2.5f;
    assert_true(compensation(&o, 1, 1) == 1); // no spread
    o.const_boost = 0.3f;
    assert_true(close_to(compensation(&o, 1, 1), 1.3) && compensation(&o, 1, -1) == 1);
    assert_true(compensation(&(PolicyObjective){.entropy_max = 3}, 1, 1) == 1); // off
}

static void test_stabilisation(void **state) {
    (void)state;
    PolicyObjective o = {.stab = 0.4f, .stab_gamma = 50, .stab_tau = 0.9f, .delta_max = 2};
    assert_true(close_to(stabilisation(&o, 1.8f), 0.8) && close_to(stabilisation(&o, -1.8f), 0.8)); // x = tau: half way
    assert_true(close_to(stabilisation(&o, 0), 1) && close_to(stabilisation(&o, 2), 0.6 + 0.4 / (1 + exp(5))));
    assert_true(stabilisation(&o, 7) == stabilisation(&o, 2)); // x is held to 1
    o.delta_max = 0;
    assert_true(close_to(stabilisation(&o, 1), 1));
    assert_true(stabilisation(&(PolicyObjective){.delta_max = 1}, 1) == 1); // off
}

static void test_entropy_change(void **state) {
    (void)state;
    TokenPolicy p = {logf(0.5f), 1, 0.1f}; // pi Lambda = 0.5 (1 - ln 2)
    assert_true(close_to(entropy_change(p, 2, 3, false), -6 * (0.5 * (1 - log(2)) - 0.1)));
    assert_true(close_to(entropy_change(p, 1, -1, false), 0.5 * (1 - log(2)) - 0.1));
    assert_true(entropy_change(p, 2, 3, true) == 0);
    assert_true(close_to(entropy_change((TokenPolicy){-INFINITY, 1, 0.1f}, 1, -1, false), -0.1)); // pi log pi -> 0
    assert_true(isnan(entropy_change((TokenPolicy){NAN, 1, 0.1f}, 1, -1, false)));
}

typedef struct PushCase {
    double ratio, A, loss, dlogp, clipped;
} PushCase;

static void test_push(void **state) {
    (void)state;
    const PolicyObjective o = {.inv_temp = 1, .eps_low = 0.2f, .eps_high = 0.3f, .dual_clip = 4};
    const TokenPolicy p = {-1, 1, 0};
    const PushCase cases[] = {
        {1, 2, -2, 2, 0},  {1.25, 2, -2.5, 2.5, 0}, {1.5, 2, -2.6, 0, 1}, {0.5, 2, -1, 1, 0}, // A > 0: clipped above
        {1, -2, 2, -2, 0}, {0.9, -2, 1.8, -1.8, 0}, {0.5, -2, 1.6, 0, 1}, {3, -2, 6, -6, 0},  // A < 0: clipped below
        {5, -2, 8, 0, 1},  {3.9, -2, 7.8, -7.8, 0}, // and by the dual clip at 4
        {5, 0, 0, 0, 0},   {0.1, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const PushCase *c = &cases[i];
        TokenPush t = token_push(&o, p, (float)(p.logp - log(c->ratio)), (float)c->A, p.E, NULL);
        assert_true(close_to(t.ratio, c->ratio) && close_to(t.loss, c->loss) && close_to(t.dlogp, c->dlogp) &&
                    t.clipped == (float)c->clipped);
        assert_true(t.b_comp == 1 && t.b_stab == 1);
    }
    // modulated: A' = 1 * 1.2 * 0.8 where H lies half way and |dH| at tau
    const PolicyObjective m = {.eps_low = 0.2f, .eps_high = 0.2f, .comp = 0.4f, .entropy_max = 2, .stab = 0.4f,
                               .stab_gamma = 50, .stab_tau = 0.5f, .delta_max = 0.5f};
    TokenPush t = token_push(&m, (TokenPolicy){-1, 1, 0}, -1, 1, 0.25f, NULL); // Lambda = 0, so dH = E
    assert_true(close_to(t.b_comp, 1.2) && close_to(t.b_stab, 0.8) && close_to(t.loss, -0.96) &&
                close_to(t.dlogp, 0.96));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_compensation), cmocka_unit_test(test_stabilisation),
                                       cmocka_unit_test(test_entropy_change), cmocka_unit_test(test_push)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
