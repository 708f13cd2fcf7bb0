// C build only. Every output of a product is one chain of multiply-adds, so its bits are those of a plain loop,
// whatever the number of rows, the row's place among them, the cut into calls and the number of threads. The compiler
// decides whether to fuse the multiply-adds (gcc -O3 and clang do, gcc -O1 under the sanitizers does not), but all
// alike.
#include "kernels/exp_log.h"
#include "kernels/matmul.h"
#include "tests/kernels/kernel_test.h"

typedef struct Shape {
    int N, C, OC;
} Shape;
static const Shape shapes[] = {{1, 1, 1}, {5, 7, 3}, {13, 20, 29}, {64, 300, 33}, {200, 65, 513}, {97, 257, 40}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

typedef struct Problem {
    KernelTest t;
    float *x, *w, *bias, *dy, *y, *y_bias, *dx, *dw, *dbias;
} Problem;

static Problem open_problem(Shape s, int threads) {
    Problem p = {.t = test_open_threads(threads)};
    KernelTest *t = &p.t;
    p.x = random_floats(t, (size_t)s.N * s.C, 1, 1), p.w = random_floats(t, (size_t)s.OC * s.C, 2, 1),
    p.bias = random_floats(t, s.OC, 3, 1);
    p.dy = random_floats(t, (size_t)s.N * s.OC, 4, 1), p.y = HOST(t, float, s.N *s.OC),
    p.y_bias = HOST(t, float, s.N *s.OC), p.dx = HOST(t, float, s.N *s.C);
    p.dw = random_floats(t, (size_t)s.OC * s.C, 5, 1), p.dbias = random_floats(t, s.OC, 6, 1);
    return p;
}

static float step(bool fused, float a, float b, float c) {
    volatile float product = a * b; // rounded
    return fused ? mul_add(a, b, c) : product + c;
}

static void plain_loops(Problem *p, Shape s, bool fused) {
    for (int n = 0; n < s.N; n++)
        for (int o = 0; o < s.OC; o++) {
            float sum = 0, from_bias = p->bias[o];
            for (int c = 0; c < s.C; c++) {
                sum = step(fused, p->x[n * s.C + c], p->w[o * s.C + c], sum);
                from_bias = step(fused, p->x[n * s.C + c], p->w[o * s.C + c], from_bias);
            }
            p->y[n * s.OC + o] = sum, p->y_bias[n * s.OC + o] = from_bias;
        }
    for (int n = 0; n < s.N; n++)
        for (int c = 0; c < s.C; c++)
            for (int o = 0; o < s.OC; o++)
                p->dx[n * s.C + c] = step(fused, p->dy[n * s.OC + o], p->w[o * s.C + c], p->dx[n * s.C + c]);
    for (int n = 0; n < s.N; n++)
        for (int o = 0; o < s.OC; o++) {
            for (int c = 0; c < s.C; c++)
                p->dw[o * s.C + c] = step(fused, p->dy[n * s.OC + o], p->x[n * s.C + c], p->dw[o * s.C + c]);
            p->dbias[o] += p->dy[n * s.OC + o];
        }
}

// The same by the kernels, `most` rows a call.
static void by_kernels(Problem *p, Shape s, int most) {
    for (int n = 0; n < s.N; n += most) {
        int rows = s.N - n < most ? s.N - n : most;
        const float *x = p->x + n * s.C, *dy = p->dy + n * s.OC;
        matmul_forward(p->t.dev, p->y + n * s.OC, x, p->w, NULL, rows, s.C, s.OC);
        matmul_forward(p->t.dev, p->y_bias + n * s.OC, x, p->w, p->bias, rows, s.C, s.OC);
        matmul_backward_input(p->t.dev, p->dx + n * s.C, dy, p->w, rows, s.C, s.OC);
        matmul_backward_weight(p->t.dev, p->dw, p->dbias, dy, x, rows, s.C, s.OC);
    }
}

static bool same_bits(const Problem *a, const Problem *b, Shape s) {
    size_t n_y = (size_t)s.N * s.OC * sizeof(float), n_x = (size_t)s.N * s.C * sizeof(float),
           n_w = (size_t)s.OC * s.C * sizeof(float);
    return !memcmp(a->y, b->y, n_y) && !memcmp(a->y_bias, b->y_bias, n_y) && !memcmp(a->dx, b->dx, n_x) &&
           !memcmp(a->dw, b->dw, n_w) && !memcmp(a->dbias, b->dbias, (size_t)s.OC * sizeof(float));
}

static void test_plain_loops(void **state) {
    (void)state;
    const int rows[] = {1, 7, 64, 1000};
    int fused = 0, rounded = 0;
    for (int i = 0; i < SHAPES; i++)
        for (int k = 0; k < 4; k++) {
            Shape s = shapes[i];
            Problem chain = open_problem(s, 1), other = open_problem(s, 1), got = open_problem(s, 1 + k % 3);
            plain_loops(&chain, s, true);
            plain_loops(&other, s, false);
            by_kernels(&got, s, rows[k]);
            fused += same_bits(&got, &chain, s), rounded += same_bits(&got, &other, s);
            got.dw[0] = nextafterf(got.dw[0], 9);
            assert_false(same_bits(&got, &chain, s) || same_bits(&got, &other, s)); // one unit in one place is seen
            test_close(&chain.t), test_close(&other.t), test_close(&got.t);
        }
    assert_true(fused == SHAPES * 4 || rounded == SHAPES * 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain_loops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
