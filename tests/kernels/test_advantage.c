// Group advantages of every kind, the normalisers of the modulation, and the release's estimate of E.
#include "kernels/advantage.h"
#include "tests/kernels/kernel_test.h"

static float *advantages(KernelTest *t, const float *h_reward, const int *h_starts, int P, AdvantageKind kind) {
    float *A = DEVICE(t, float, h_starts[P]);
    group_advantage(t->dev, A, UPLOAD(t, h_reward, h_starts[P]), UPLOAD(t, h_starts, P + 1), P, kind);
    return DOWNLOAD(t, A, h_starts[P]);
}

static void test_by_hand(void **state) {
    (void)state;
    KernelTest t = test_open();
    const float reward[] = {1, 0, 0, 0, /**/ 1, /**/ 0.5f, 2.5f};
    const int starts[] = {0, 4, 5, 7};
    const double s = 1 / (0.5 + 1e-6), d = 1 / (sqrt(2) + 1e-6); // std of the groups: 0.5; none; sqrt 2
    const double want[4][7] = {{0.75 * s, -0.25 * s, -0.25 * s, -0.25 * s, 0, -d, d},
                               {0.75, -0.25, -0.25, -0.25, 0, -1, 1},
                               {1, -1 / 3., -1 / 3., -1 / 3., 0, -2, 2},
                               {1, 0, 0, 0, 1, 0.5, 2.5}};
    for (AdvantageKind kind = ADVANTAGE_GRPO; kind < ADVANTAGE_KINDS; kind++) {
        float *got = advantages(&t, reward, starts, 3, kind);
        for (int j = 0; j < 7; j++) assert_true(near(got[j], want[kind][j], 8 * UNIT_FP32 * fabs(want[kind][j])));
    }
    test_close(&t);
}

// A group that all got the same has exactly 0, though the mean of seven times 0.1f is not 0.1f in fp32.
static void test_no_spread(void **state) {
    (void)state;
    KernelTest t = test_open();
    enum { P = 40 };
    int starts[P + 1] = {0};
    for (int i = 0; i < P; i++) starts[i + 1] = starts[i] + 1 + i;
    float *reward = HOST(&t, float, starts[P]);
    for (int j = 0; j < starts[P]; j++) reward[j] = 0.1f;
    for (AdvantageKind kind = ADVANTAGE_GRPO; kind < ADVANTAGE_REWARD; kind++) {
        float *got = advantages(&t, reward, starts, P, kind);
        for (int j = 0; j < starts[P]; j++) assert_true(got[j] == 0);
    }
    test_close(&t);
}

static Sum reference(const float *reward, int n, int j, AdvantageKind kind) {
    double mean = 0, squares = 0, scale = 1;
    for (int i = 0; i < n; i++) mean += (double)reward[i] / n;
    for (int i = 0; i < n; i++) squares += (reward[i] - mean) * (reward[i] - mean);
    if (kind == ADVANTAGE_REWARD) return (Sum){reward[j], 0};
    if (n == 1) return (Sum){0, 0};
    if (kind == ADVANTAGE_GRPO) scale = 1 / (sqrt(squares / (n - 1)) + 1e-6);
    if (kind == ADVANTAGE_RLOO) { // R - mean of the others
        double others = 0;
        for (int i = 0; i < n; i++) others += i == j ? 0 : (double)reward[i] / (n - 1);
        return (Sum){reward[j] - others, fabs(reward[j]) + fabs(others)};
    }
    return (Sum){(reward[j] - mean) * scale, (fabs(reward[j]) + fabs(mean)) * scale};
}

static void test_many_groups(void **state) {
    (void)state;
    KernelTest t = test_open();
    enum { P = 301 };
    int starts[P + 1] = {0};
    for (int i = 0; i < P; i++) starts[i + 1] = starts[i] + 1 + (i * 5) % 70;
    float *reward = random_floats(&t, starts[P], 1, 1);
    for (int j = 0; j < starts[P]; j++) reward[j] = j % 3 ? reward[j] > 0.4f : reward[j];
    Sum *want = HOST(&t, Sum, starts[P]);
    for (AdvantageKind kind = ADVANTAGE_GRPO; kind < ADVANTAGE_KINDS; kind++) {
        for (int i = 0; i < P; i++)
            for (int j = starts[i]; j < starts[i + 1]; j++)
                want[j] = reference(reward + starts[i], starts[i + 1] - starts[i], j - starts[i], kind);
        check_values("advantage", advantages(&t, reward, starts, P, kind), want, starts[P], 70, 0, UNIT_FP32);
    }
    test_close(&t);
}

static TokenPolicy *some_tokens(KernelTest *t, int M, float *A) {
    TokenPolicy *p = HOST(t, TokenPolicy, M + 1);
    for (int m = 0; m < M; m++) {
        p[m] = (TokenPolicy){(float)(-3 + 3 * random_at(1, m)), (float)(1.2 + random_at(2, m)),
                             (float)(0.2 * random_at(3, m))};
        A[m] = m % 7 == 6 ? 0 : (float)(2 * random_at(4, m));
    }
    return p;
}

static void check_norms(int M, bool override) {
    KernelTest t = test_open();
    float *h_A = HOST(&t, float, M + 1), *h_E = random_floats(&t, M + 1, 9, 0.3), *norms = DEVICE(&t, float, 3);
    TokenPolicy *h_p = some_tokens(&t, M, h_A);
    modulation_norms(t.dev, norms, UPLOAD(&t, h_p, M), UPLOAD(&t, h_A, M), override ? UPLOAD(&t, h_E, M) : NULL, M);
    float *got = DOWNLOAD(&t, norms, 3), low = M ? h_p[0].entropy : 0, high = low;
    Sum largest = {0};
    for (int m = 0; m < M; m++) { // Eq. 29 with r = 1: dH = -A (pi_a (log pi_a + H) - E)
        double E = override ? h_E[m] : h_p[m].E, pi = exp(h_p[m].logp), lambda = (double)h_p[m].logp + h_p[m].entropy,
               delta = fabs(h_A[m] * (pi * lambda - E));
        low = fminf(low, h_p[m].entropy), high = fmaxf(high, h_p[m].entropy);
        if (delta > largest.value)
            largest = (Sum){delta, fabs(h_A[m]) * (pi * (1 + 6 + fabs(h_p[m].logp) + h_p[m].entropy) + fabs(E))};
    }
    assert_true(got[0] == low && got[1] == high);
    assert_true(near(got[2], largest.value, allowed(largest, 1, 0, UNIT_FP32)));
    test_close(&t);
}

static void test_norms(void **state) {
    (void)state;
    const int sizes[] = {0, 1, 2, 31, 1000, 70001};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check_norms(sizes[i], false), check_norms(sizes[i], true);
}

static void test_response_mean(void **state) {
    (void)state;
    KernelTest t = test_open();
    enum { B = 90 };
    int starts[B + 1] = {0};
    for (int b = 0; b < B; b++) starts[b + 1] = starts[b] + 1 + (b * 11) % 400;
    int M = starts[B];
    TokenPolicy *p = some_tokens(&t, M, HOST(&t, float, M));
    float *E = DEVICE(&t, float, M);
    response_mean_E(t.dev, E, UPLOAD(&t, p, M), UPLOAD(&t, starts, B + 1), B);
    Sum *want = HOST(&t, Sum, M);
    for (int b = 0; b < B; b++) {
        Sum mean = {0};
        int n = starts[b + 1] - starts[b];
        for (int m = starts[b]; m < starts[b + 1]; m++) {
            double pi = exp(p[m].logp);
            mean.value += pi * ((double)p[m].logp + p[m].entropy) / n;
            mean.magnitude += pi * (1 + fabs(p[m].logp)) * (fabs(p[m].logp) + p[m].entropy) / n;
        }
        for (int m = starts[b]; m < starts[b + 1]; m++) want[m] = mean;
    }
    check_fp32(&t, "response mean", E, want, M, 400, 0);
    test_close(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand), cmocka_unit_test(test_no_spread),
                                       cmocka_unit_test(test_many_groups), cmocka_unit_test(test_norms),
                                       cmocka_unit_test(test_response_mean)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
