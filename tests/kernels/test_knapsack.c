// Allocation by marginal value: examples by hand, the best of all allocations by brute force, and on large problems a
// certificate: no rollout would be worth more with another prompt.
#include "kernels/knapsack.h"
#include "tests/kernels/kernel_test.h"

enum { P_MAX = 1000 };
static const AllocateKind kinds[] = {ALLOCATE_KNAPSACK, ALLOCATE_ORACLE};

static void allocate(int *n, const double *k, const double *G, int P, const AllocateConfig *c) {
    KernelTest t = test_open();
    int *d_n = DEVICE(&t, int, P);
    double *ideal = DEVICE(&t, double, P), *correct = UPLOAD(&t, k, P), *verified = UPLOAD(&t, G, P);
    allocate_rollouts(t.dev, d_n, NULL, correct, verified, P, c);
    memcpy(n, DOWNLOAD(&t, d_n, P), (size_t)P * sizeof *n);
    allocate_rollouts(t.dev, d_n, ideal, correct, verified, P, c);
    const double *h_ideal = DOWNLOAD(&t, ideal, P);
    for (int i = 0; i < P; i++) assert_true(h_ideal[i] == n[i]);
    test_close(&t);
}

// V(n), as knapsack.h defines it.
static double value(double k, double G, int n, AllocateKind kind) {
    double p = (k + 1) / (G + 2), mean_square = p * (k + 2) / (G + 3);
    if (kind == ALLOCATE_ORACLE) return -(p - mean_square) / n;
    return (1 - pow(p, n) - pow(1 - p, n)) * p * pow(1 - p, 2);
}

static double worth(const double *k, const double *G, const int *n, int P, AllocateKind kind) {
    double sum = 0;
    for (int i = 0; i < P; i++) sum += value(k[i], G[i], n[i], kind);
    return sum;
}

static void expect(const double *k, const double *G, int P, AllocateConfig c, const int *want) {
    int n[P_MAX];
    allocate(n, k, G, P, &c);
    for (int i = 0; i < P; i++)
        if (n[i] != want[i]) fail_msg("prompt %d gets %d, want %d", i, n[i], want[i]);
}
#define LIST(type, ...) ((const type[]){__VA_ARGS__})

static void test_by_hand(void **state) {
    (void)state;
    const AllocateConfig c = {ALLOCATE_KNAPSACK, 4, 2, 8, 4, 0.85}, oracle = {ALLOCATE_ORACLE, 4, 2, 8, 4, 0.85};
    // p = .5 .8; later rollouts add .03125 .01563 .00781 .00391 and .00512 .00348
    expect(LIST(double, 1, 7), LIST(double, 2, 8), 2, c, LIST(int, 5, 3));
    // Never seen is p = .5, and equals share alike, the lower index first.
    expect(LIST(double, 0, 1, 0), LIST(double, 0, 2, 0), 3, c, LIST(int, 4, 4, 4));
    const AllocateConfig odd = {ALLOCATE_KNAPSACK, 3, 2, 5, 4, 0.85}, tight = {ALLOCATE_KNAPSACK, 5, 1, 6, 4, 0.85};
    expect(LIST(double, 4, 1, 1, 4), LIST(double, 4, 2, 2, 4), 4, odd, LIST(int, 2, 4, 4, 2));
    // p = 1/4 beats 3/4 at the same chance of spread: p (1-p)^2 is .141 and .047. It is held at `high`.
    expect(LIST(double, 2, 0), LIST(double, 2, 2), 2, tight, LIST(int, 4, 6));
    // s = .2 and .14545: .0333 .0167 .0100 and .0242 .0121
    expect(LIST(double, 1, 7), LIST(double, 2, 8), 2, oracle, LIST(int, 4, 4));
    // s = 1/6 and 7/72: with wide bounds n is next to Neyman's 12 sqrt(s) / sum sqrt(s), 6.80 and 5.20
    const AllocateConfig wide = {ALLOCATE_ORACLE, 6, 1, 12, 4, 0.85};
    expect(LIST(double, 0, 6), LIST(double, 0, 6), 2, wide, LIST(int, 7, 5));
    const AllocateConfig fixed = {ALLOCATE_KNAPSACK, 4, 4, 4, 4, 0.85};
    expect(LIST(double, 1, 7), LIST(double, 2, 8), 2, fixed, LIST(int, 4, 4));
}

static void some_history(double *k, double *G, int P, uint32_t stream) {
    for (int i = 0; i < P; i++) {
        G[i] = floor(20 * (random_at(stream, 2 * (size_t)i) + 1));
        k[i] = floor(0.5 * (random_at(stream, 2 * (size_t)i + 1) + 1) * (G[i] + 0.999));
    }
}

// The largest worth of prompts i .. P-1 with `left` rollouts.
static double best_worth(const double *k, const double *G, int i, int P, int left, const AllocateConfig *c) {
    if (i == P) return left == 0 ? 0 : -INFINITY;
    double best = -INFINITY;
    for (int n = c->low; n <= c->high; n++)
        best = fmax(best, value(k[i], G[i], n, c->kind) + best_worth(k, G, i + 1, P, left - n, c));
    return best;
}

static void test_brute_force(void **state) {
    (void)state;
    for (uint32_t trial = 0; trial < 200; trial++) {
        int P = 1 + (int)(trial % 5), n[5], sum = 0;
        AllocateConfig c = {kinds[trial / 5 % 2], 4, 1 + (int)(trial % 4), 4 + (int)(trial / 2 % 5), 4, 0.85};
        double k[5], G[5];
        some_history(k, G, P, 1 + trial);
        allocate(n, k, G, P, &c);
        for (int i = 0; i < P; i++) sum += n[i];
        double got = worth(k, G, n, P, c.kind), best = best_worth(k, G, 0, P, P * c.rollouts, &c);
        if (sum != P * c.rollouts || !near(got, best, 1e-12))
            fail_msg("trial %u: %d rollouts are worth %.15g, the best is %.15g", trial, sum, got, best);
    }
}

static void check_large(int P, const AllocateConfig *c, uint32_t stream) {
    static double k[P_MAX], G[P_MAX];
    int n[P_MAX], more[P_MAX];
    double most_next = -1, least_last = INFINITY;
    long long sum = 0;
    some_history(k, G, P, stream);
    allocate(n, k, G, P, c);
    for (int i = 0; i < P; i++) {
        double now = value(k[i], G[i], n[i], c->kind);
        assert_true(n[i] >= c->low && n[i] <= c->high);
        sum += n[i];
        if (n[i] < c->high) most_next = fmax(most_next, value(k[i], G[i], n[i] + 1, c->kind) - now);
        if (n[i] > c->low) least_last = fmin(least_last, now - value(k[i], G[i], n[i] - 1, c->kind));
        for (int j = 0; j < i; j++) // equal histories: within one, the lower index first
            if (k[j] == k[i] && G[j] == G[i]) assert_true(n[j] == n[i] || n[j] == n[i] + 1);
    }
    assert_true(sum == (long long)P * c->rollouts && most_next <= least_last + 1e-12);
    AllocateConfig larger = *c;
    larger.rollouts += larger.rollouts < larger.high;
    allocate(more, k, G, P, &larger);
    for (int i = 0; i < P; i++) assert_true(more[i] >= n[i]); // a larger budget takes from nobody
}

static void test_large(void **state) {
    (void)state;
    const int sizes[] = {1, 2, 63, 64, 65, 200, P_MAX};
    KernelTest t = test_open();
    size_t count = is_slow(&t) ? 5 : 7;
    test_close(&t);
    for (int kind = 0; kind < 2; kind++)
        for (size_t s = 0; s < count; s++) {
            check_large(sizes[s], &(AllocateConfig){kinds[kind], 16, 8, 24, 4, 0.85}, 300 + (uint32_t)s);
            check_large(sizes[s], &(AllocateConfig){kinds[kind], 8, 1, 60, 4, 0.85}, 400 + (uint32_t)s);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand), cmocka_unit_test(test_brute_force),
                                       cmocka_unit_test(test_large)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
