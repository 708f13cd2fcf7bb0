// The sum of squares behind the gradient norm: in double, the same bits every time, and never finite where an entry is
// not.
#include "kernels/gradnorm.h"
#include "tests/kernels/kernel_test.h"

static double squared(KernelTest *t, const float *h, size_t n) {
    return gradnorm_squared(t->dev, DEVICE(t, double, gradnorm_partials(n)), UPLOAD(t, h, n), n);
}

static void test_sum(void **state) {
    (void)state;
    const size_t sizes[] = {1, 2, 7, 8, 1000, 16384, 16385, 32769, 200003};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        KernelTest t = test_open();
        float *h = random_floats(&t, sizes[s], 1, 3);
        long double want = 0;
        for (size_t i = 0; i < sizes[s]; i++) want += (long double)h[i] * h[i];
        double got = squared(&t, h, sizes[s]), again = squared(&t, h, sizes[s]);
        assert_true(near(got, (double)want, 6 * sqrt((double)sizes[s]) * 0x1p-53 * (double)want)); // a chain of doubles
        assert_memory_equal(&got, &again, sizeof got);
        h[sizes[s] - 1] = 1e25f; // its square is beyond a float, not beyond the norm
        assert_true(near(squared(&t, h, sizes[s]) / 1e50, 1, 1e-6));
        test_close(&t);
    }
}

static void test_not_finite(void **state) {
    (void)state;
    KernelTest t = test_open();
    enum { N = 40000 };
    const float bad[] = {NAN, INFINITY, -INFINITY};
    const size_t at[] = {0, 7, 16383, 16384, N - 1};
    for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
        float *h = random_floats(&t, N, 1, 1);
        h[at[k]] = bad[k % 3];
        assert_false(isfinite(squared(&t, h, N)));
    }
    test_close(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sum), cmocka_unit_test(test_not_finite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
