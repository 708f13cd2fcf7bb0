// AdamW, one update at a time, against the formulas in double; and many updates in a row down a known valley.
#include "kernels/adamw.h"
#include "tests/kernels/kernel_test.h"

static void check_update(size_t n, const AdamW *a) {
    KernelTest t = test_open();
    float *h_p = random_floats(&t, n, 1, 1), *h_m = random_floats(&t, n, 2, 0.1), *h_v = random_floats(&t, n, 3, 0.01),
          *h_g = random_floats(&t, n, 4, 1);
    for (size_t i = 0; i < n; i++)
        h_v[i] = i % 9 == 0 || a->t == 1 ? 0 : fabsf(h_v[i]), h_g[i] = i % 9 == 0 ? 0 : h_g[i];
    for (size_t i = 0; i < n; i++)
        h_m[i] = i % 9 == 0 || a->t == 1 ? 0 : h_m[i]; // a parameter that never had a gradient
    float *p = UPLOAD(&t, h_p, n), *m = UPLOAD(&t, h_m, n), *v = UPLOAD(&t, h_v, n), *g = UPLOAD(&t, h_g, n);
    floatX *param = sizeof(floatX) == sizeof(float) && n % 2 ? (floatX *)p : DEVICE(&t, floatX, n);
    adamw_update(t.dev, param, p, m, v, g, n, a);
    Sum *want_m = HOST(&t, Sum, n), *want_v = HOST(&t, Sum, n), *want_p = HOST(&t, Sum, n);
    double lr = a->lr, b1 = a->beta1, b2 = a->beta2, decay = a->weight_decay, c1 = 1 - pow(b1, (double)a->t),
           c2 = 1 - pow(b2, (double)a->t);
    for (size_t i = 0; i < n; i++) {
        double grad = (double)h_g[i] * a->grad_scale;
        sum_add(&want_m[i], b1 * h_m[i]), sum_add(&want_m[i], (1 - b1) * grad);
        sum_add(&want_v[i], b2 * h_v[i]), sum_add(&want_v[i], (1 - b2) * grad * grad);
        double below = sqrt(want_v[i].value / c2) + (double)a->eps, step = lr * want_m[i].value / c1 / below;
        want_p[i] = (Sum){h_p[i] - lr * decay * h_p[i] - step, fabs(h_p[i]) + lr * want_m[i].magnitude / c1 / below};
    }
    check_fp32(&t, "m", m, want_m, n, 2, 0);
    check_fp32(&t, "v", v, want_v, n, 3, 0);
    check_fp32(&t, "master", p, want_p, n, 6, 0);
    float *rounded = DOWNLOAD(&t, p, n), *same = download_floats(&t, param, n), *untouched = DOWNLOAD(&t, g, n);
    upload_rounded(&t, rounded, n); // param is the master as floatX rounds it, to the bit
    assert_memory_equal(rounded, same, n * sizeof(float));
    assert_memory_equal(untouched, h_g, n * sizeof(float));
    test_close(&t);
}

static void test_one_update(void **state) {
    (void)state;
    const AdamW settings[] = {{1e-3f, 0.9f, 0.95f, 1e-8f, 0.1f, 1, 1},
                              {0.05f, 0.9f, 0.999f, 1e-8f, 0, 0.37f, 7},
                              {1e-6f, 0.8f, 0.99f, 1e-6f, 0.1f, 1, 100000},
                              {0.1f, 0, 0, 1e-8f, 0.01f, 2, 3}};
    const size_t sizes[] = {1, 8, 1001, 70000};
    for (size_t s = 0; s < sizeof settings / sizeof *settings; s++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check_update(sizes[i], &settings[s]);
}

// From x0 down x^2/2 with a first step of lr exactly; after 300 steps the valley is reached.
static void test_descends(void **state) {
    (void)state;
    KernelTest t = test_open();
    float h[2] = {3, -2}, zero[2] = {0};
    float *p = UPLOAD(&t, h, 2), *m = UPLOAD(&t, zero, 2), *v = UPLOAD(&t, zero, 2);
    floatX *param = DEVICE(&t, floatX, 2);
    for (int step = 1; step <= 300; step++) {
        AdamW a = {0.05f, 0.9f, 0.95f, 1e-8f, 0, 1, step};
        device_download(t.dev, h, p, sizeof h);
        adamw_update(t.dev, param, p, m, v, UPLOAD(&t, h, 2), 2, &a);
        device_free(t.dev, t.device[--t.n_device]); // this step's gradient
        if (step > 1) continue;
        device_download(t.dev, h, p, sizeof h);
        assert_true(near(h[0], 2.95, 1e-6) && near(h[1], -1.95, 1e-6));
    }
    device_download(t.dev, h, p, sizeof h);
    assert_true(near(h[0], 0, 0.02) && near(h[1], 0, 0.02));
    test_close(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_update), cmocka_unit_test(test_descends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
