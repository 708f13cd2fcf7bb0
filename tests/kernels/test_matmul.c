// The matrix products of matmul.h. W is (OC, C): y = x W^T + bias, dx = dy W, dW += dy^T x, dbias += column sums of dy.
#include "kernels/matmul.h"
#include "tests/kernels/kernel_test.h"

typedef struct Shape {
    int N, C, OC;
} Shape;
// Around the tiles of the C twin (6 or 12 rows, 16 or 32 columns) and its blocks (96 or 192 rows, 256 or 512 columns,
// 256 deep), and of a GPU's (multiples of 8, not of 16); one row alone.
static const Shape shapes[] = {{1, 8, 8},     {1, 264, 520},  {13, 40, 24},    {12, 256, 32},
                               {64, 512, 64}, {259, 72, 136}, {97, 1000, 264}, {3, 576, 1536}};
enum { SHAPES = sizeof shapes / sizeof *shapes };
// The head: any number of columns.
static const Shape heads[] = {{1, 16, 1}, {5, 64, 29}, {33, 136, 1001}, {7, 32, 4099}};
enum { HEADS = sizeof heads / sizeof *heads };

// out (rows, columns) += A B: A(i, k) is a[i * a_step + k * a_k] and B(k, j) is b[j * b_step + k * b_k].
static void reference(Sum *out, const float *a, int a_step, int a_k, const float *b, int b_step, int b_k, int rows,
                      int columns, int K) {
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++)
            for (int k = 0; k < K; k++)
                sum_add(&out[i * columns + j], (double)a[i * a_step + k * a_k] * b[j * b_step + k * b_k]);
}

static void check_forward(Shape s, bool with_bias) {
    KernelTest t = test_open();
    int N = s.N, C = s.C, OC = s.OC;
    float *h_x = random_floats(&t, (size_t)N * C, 1, 1), *h_w = random_floats(&t, (size_t)OC * C, 2, 1),
          *h_bias = random_floats(&t, OC, 3, 5);
    floatX *x = upload_rounded(&t, h_x, (size_t)N * C), *w = upload_rounded(&t, h_w, (size_t)OC * C),
           *bias = upload_rounded(&t, h_bias, OC);
    floatX *y = DEVICE(&t, floatX, N * OC);
    matmul_forward(t.dev, y, x, w, with_bias ? bias : NULL, N, C, OC);
    Sum *want = HOST(&t, Sum, N * OC);
    for (int i = 0; with_bias && i < N * OC; i++) sum_add(&want[i], h_bias[i % OC]);
    reference(want, h_x, C, 1, h_w, C, 1, N, OC, C);
    check_floatX(&t, with_bias ? "y with bias" : "y", y, want, (size_t)N * OC, C + 1, 0);
    test_close(&t);
}

static void test_forward(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) check_forward(shapes[i], false), check_forward(shapes[i], true);
}

static void check_logits(Shape s) {
    KernelTest t = test_open();
    int N = s.N, C = s.C, V = s.OC;
    float *h_x = random_floats(&t, (size_t)N * C, 1, 1), *h_w = random_floats(&t, (size_t)V * C, 2, 1),
          *y = DEVICE(&t, float, N *V);
    floatX *x = upload_rounded(&t, h_x, (size_t)N * C), *w = upload_rounded(&t, h_w, (size_t)V * C);
    matmul_logits(t.dev, y, x, w, N, C, V);
    Sum *want = HOST(&t, Sum, N * V);
    reference(want, h_x, C, 1, h_w, C, 1, N, V, C);
    check_fp32(&t, "logits", y, want, (size_t)N * V, C, 0); // never rounded to floatX
    test_close(&t);
}

static void test_logits(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) check_logits(shapes[i]);
    for (int i = 0; i < HEADS; i++) check_logits(heads[i]);
}

static void check_backward_input(Shape s) {
    KernelTest t = test_open();
    int N = s.N, C = s.C, OC = s.OC;
    float *h_dy = random_floats(&t, (size_t)N * OC, 1, 1), *h_w = random_floats(&t, (size_t)OC * C, 2, 1);
    floatX *dy = upload_rounded(&t, h_dy, (size_t)N * OC), *w = upload_rounded(&t, h_w, (size_t)OC * C),
           *dx = DEVICE(&t, floatX, N * C);
    matmul_backward_input(t.dev, dx, dy, w, N, C, OC);
    Sum *want = HOST(&t, Sum, N * C);
    reference(want, h_dy, OC, 1, h_w, 1, C, N, C, OC);
    check_floatX(&t, "dx", dx, want, (size_t)N * C, OC, 0);
    test_close(&t);
}

static void test_backward_input(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) check_backward_input(shapes[i]);
    for (int i = 0; i < HEADS; i++) check_backward_input(heads[i]);
}

// Two calls: accumulates, in fp32.
static void check_backward_weight(Shape s, bool with_bias) {
    KernelTest t = test_open();
    int N = s.N, C = s.C, OC = s.OC;
    float *h_dy = random_floats(&t, (size_t)N * OC, 1, 1), *h_x = random_floats(&t, (size_t)N * C, 2, 1);
    float *h_dw = random_floats(&t, (size_t)OC * C, 3, 1), *h_dbias = random_floats(&t, OC, 4, 1);
    floatX *dy = upload_rounded(&t, h_dy, (size_t)N * OC), *x = upload_rounded(&t, h_x, (size_t)N * C);
    float *dw = UPLOAD(&t, h_dw, OC * C), *dbias = UPLOAD(&t, h_dbias, OC);
    Sum *want = HOST(&t, Sum, OC * C), *want_bias = HOST(&t, Sum, OC);
    for (int i = 0; i < OC * C; i++) sum_add(&want[i], h_dw[i]);
    for (int o = 0; o < OC; o++) sum_add(&want_bias[o], h_dbias[o]);
    for (int pass = 0; pass < 2; pass++) {
        matmul_backward_weight(t.dev, dw, with_bias ? dbias : NULL, dy, x, N, C, OC);
        reference(want, h_dy, 1, OC, h_x, 1, C, OC, C, N);
        for (int n = 0; with_bias && n < N; n++)
            for (int o = 0; o < OC; o++) sum_add(&want_bias[o], h_dy[n * OC + o]);
    }
    check_fp32(&t, "dw", dw, want, (size_t)OC * C, 2 * N + 2, 0);
    check_fp32(&t, "dbias", dbias, want_bias, OC, 2 * N + 2, 0);
    test_close(&t);
}

static void test_backward_weight(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) check_backward_weight(shapes[i], false), check_backward_weight(shapes[i], true);
    for (int i = 0; i < HEADS; i++) check_backward_weight(heads[i], false);
}

// The gradients are those of sum dy y: the products are linear in x and in w, so one difference is exact.
static void test_gradients_match_forward(void **state) {
    (void)state;
    enum { N = 4, C = 6, OC = 5 };
    float x[N * C], w[OC * C], dy[N * OC];
    for (int i = 0; i < N * C; i++) x[i] = (float)random_at(1, i);
    for (int i = 0; i < OC * C; i++) w[i] = (float)random_at(2, i);
    for (int i = 0; i < N * OC; i++) dy[i] = (float)random_at(3, i);
    Sum y[N * OC] = {{0}}, dx[N * C] = {{0}}, dw[OC * C] = {{0}};
    reference(y, x, C, 1, w, C, 1, N, OC, C);
    reference(dx, dy, OC, 1, w, 1, C, N, C, OC);
    reference(dw, dy, 1, OC, x, 1, C, OC, C, N);
    double loss = 0, by_x = 0, by_w = 0;
    for (int i = 0; i < N * OC; i++) loss += dy[i] * y[i].value;
    for (int i = 0; i < N * C; i++) {
        float moved[N * C], step = 0.5f;
        Sum z[N * OC] = {{0}};
        double other = 0;
        memcpy(moved, x, sizeof x);
        moved[i] += step;
        reference(z, moved, C, 1, w, C, 1, N, OC, C);
        for (int k = 0; k < N * OC; k++) other += dy[k] * z[k].value;
        assert_true(near((other - loss) / (moved[i] - x[i]), dx[i].value, 1e-13));
        by_x += dx[i].value * x[i];
    }
    for (int i = 0; i < OC * C; i++) by_w += dw[i].value * w[i];
    assert_true(near(by_x, loss, 1e-13) && near(by_w, loss, 1e-13)); // Euler: of degree 1 in x, and in w
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forward), cmocka_unit_test(test_logits),
                                       cmocka_unit_test(test_backward_input), cmocka_unit_test(test_backward_weight),
                                       cmocka_unit_test(test_gradients_match_forward)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
