// Sampling: the draw is the inversion that sample.h promises, from the kept tokens only; the statistics are those of
// the full softmax; the frequencies are those of the distribution.
#include "kernels/sample.h"
#include "tests/kernels/policy_reference.h"

static SampleKey key_of(int r) { return (SampleKey){(uint32_t)(r * 7), (uint32_t)(r % 5), (uint32_t)(r + 100)}; }

static Sampled *sample(KernelTest *t, const float *h_logits, const SampleConfig *c, int R, int V) {
    SampleKey *key = HOST(t, SampleKey, R);
    for (int r = 0; r < R; r++) key[r] = key_of(r);
    Sampled *sampled = DEVICE(t, Sampled, R);
    sample_forward(t->dev, sampled, UPLOAD(t, h_logits, (size_t)R * V), UPLOAD(t, key, R), UPLOAD(t, c, 1), R, V);
    return DOWNLOAD(t, sampled, R);
}

static int descending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

// The smallest logit that top_k and top_p keep.
static double kept_from(const double *z, int V, int top_k, double top_p, const ReferenceRow *row, double inv_temp,
                        double *sorted) {
    double from = -INFINITY, mass = 0;
    memcpy(sorted, z, (size_t)V * sizeof *sorted);
    qsort(sorted, (size_t)V, sizeof *sorted, descending);
    if (top_k > 0 && top_k < V) from = sorted[top_k - 1];
    for (int i = 0; top_p < 1 && i < V; i++) {
        mass += exp(reference_log_pi(row, sorted[i], inv_temp));
        if (mass >= top_p) return sorted[i] > from ? sorted[i] : from;
    }
    return from;
}

// Token a is the draw where (mass of the kept tokens before a) <= u (kept mass) < (the same with a), to rounding.
// Rounding may also decide whether tokens between `from` and `surely` are kept: they are given the benefit.
static bool is_the_draw(const double *z, int V, int a, double from, double surely, const ReferenceRow *row,
                        double inv_temp, double u) {
    double before = 0, whole = 0, at = 0, doubtful = 0;
    for (int b = 0; b < V; b++) {
        double pi = z[b] >= from ? exp(reference_log_pi(row, z[b], inv_temp)) : 0;
        if (b == a) before = whole, at = pi;
        whole += pi;
        doubtful += z[b] < surely ? pi : 0;
    }
    double slack = 6 * UNIT_FP32 * (sqrt(row_terms(V)) + row->reach) * whole + doubtful;
    return at > 0 && before <= u * whole + slack && u * whole <= before + at + slack;
}

static float *some_logits(KernelTest *t, int R, int V) {
    float *h = random_floats(t, (size_t)R * V, 1, 1);
    for (int r = 0; r < R; r++)
        for (int b = 0; b < V; b++) {
            float *z = &h[(size_t)r * V + b];
            *z *= (float[]){1, 4, 9}[r % 3];
            if (r % 4 == 1) *z = roundf(*z); // many ties
            if (r % 4 == 2) *z -= 60;
            if (r % 4 == 3 && b % 3 == 1) *z = -INFINITY;
        }
    return h;
}

static void check_shape(int R, int V, const SampleConfig *c) {
    KernelTest t = test_open();
    double inv_temp = c->temp > 0 ? (double)(1.0f / c->temp) : 1, *z = HOST(&t, double, V),
           *sorted = HOST(&t, double, V);
    float *h = some_logits(&t, R, V);
    Sampled *got = sample(&t, h, c, R, V);
    for (int r = 0; r < R; r++) {
        for (int b = 0; b < V; b++) z[b] = h[(size_t)r * V + b];
        ReferenceRow row = reference_row(z, V, inv_temp);
        int a = got[r].token, best = 0;
        assert_true(a >= 0 && a < V);
        double rounding = c->top_p < 1 ? 6 * UNIT_FP32 * (sqrt(row_terms(V)) + row.reach) : 0;
        double from = kept_from(z, V, c->top_k, c->top_p + rounding, &row, inv_temp, sorted),
               surely = kept_from(z, V, c->top_k, c->top_p - rounding, &row, inv_temp, sorted);
        SampleKey key = key_of(r);
        double u = philox_uniform(philox(c->seed, c->step, key.prompt, key.rollout, key.position).word[0]);
        for (int b = 0; b < V; b++) best = z[b] > z[best] ? b : best; // the first of the largest
        if (c->temp == 0) assert_int_equal(a, best);
        else if (!is_the_draw(z, V, a, from, surely, &row, inv_temp, u))
            fail_msg("V %d, row %d: token %d is not the draw at u = %.9g", V, r, a, u);
        Sum logp = {reference_log_pi(&row, z[a], inv_temp), row.reach + row.log_sum};
        assert_true(near(got[r].policy.logp, logp.value, allowed(logp, row_terms(V), 0, UNIT_FP32)));
        assert_true(near(got[r].policy.entropy, row.H.value, allowed(row.H, row_terms(V), 0, UNIT_FP32)));
        assert_true(near(got[r].policy.E, row.E.value, allowed(row.E, row_terms(V), 0, UNIT_FP32)));
    }
    test_close(&t);
}

static bool slow(void) {
    KernelTest t = test_open();
    bool answer = is_slow(&t);
    test_close(&t);
    return answer;
}

static void test_draws(void **state) {
    (void)state;
    const SampleConfig configs[] = {
        {1, 0, 1, 1, 0},        {0.7f, 0, 1, 2, 5}, {1.5f, 3, 1, 3, 1}, {1, 0, 0.9f, 4, 1},
        {0.8f, 40, 0.5f, 5, 2}, {1, 1, 1, 6, 0},    {0, 0, 1, 7, 0},    {0.05f, 2, 0.3f, UINT64_MAX, UINT32_MAX}};
    const int sizes[] = {1, 2, 29, 255, 256, 257, 1001}, rows = slow() ? 12 : 40; // 12: each kind of logits once
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++)
        for (size_t v = 0; v < sizeof sizes / sizeof *sizes; v++) check_shape(rows, sizes[v], &configs[i]);
    check_shape(rows / 4, 151665, &configs[0]);
    check_shape(rows / 4, 151665, &configs[4]);
}

static void test_the_draw_is_checked(void **state) { // the check above notices a wrong token, and one that is not kept
    (void)state;
    const double z[4] = {0, 0, 0, 0}, all = -INFINITY;
    ReferenceRow row = reference_row(z, 4, 1);
    assert_true(is_the_draw(z, 4, 1, all, all, &row, 1, 0.3) && is_the_draw(z, 4, 1, all, all, &row, 1, 0.25));
    assert_false(is_the_draw(z, 4, 0, all, all, &row, 1, 0.3) || is_the_draw(z, 4, 2, all, all, &row, 1, 0.3));
    assert_false(is_the_draw(z, 4, 1, 0.5, 0.5, &row, 1, 0.3) || is_the_draw(z, 4, 1, all, all, &row, 1, NAN));
}

// Pearson's statistic of `draws` samples of one row; `want` (V) are the probabilities, 0 for what must never come.
static double chi_square(const float *row, int V, const double *want, const SampleConfig *c, int draws, int shift) {
    KernelTest t = test_open();
    float *h = HOST(&t, float, (size_t)draws * V);
    int *count = HOST(&t, int, V);
    double chi = 0;
    for (int r = 0; r < draws; r++) memcpy(h + (size_t)r * V, row, (size_t)V * sizeof *h);
    Sampled *got = sample(&t, h, c, draws, V);
    for (int r = 0; r < draws; r++) count[got[r].token]++;
    for (int b = 0; b < V; b++) {
        double expected = draws * want[(b + shift) % V];
        if (expected == 0 && count[b] > 0) fail_msg("token %d was drawn %d times and should not", b, count[b]);
        if (expected > 0) chi += (count[b] - expected) * (count[b] - expected) / expected;
    }
    test_close(&t);
    return chi;
}

static void test_frequencies(void **state) {
    (void)state;
    enum { V = 6 };
    const int draws = slow() ? 500 : 30000;
    const float z[V] = {logf(0.1f), logf(0.3f), logf(0.05f), logf(0.25f), logf(0.2f), logf(0.1f)};
    const double p[V] = {0.1, 0.3, 0.05, 0.25, 0.2, 0.1}, flat[V] = {1 / 6., 1 / 6., 1 / 6., 1 / 6., 1 / 6., 1 / 6.};
    const double top3[V] = {0, 0.4, 0, 1. / 3, 4. / 15, 0}, top_p[V] = {0, 6. / 11, 0, 5. / 11, 0, 0},
                 top4_and_tie[V] = {2. / 19, 6. / 19, 0, 5. / 19, 4. / 19, 2. / 19};
    const SampleConfig plain = {1, 0, 1, 11, 0}, k3 = {1, 3, 1, 12, 0}, p54 = {1, 0, 0.54f, 13, 0},
                       k4 = {1, 4, 1, 14, 0};
    // 1 - 1e-4 quantiles of chi-square with 5, 2, 1 and 4 degrees of freedom
    assert_true(chi_square(z, V, p, &plain, draws, 0) < 25.7);
    assert_true(chi_square(z, V, top3, &k3, draws, 0) < 18.4);
    assert_true(chi_square(z, V, top_p, &p54, draws, 0) < 15.1);
    assert_true(chi_square(z, V, top4_and_tie, &k4, draws, 0) < 23.5);
    // and they tell a wrong distribution
    assert_true(chi_square(z, V, flat, &plain, draws, 0) > 0.1 * draws &&
                chi_square(z, V, p, &plain, draws, 1) > 0.1 * draws);
}

// A row's token depends on its key and its logits, not on its place or its company.
static void test_place(void **state) {
    (void)state;
    enum { R = 50, V = 300 };
    KernelTest t = test_open();
    SampleConfig c = {0.9f, 0, 1, 3, 4};
    float *h = some_logits(&t, R, V), *turned = HOST(&t, float, R * V);
    SampleKey keys[R];
    for (int r = 0; r < R; r++) {
        memcpy(turned + r * V, h + (R - 1 - r) * V, V * sizeof *h);
        keys[r] = key_of(R - 1 - r);
    }
    Sampled *straight = sample(&t, h, &c, R, V), *sampled = DEVICE(&t, Sampled, R);
    sample_forward(t.dev, sampled, UPLOAD(&t, turned, R * V), UPLOAD(&t, keys, R), UPLOAD(&t, &c, 1), R, V);
    Sampled *back = DOWNLOAD(&t, sampled, R);
    for (int r = 0; r < R; r++) assert_memory_equal(&straight[r], &back[R - 1 - r], sizeof(Sampled));
    test_close(&t);
}

// Logits that are not finite give some token of the vocabulary and statistics that say so.
static void test_not_finite(void **state) {
    (void)state;
    enum { V = 37 };
    const SampleConfig configs[] = {{1, 0, 1, 1, 0}, {1, 5, 0.5f, 1, 0}, {0, 0, 1, 1, 0}};
    for (int i = 0; i < 3; i++)
        for (int kind = 0; kind < 4; kind++) {
            KernelTest t = test_open();
            float *h = random_floats(&t, V, 1, 1);
            if (kind == 0) h[20] = NAN;
            if (kind == 1) h[0] = INFINITY;
            for (int b = 0; kind == 2 && b < V; b++) h[b] = NAN;
            for (int b = 0; kind == 3 && b < V; b++) h[b] = -INFINITY;
            Sampled *got = sample(&t, h, &configs[i], 1, V);
            assert_true(got->token >= 0 && got->token < V && !isfinite(got->policy.logp) &&
                        !isfinite(got->policy.entropy));
            test_close(&t);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_draw_is_checked), cmocka_unit_test(test_draws),
                                       cmocka_unit_test(test_frequencies), cmocka_unit_test(test_place),
                                       cmocka_unit_test(test_not_finite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
