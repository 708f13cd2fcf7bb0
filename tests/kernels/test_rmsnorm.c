// RMSNorm: y = x rstd w, rstd = 1 / sqrt(mean(x^2) + eps).
#include "kernels/rmsnorm.h"
#include "tests/kernels/kernel_test.h"

static const float EPS = 1e-5f;
typedef struct Shape {
    int N, H, C, gap; // a token's row is H heads of C channels and `gap` channels that are somebody else's
} Shape;
static const Shape shapes[] = {{1, 1, 8, 0},   {7, 1, 576, 0},  {3, 1, 1000, 0}, {5, 4, 16, 24},
                               {9, 3, 128, 8}, {260, 1, 40, 0}, {2, 9, 64, 192}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static double reference_rstd(const double *x, int C) {
    double ss = 0;
    for (int c = 0; c < C; c++) ss += x[c] * x[c];
    return 1 / sqrt(ss / C + (double)EPS);
}

// dx = rstd (g - x_hat mean(g x_hat)), g = dy w; dw += dy x_hat; one row
static void reference_backward(Sum *dx, Sum *dw, const double *dy, const double *x, const double *w, int C) {
    double rstd = reference_rstd(x, C);
    Sum mean = {0};
    for (int c = 0; c < C; c++) sum_add(&mean, dy[c] * w[c] * x[c] * rstd / C);
    for (int c = 0; c < C; c++) {
        dx[c].value += rstd * (dy[c] * w[c] - x[c] * rstd * mean.value);
        dx[c].magnitude += rstd * (fabs(dy[c] * w[c]) + fabs(x[c]) * rstd * mean.magnitude);
        sum_add(&dw[c], dy[c] * x[c] * rstd);
    }
}

typedef struct RowLoss { // sum_c dy_c y_c as a function of (x, w)
    const double *dy;
    int C;
} RowLoss;
static double row_loss(const double *x_w, void *context) {
    const RowLoss *r = context;
    double rstd = reference_rstd(x_w, r->C), loss = 0;
    for (int c = 0; c < r->C; c++) loss += r->dy[c] * x_w[c] * rstd * x_w[r->C + c];
    return loss;
}

static void test_reference(void **state) {
    (void)state;
    enum { C = 13 };
    double x_w[2 * C], dy[C], slopes[2 * C];
    Sum d[2 * C] = {{0}};
    for (int c = 0; c < C; c++)
        x_w[c] = random_at(1, c), x_w[C + c] = 1 + 0.5 * random_at(2, c), dy[c] = random_at(3, c);
    reference_backward(d, d + C, dy, x_w, x_w + C, C);
    for (int c = 0; c < 2 * C; c++) slopes[c] = d[c].value;
    check_slopes("rmsnorm", row_loss, &(RowLoss){dy, C}, x_w, slopes, 2 * C);
}

static void widen(double *to, const float *from, int n) {
    for (int i = 0; i < n; i++) to[i] = from[i];
}

// x and y may have different strides, and nothing between the heads' rows is touched.
static void check_forward(Shape s, bool in_place) {
    KernelTest t = test_open();
    int N = s.N, H = s.H, C = s.C, stride = H * C + s.gap, y_stride = in_place ? stride : stride + 8;
    float *h_x = random_floats(&t, (size_t)N * stride, 1, 2), *h_w = random_floats(&t, C, 2, 1.5),
          *h_y = random_floats(&t, (size_t)N * y_stride, 3, 1);
    floatX *x = upload_rounded(&t, h_x, (size_t)N * stride), *w = upload_rounded(&t, h_w, C);
    floatX *y = in_place ? x : upload_rounded(&t, h_y, (size_t)N * y_stride);
    float *rstd = DEVICE(&t, float, N * H);
    rmsnorm_forward(t.dev, y, rstd, x, w, N, H, C, stride, y_stride, EPS);
    Sum *want = HOST(&t, Sum, N * y_stride), *want_rstd = HOST(&t, Sum, N * H);
    double row[1024];
    for (int n = 0; n < N; n++) {
        for (int i = 0; i < y_stride; i++)
            want[n * y_stride + i].value = in_place ? h_x[n * stride + i] : h_y[n * y_stride + i];
        for (int h = 0; h < H; h++) {
            widen(row, h_x + n * stride + h * C, C);
            double r = reference_rstd(row, C);
            want_rstd[n * H + h] = (Sum){r, r};
            for (int c = 0; c < C; c++)
                want[n * y_stride + h * C + c] = (Sum){row[c] * r * h_w[c], fabs(row[c] * r * h_w[c])};
        }
    }
    check_floatX(&t, "y", y, want, (size_t)N * y_stride, C, 0);
    check_fp32(&t, "rstd", rstd, want_rstd, (size_t)N * H, C, 0);
    test_close(&t);
}

static void test_forward(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) check_forward(shapes[i], false), check_forward(shapes[i], true);
}

// sum = x + delta rounded once; y is the norm of the sum, before or after that rounding.
static void check_residual(Shape s, bool in_place) {
    KernelTest t = test_open();
    int N = s.N, C = s.C;
    float *h_x = random_floats(&t, (size_t)N * C, 1, 2), *h_delta = random_floats(&t, (size_t)N * C, 2, 1),
          *h_w = random_floats(&t, C, 3, 1.5);
    floatX *x = upload_rounded(&t, h_x, (size_t)N * C), *delta = upload_rounded(&t, h_delta, (size_t)N * C),
           *w = upload_rounded(&t, h_w, C);
    floatX *sum = in_place ? x : DEVICE(&t, floatX, N * C), *y = DEVICE(&t, floatX, N * C);
    float *rstd = DEVICE(&t, float, N);
    rmsnorm_residual_forward(t.dev, sum, y, rstd, x, delta, w, N, C, EPS);
    Sum *want = HOST(&t, Sum, N * C), *want_y = HOST(&t, Sum, N * C), *want_rstd = HOST(&t, Sum, N);
    for (int i = 0; i < N * C; i++) sum_add(&want[i], (double)h_x[i] + (double)h_delta[i]);
    check_floatX(&t, "sum", sum, want, (size_t)N * C, 1, 0);
    float *h_sum = download_floats(&t, sum, (size_t)N * C);
    for (int n = 0; n < N; n++) {
        double row[1024], r;
        widen(row, h_sum + n * C, C);
        r = reference_rstd(row, C);
        want_rstd[n] = (Sum){r, r};
        for (int c = 0; c < C; c++) want_y[n * C + c] = (Sum){row[c] * r * h_w[c], fabs(row[c] * r * h_w[c])};
    }
    check_floatX(&t, "y of sum", y, want_y, (size_t)N * C, C, 1);
    check_fp32(&t, "rstd of sum", rstd, want_rstd, N, C, 1);
    test_close(&t);
}

static void test_residual(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) check_residual(shapes[i], false), check_residual(shapes[i], true);
}

typedef enum Aliasing { APART, WITHOUT_RESIDUAL, ONTO_RESIDUAL, ONTO_DY } Aliasing;

static void check_backward(Shape s, Aliasing how) {
    KernelTest t = test_open();
    int N = s.N, H = s.H, C = s.C, stride = H * C + s.gap, dx_stride = stride + (how == ONTO_DY ? 0 : 8),
        dy_stride = stride;
    float *h_x = random_floats(&t, (size_t)N * stride, 1, 2), *h_w = random_floats(&t, C, 2, 1.5),
          *h_dy = random_floats(&t, (size_t)N * dy_stride, 3, 1);
    float *h_dres = random_floats(&t, (size_t)N * dx_stride, 4, 1), *h_dw = random_floats(&t, C, 5, 1),
          *h_rstd = HOST(&t, float, N *H);
    floatX *x = upload_rounded(&t, h_x, (size_t)N * stride), *w = upload_rounded(&t, h_w, C),
           *dy = upload_rounded(&t, h_dy, (size_t)N * dy_stride);
    floatX *dres = upload_rounded(&t, h_dres, (size_t)N * dx_stride);
    Sum *want = HOST(&t, Sum, N * dx_stride), *want_dw = HOST(&t, Sum, C);
    double row[1024], d[1024], wide_w[1024];
    widen(wide_w, h_w, C);
    for (int c = 0; c < C; c++) sum_add(&want_dw[c], h_dw[c]);
    for (int n = 0; n < N; n++)
        for (int h = 0; h < H; h++) {
            Sum *to = want + n * dx_stride + h * C;
            widen(row, h_x + n * stride + h * C, C), widen(d, h_dy + n * dy_stride + h * C, C);
            h_rstd[n * H + h] = (float)reference_rstd(row, C);
            for (int c = 0; how != WITHOUT_RESIDUAL && c < C; c++) sum_add(&to[c], h_dres[n * dx_stride + h * C + c]);
            reference_backward(to, want_dw, d, row, wide_w, C);
        }
    float *rstd = UPLOAD(&t, h_rstd, N * H), *dw = UPLOAD(&t, h_dw, C);
    floatX *dx = how == ONTO_RESIDUAL ? dres : how == ONTO_DY ? dy : DEVICE(&t, floatX, N * dx_stride);
    float *before = download_floats(&t, dx, (size_t)N * dx_stride);
    rmsnorm_backward(t.dev, dx, dw, how == WITHOUT_RESIDUAL ? NULL : dres, dy, x, w, rstd, N, H, C, stride, dx_stride,
                     dy_stride, DEVICE(&t, char, rmsnorm_workspace_bytes(N, H, C)));
    float *after = download_floats(&t, dx, (size_t)N * dx_stride);
    for (int n = 0; n < N; n++) { // between the heads' rows nothing is touched
        check_values("dx", after + n * dx_stride, want + n * dx_stride, (size_t)(H * C), C, 0, unit_floatX());
        assert_memory_equal(before + n * dx_stride + H * C, after + n * dx_stride + H * C,
                            (size_t)(dx_stride - H * C) * sizeof(float));
    }
    check_fp32(&t, "dw", dw, want_dw, C, N * H + C, 0);
    test_close(&t);
}

static void test_backward(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++)
        for (Aliasing how = APART; how <= ONTO_DY; how++) check_backward(shapes[i], how);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference), cmocka_unit_test(test_forward),
                                       cmocka_unit_test(test_residual), cmocka_unit_test(test_backward)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
