// SwiGLU: y = silu(gate) up, silu(g) = g / (1 + e^-g).
#include "kernels/swiglu.h"
#include "tests/kernels/kernel_test.h"

static const int shapes[][2] = {{1, 8}, {3, 40}, {129, 248}, {5, 1536}}; // N, F
enum { SHAPES = sizeof shapes / sizeof *shapes };

static double silu(double g) { return g / (1 + exp(-g)); }
static double silu_slope(double g) {
    double s = 1 / (1 + exp(-g));
    return s * (1 + g * (1 - s));
}

static double loss(const double *gate_up, void *context) { return *(double *)context * silu(gate_up[0]) * gate_up[1]; }

static void test_reference(void **state) {
    (void)state;
    for (int i = 0; i < 50; i++) {
        double x[2] = {8 * random_at(1, i), random_at(2, i)}, d = random_at(3, i);
        check_slopes("swiglu", loss, &d, x, (double[]){d * silu_slope(x[0]) * x[1], d * silu(x[0])}, 2);
    }
}

// Gates reach to where e^-g overflows and where it vanishes.
static float *some_gates(KernelTest *t, int N, int F) {
    float *h = random_floats(t, (size_t)N * 2 * F, 1, 6);
    const float ends[] = {0, 30, -30, 87.5f, -87.5f, 200, -200, 1e-20f};
    for (int n = 0; n < N; n++) h[n * 2 * F + n % F] = ends[n % 8];
    return h;
}

static void check_shape(int N, int F, bool in_place) {
    KernelTest t = test_open();
    float *h = some_gates(&t, N, F), *h_dy = random_floats(&t, (size_t)N * F, 2, 1);
    floatX *gate_up = upload_rounded(&t, h, (size_t)N * 2 * F), *dy = upload_rounded(&t, h_dy, (size_t)N * F),
           *y = DEVICE(&t, floatX, N * F);
    floatX *d = in_place ? gate_up : DEVICE(&t, floatX, N * 2 * F);
    swiglu_forward(t.dev, y, gate_up, N, F);
    swiglu_backward(t.dev, d, dy, gate_up, N, F);
    Sum *want = HOST(&t, Sum, N * F), *want_d = HOST(&t, Sum, N * 2 * F);
    for (int n = 0; n < N; n++)
        for (int f = 0; f < F; f++) {
            double g = h[n * 2 * F + f], u = h[n * 2 * F + F + f], dy_f = h_dy[n * F + f], s = 1 / (1 + exp(-g));
            sum_add(&want[n * F + f], silu(g) * u);
            double rough = fabs(dy_f * u) * s * (1 + fabs(g)); // 1 - s has the absolute error of s
            want_d[n * 2 * F + f] = (Sum){dy_f * u * silu_slope(g), rough};
            sum_add(&want_d[n * 2 * F + F + f], dy_f * silu(g));
        }
    check_floatX(&t, "y", y, want, (size_t)N * F, 4, 0);
    check_floatX(&t, "dgate_up", d, want_d, (size_t)N * 2 * F, 8, 0);
    test_close(&t);
}

static void test_kernel(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++)
        check_shape(shapes[i][0], shapes[i][1], false), check_shape(shapes[i][0], shapes[i][1], true);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference), cmocka_unit_test(test_kernel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
