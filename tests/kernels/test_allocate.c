// Allocation: the real-valued shares solve the rule of allocate.h; the whole numbers are the nearest to them that add
// up (a search over all); bounds, sum and ties hold everywhere.
#include "kernels/allocate.h"
#include "tests/kernels/kernel_test.h"

enum { P_MAX = 3000 };
typedef struct Answer {
    int n[P_MAX];
    double ideal[P_MAX];
} Answer;

static void allocate(Answer *a, const double *k, const double *G, int P, const AllocateConfig *c) {
    KernelTest t = test_open();
    int *n = DEVICE(&t, int, P), *again = DEVICE(&t, int, P);
    double *ideal = DEVICE(&t, double, P), *correct = UPLOAD(&t, k, P), *verified = UPLOAD(&t, G, P);
    allocate_rollouts(t.dev, n, ideal, correct, verified, P, c);
    allocate_rollouts(t.dev, again, NULL, correct, verified, P, c); // ideal may be NULL
    int *h_n = DOWNLOAD(&t, n, P), *h_again = DOWNLOAD(&t, again, P);
    assert_memory_equal(h_n, h_again, (size_t)P * sizeof *h_n);
    memcpy(a->n, h_n, (size_t)P * sizeof *h_n);
    memcpy(a->ideal, DOWNLOAD(&t, ideal, P), (size_t)P * sizeof(double));
    test_close(&t);
}

static bool takes_part(double G, const AllocateConfig *c) {
    return c->kind == ALLOCATE_BETA || (c->kind != ALLOCATE_UNIFORM && G >= c->explore);
}

static double weight(double k, double G, const AllocateConfig *c) {
    double mean = (k + 1) / (G + 2), mean_square = mean * (k + 2) / (G + 3); // of Beta(k + 1, G - k + 1)
    if (c->kind == ALLOCATE_BETA) return mean - mean_square;
    double variance = k * (G - k) / (G * (G - 1)), w = c->kind == ALLOCATE_STDDEV ? sqrt(variance) : variance;
    return k / G >= c->mastered || w < 0.01 ? 0.01 : w;
}

// share_i = min(high, low + lambda w_i) for the one lambda at which they add up: found by bisection.
static void reference_shares(double *share, const double *k, const double *G, int P, const AllocateConfig *c) {
    double low = 0, high = 1e9, budget = 0;
    for (int i = 0; i < P; i++) budget += takes_part(G[i], c) ? c->rollouts : 0;
    for (int step = 0; step < 200; step++) {
        double lambda = (low + high) / 2, sum = 0;
        for (int i = 0; i < P; i++)
            if (takes_part(G[i], c)) sum += fmin(c->high, c->low + lambda * weight(k[i], G[i], c));
        if (sum < budget) low = lambda;
        else high = lambda;
    }
    for (int i = 0; i < P; i++)
        share[i] = takes_part(G[i], c) ? fmin(c->high, c->low + high * weight(k[i], G[i], c)) : c->rollouts;
}

static void check_bounds(const Answer *a, const double *G, int P, const AllocateConfig *c) {
    long long sum = 0;
    for (int i = 0; i < P; i++) {
        sum += a->n[i];
        if (takes_part(G[i], c)) assert_true(a->n[i] >= c->low && a->n[i] <= c->high && near(a->n[i], a->ideal[i], 1));
        else assert_int_equal(a->n[i], c->rollouts);
    }
    assert_true(sum == (long long)P * c->rollouts);
}

static void some_history(double *k, double *G, int P, uint32_t stream, bool whole) {
    for (int i = 0; i < P; i++) {
        double g = 30 * (random_at(stream, 2 * (size_t)i) + 1), rate = 0.5 * (random_at(stream, 2 * (size_t)i + 1) + 1);
        if (i % 6 == 5) rate = i % 12 == 5; // never and always
        G[i] = whole ? floor(g) : g;
        k[i] = whole ? floor(rate * (G[i] + 0.5)) : rate * G[i];
        k[i] = k[i] > G[i] ? G[i] : k[i];
    }
}

static void check_random(int P, const AllocateConfig *c, uint32_t stream, bool whole) {
    static Answer a;
    static double k[P_MAX], G[P_MAX], share[P_MAX];
    some_history(k, G, P, stream, whole);
    allocate(&a, k, G, P, c);
    check_bounds(&a, G, P, c);
    reference_shares(share, k, G, P, c);
    double before = 0, after = 0;
    for (int i = 0; i < P; i++) {
        assert_true(near(a.ideal[i], share[i], 1e-7));
        double w = takes_part(G[i], c) ? weight(k[i], G[i], c) : 0;
        before += w * w / c->rollouts, after += w * w / a.ideal[i];
        for (int j = 0; P < 300 && j < P; j++) // what weighs more never gets less
            if (takes_part(G[i], c) && takes_part(G[j], c) && weight(k[i], G[i], c) > weight(k[j], G[j], c) + 1e-9)
                assert_true(a.n[i] >= a.n[j]);
    }
    if (c->kind == ALLOCATE_STDDEV) assert_true(after <= before * (1 + 1e-12)); // sum sigma^2 / n, against uniform
}

static bool slow(void) {
    KernelTest t = test_open();
    bool answer = is_slow(&t);
    test_close(&t);
    return answer;
}

static void test_random(void **state) {
    (void)state;
    const int sizes[] = {1, 2, 3, 17, 64, 250, 3000};
    for (AllocateKind kind = slow() ? ALLOCATE_STDDEV : ALLOCATE_UNIFORM; kind < ALLOCATE_KNAPSACK; kind++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int whole = 0; whole < 2; whole++) {
                check_random(sizes[s], &(AllocateConfig){kind, 16, 8, 24, 4, 0.85}, 1 + (uint32_t)s, whole);
                check_random(sizes[s], &(AllocateConfig){kind, 5, 1, 40, 2, 1}, 20 + (uint32_t)s, whole);
                uint32_t u = (uint32_t)s;
                check_random(sizes[s], &(AllocateConfig){kind, 7, 7, 9, 4, 0.85}, 40 + u, whole); // no room below
                check_random(sizes[s], &(AllocateConfig){kind, 7, 3, 7, 4, 0.85}, 60 + u, whole); // none above
                check_random(sizes[s], &(AllocateConfig){kind, 8, 7, 9, 40, 0.5}, 80 + u, whole); // few take part
            }
}

// Searches all whole-number allocations within the bounds that add up: the best has the least sum of squared distances
// to the shares and, among equals, more at the lower indices. Largest remainders, ties to the lower index, find the
// same.
typedef struct Search {
    const double *share, *G;
    const AllocateConfig *c;
    int P, n[6], best[6];
    double distance;
} Search;

static void search(Search *s, int i, int left, double distance) {
    if (distance > s->distance + 1e-9) return;
    if (i == s->P) {
        bool better = distance < s->distance - 1e-9;
        for (int j = 0; !better && j < s->P && s->n[j] >= s->best[j]; j++) better = s->n[j] > s->best[j];
        if (left != 0 || !better) return;
        memcpy(s->best, s->n, sizeof s->best);
        s->distance = distance < s->distance ? distance : s->distance;
        return;
    }
    int low = takes_part(s->G[i], s->c) ? s->c->low : s->c->rollouts,
        high = takes_part(s->G[i], s->c) ? s->c->high : s->c->rollouts;
    for (int n = low; n <= high; n++) {
        s->n[i] = n;
        search(s, i + 1, left - n, distance + (n - s->share[i]) * (n - s->share[i]));
    }
}

static void test_brute_force(void **state) {
    (void)state;
    static Answer a;
    for (uint32_t trial = 0, trials = slow() ? 30 : 300; trial < trials; trial++) {
        int P = 1 + (int)(trial % 6);
        AllocateConfig c = {(AllocateKind)(ALLOCATE_VARIANCE + trial % 3), 4, 1 + (int)(trial % 4),
                            4 + (int)(trial / 2 % 5), 3, 0.85};
        double k[6], G[6], share[6];
        some_history(k, G, P, 200 + trial, trial % 3 != 0);
        for (int i = 0; i < P; i++)
            G[i] = trial % 5 == 0 ? 6 : G[i], k[i] = trial % 5 == 0 ? 1 + i % 3 : k[i]; // many ties
        reference_shares(share, k, G, P, &c);
        Search s = {share, G, &c, P, {0}, {0}, INFINITY};
        search(&s, 0, P * c.rollouts, 0);
        allocate(&a, k, G, P, &c);
        for (int i = 0; i < P; i++)
            if (a.n[i] != s.best[i])
                fail_msg("trial %u: prompt %d gets %d, best is %d (share %.12g)", trial, i, a.n[i], s.best[i],
                         share[i]);
    }
}

static void expect(const double *k, const double *G, int P, AllocateConfig c, const int *want) {
    static Answer a;
    allocate(&a, k, G, P, &c);
    for (int i = 0; i < P; i++)
        if (a.n[i] != want[i]) fail_msg("prompt %d gets %d, want %d", i, a.n[i], want[i]);
}
#define LIST(type, ...) ((const type[]){__VA_ARGS__})

static void test_by_hand(void **state) {
    (void)state;
    const AllocateConfig c = {ALLOCATE_VARIANCE, 16, 8, 24, 4, 0.85};
    const AllocateConfig uniform = {ALLOCATE_UNIFORM, 16, 8, 24, 4, 0.85};
    expect(LIST(double, 0, 5, 2), LIST(double, 9, 9, 9), 3, uniform, LIST(int, 16, 16, 16));
    expect(LIST(double, 0, 0, 0), LIST(double, 0, 3, 3.9), 3, c, LIST(int, 16, 16, 16));           // nobody is explored
    expect(LIST(double, 9, 10, 20), LIST(double, 10, 10, 20), 3, c, LIST(int, 16, 16, 16));        // all are mastered
    expect(LIST(double, 0, 0, 0, 0), LIST(double, 8, 8, 16, 9), 4, c, LIST(int, 16, 16, 16, 16)); // all are hopeless
    // 4 of 8: P = 16/56; mastered: 0.01. The first would get 8 + 32 * 0.93 and is held at 24; the others share 48 - 24.
    expect(LIST(double, 4, 8, 8), LIST(double, 8, 8, 8), 3, c, LIST(int, 24, 12, 12));
    // an unexplored prompt keeps its 16
    expect(LIST(double, 3, 0, 3), LIST(double, 6, 1, 6), 3, c, LIST(int, 16, 16, 16));
    // the example of allocate.h: v = .25 .25 0 0, and the last one is mastered
    expect(LIST(double, 1, 3, 0, 4), LIST(double, 4, 4, 4, 4), 4, c, LIST(int, 23, 23, 9, 9));
    const AllocateConfig odd = {ALLOCATE_VARIANCE, 3, 1, 5, 4, 0.85};
    // shares 4.87 4.87 1.13 1.13
    expect(LIST(double, 3, 3, 8, 8), LIST(double, 6, 6, 8, 8), 4, odd, LIST(int, 5, 5, 1, 1));
    const AllocateConfig tie = {ALLOCATE_VARIANCE, 4, 1, 9, 4, 0.85};
    // shares 1.15 5.42 5.42: the odd one goes to the lower index
    expect(LIST(double, 0, 3, 3), LIST(double, 6, 6, 6), 3, tie, LIST(int, 1, 6, 5));
    const AllocateConfig sigma = {ALLOCATE_STDDEV, 10, 1, 30, 2, 1};
    // sqrt(1/3) and sqrt(1.75/12): of the surplus of 18, 10.83 and 7.17
    expect(LIST(double, 2, 0.5), LIST(double, 4, 4), 2, sigma, LIST(int, 12, 8));
}

// The mean of p (1-p) under Beta(c + 1, v - c + 1): 1/6 unseen, 25/110 after 4 of 8, 9/110 after 8 of 8. Of the surplus
// of 24 that is 8.41, 11.46 and 4.13: the prompt never seen and the one always solved get what they are worth.
static void test_beta_by_hand(void **state) {
    (void)state;
    const AllocateConfig c = {ALLOCATE_BETA, 16, 8, 24, 4, 0.85};
    expect(LIST(double, 0, 4, 8), LIST(double, 0, 8, 8), 3, c, LIST(int, 16, 20, 12));
    expect(LIST(double, 8, 4, 0), LIST(double, 8, 8, 8), 3, c, LIST(int, 13, 22, 13)); // alike at both ends
    expect(LIST(double, 0, 0, 0), LIST(double, 0, 0, 0), 3, c, LIST(int, 16, 16, 16));
    // A long history of one outcome weighs .0096, not 0 and not the others' 36/156: shares 8.49 19.76 19.76
    expect(LIST(double, 100, 5, 5), LIST(double, 100, 10, 10), 3, c, LIST(int, 8, 20, 20));
    assert_true(posterior_variance(0, 1e15) > 0 && posterior_variance(1e15, 1e15) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand), cmocka_unit_test(test_beta_by_hand),
                                       cmocka_unit_test(test_brute_force), cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
