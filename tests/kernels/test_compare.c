// The comparators of kernel_test.h must fail where something is wrong.
#include "tests/kernels/kernel_test.h"

static void test_near(void **state) {
    (void)state;
    assert_true(near(1, 1, 0) && near(1, 1.5, 0.5) && near(-1, -1.5, 0.5));
    assert_false(near(1, 1.6, 0.5) || near(1, -1, 1.9));
    assert_false(near(NAN, 1, 1e30) || near(1, NAN, 1e30) || near(1, 1, NAN));
    assert_false(near(INFINITY, 1, 1e30) || near(-INFINITY, INFINITY, 1e30));
}

static void test_values(void **state) {
    (void)state;
    float got[3] = {1, -2, 0};
    const Sum want[3] = {{1, 4}, {-2, 2}, {0, 0}};
    assert_int_equal(first_wrong(got, want, 3, 16, 0, UNIT_FP32), 3);
    got[0] = 1 + 100 * 0x1p-24f; // 6 sqrt(16) 4 + 1 = 97 units are allowed
    assert_int_equal(first_wrong(got, want, 3, 16, 0, UNIT_FP32), 0);
    got[0] = 1 + 90 * 0x1p-24f;
    assert_int_equal(first_wrong(got, want, 3, 16, 0, UNIT_FP32), 3);
    got[1] = NAN;
    assert_int_equal(first_wrong(got, want, 3, 16, 0, UNIT_FP32), 1);
    got[1] = -2, got[2] = 1e-20f; // a sum of nothing is exactly 0
    assert_int_equal(first_wrong(got, want, 3, 16, 0, UNIT_FP32), 2);
}

// The tolerance of a whole row of an op is far below any real mistake, in either precision: 2 % off is always seen.
static void test_sharpness(void **state) {
    (void)state;
    Sum s = {0};
    for (int k = 0; k < 1000; k++) sum_add(&s, random_at(1, (size_t)k));
    assert_true(allowed((Sum){1, 1}, 1000, 1, 0x1p-24) < 0.02 && allowed((Sum){1, 1}, 1000, 1, unit_floatX()) < 0.02);
    assert_true(fabs(s.value) < s.magnitude && s.magnitude > 400 && s.magnitude < 600);
    assert_true(near(s.value, s.value, allowed(s, 1000, 0, UNIT_FP32)) &&
                !near(s.value + 0.01, s.value, allowed(s, 1000, 0, UNIT_FP32)));
}

static double cubic(const double *x, void *context) {
    (void)context;
    return x[0] * x[0] * x[1];
}

static void test_slopes(void **state) {
    (void)state;
    double x[2] = {3, 5};
    assert_int_equal(first_wrong_slope(cubic, NULL, x, (double[]){30, 9}, 2), 2);
    assert_int_equal(first_wrong_slope(cubic, NULL, x, (double[]){30, 9.00001}, 2), 1);
    assert_int_equal(first_wrong_slope(cubic, NULL, x, (double[]){NAN, 9}, 2), 0);
    assert_true(x[0] == 3 && x[1] == 5);
}

// Guards notice one byte on either side; fresh memory reads as NaN; rounding gives back what the device holds.
static void test_buffers(void **state) {
    (void)state;
    KernelTest t = test_open();
    float *x = DEVICE(&t, float, 3), h[3] = {1, 1.0f / 3, -1e-3f}, one = 1;
    assert_true(isnan(DOWNLOAD(&t, x, 3)[1]) && guards_whole(&t));
    device_upload(t.dev, x, h, sizeof h);
    assert_true(guards_whole(&t));
    for (int at = -1; at <= 3; at += 4) {
        float keep = DOWNLOAD(&t, x + at, 1)[0];
        device_upload(t.dev, x + at, &one, sizeof one);
        assert_false(guards_whole(&t));
        device_upload(t.dev, x + at, &keep, sizeof keep);
        assert_true(guards_whole(&t));
    }
    floatX *rounded = upload_rounded(&t, h, 3);
    float *back = download_floats(&t, rounded, 3);
    assert_memory_equal(h, back, sizeof h);
    assert_true(near(h[1], 1.0 / 3, unit_floatX()) && h[0] == 1);
    assert_true(isnan(download_floats(&t, DEVICE(&t, floatX, 1), 1)[0]));
    test_close(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_near), cmocka_unit_test(test_values),
                                       cmocka_unit_test(test_sharpness), cmocka_unit_test(test_slopes),
                                       cmocka_unit_test(test_buffers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
