// exp_f32 and log_f32 over every float exponent, against the C library in double: the error bounds that exp_log.h
// states.
#include "kernels/exp_log.h"
#include "tests/kernels/kernel_test.h"

enum { EACH = 3000 };

// in units in the last place of the float result; want in the normal range
static double ulps(float got, double want) {
    int e;
    frexp(want, &e);
    return fabs(got - want) / ldexp(1, e - 24);
}

static float with_exponent(uint32_t exponent, size_t i) { // mantissas: both ends and many between
    uint32_t mantissa = i == 0 ? 0 : i == 1 ? 0x7fffff : philox(1, exponent, (uint32_t)i, 0, 0).word[0] & 0x7fffff;
    return bits_to_float(exponent << 23 | mantissa);
}

static void test_ulps(void **state) {
    (void)state;
    assert_true(ulps(1, 1) == 0 && ulps(1 + 0x1p-23f, 1) == 1 && ulps(2, 2 + 0x1p-22) == 1 && !(ulps(NAN, 1) < 1e30));
}

static void test_exp(void **state) {
    (void)state;
    double worst = 0;
    for (uint32_t exponent = 0; exponent < 134; exponent++) // 2^7 = 128 is beyond both ends
        for (size_t i = 0; i < EACH; i++)
            for (int sign = -1; sign <= 1; sign += 2) {
                float x = (float)sign * with_exponent(exponent, i), y = exp_f32(x);
                if (x < -87) assert_true(y == 0);
                else if (x > 88) assert_true(y == INFINITY);
                else worst = fmax(worst, ulps(y, exp((double)x)));
            }
    for (int i = 0; i < 1 << 20; i++) { // evenly over the range, where the exponents above have few values
        float x = (float)(0.5 + 87.5 * random_at(1, (size_t)i));
        worst = fmax(worst, ulps(exp_f32(x), exp((double)x)));
    }
    assert_true(worst < 1.5);
}

static void test_log(void **state) {
    (void)state;
    double worst = 0;
    for (uint32_t exponent = 0; exponent < 255; exponent++)
        for (size_t i = exponent == 0; i < EACH; i++) { // exponent 0: the subnormal numbers
            float x = with_exponent(exponent, i), y = log_f32(x);
            if (x == 1) assert_true(y == 0);
            else worst = fmax(worst, ulps(y, log((double)x)));
        }
    assert_true(log_f32(bits_to_float(1)) == (float)log(0x1p-149));
    assert_true(worst < 0.501);
}

static void test_special_values(void **state) {
    (void)state;
    assert_true(exp_f32(0) == 1 && exp_f32(-0.0f) == 1 && exp_f32(-INFINITY) == 0 && exp_f32(INFINITY) == INFINITY &&
                isnan(exp_f32(NAN)));
    assert_true(exp_f32(-87) > 0 && exp_f32(nextafterf(-87, -100)) == 0 && isfinite(exp_f32(88)) &&
                exp_f32(nextafterf(88, 100)) == INFINITY);
    assert_true(exp_f32(-3e38f) == 0 && exp_f32(3e38f) == INFINITY);
    assert_true(isnan(log_f32(NAN)));
}

// A loop that the compiler vectorises gives the bits of one call at a time.
static void test_vectorised(void **state) {
    (void)state;
    enum { N = 10007 };
    static float x[N], e[N], l[N];
    for (int i = 0; i < N; i++) x[i] = (float)(100 * random_at(2, (size_t)i));
    for (int i = 0; i < N; i++) e[i] = exp_f32(x[i]);
    for (int i = 0; i < N; i++) l[i] = log_f32(fabsf(x[i]) + 1e-30f);
    for (int i = 0; i < N; i++) {
        volatile float alone = x[i];
        assert_int_equal(float_to_bits(e[i]), float_to_bits(exp_f32(alone)));
        assert_int_equal(float_to_bits(l[i]), float_to_bits(log_f32(fabsf(alone) + 1e-30f)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ulps), cmocka_unit_test(test_exp),
                                       cmocka_unit_test(test_log), cmocka_unit_test(test_special_values),
                                       cmocka_unit_test(test_vectorised)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
