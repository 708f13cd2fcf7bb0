// Rotary position embedding, rotate-half: channels i and i + HS/2 are rotated by the angle whose cosine and sine the
// table holds.
#include "kernels/rope.h"
#include "tests/kernels/kernel_test.h"

typedef struct Shape {
    int N, H, HS, gap;
} Shape;
static const Shape shapes[] = {{1, 1, 16, 0}, {7, 3, 32, 8}, {33, 5, 64, 64}, {66, 2, 128, 16}, {3, 14, 64, 256}};
enum { SHAPES = sizeof shapes / sizeof *shapes, T_MAX = 100 };

static float *angles(KernelTest *t, int HS) {
    float *table = HOST(t, float, T_MAX * HS);
    for (int p = 0; p < T_MAX; p++)
        for (int i = 0; i < HS / 2; i++) {
            double angle = p * pow(10000, -2.0 * i / HS);
            table[p * HS + i] = (float)cos(angle), table[p * HS + HS / 2 + i] = (float)sin(angle);
        }
    return table;
}

// sign +1: forward, -1: the rotation back
static void reference(Sum *y, const float *x, const float *cos_sin, int HS, int sign) {
    int half = HS / 2;
    for (int i = 0; i < half; i++) {
        double c = cos_sin[i], s = sign * (double)cos_sin[half + i], a = x[i], b = x[half + i];
        y[i] = (Sum){a * c - b * s, fabs(a * c) + fabs(b * s)};
        y[half + i] = (Sum){b * c + a * s, fabs(b * c) + fabs(a * s)};
    }
}

static void check_shape(Shape s, int sign) {
    KernelTest t = test_open();
    int N = s.N, HS = s.HS, stride = s.H * HS + s.gap, *h_pos = HOST(&t, int, N);
    for (int n = 0; n < N; n++) h_pos[n] = n == 0 ? T_MAX - 1 : n == 1 ? 0 : (n * 37) % T_MAX;
    float *h_x = random_floats(&t, (size_t)N * stride, 1, 2), *h_table = angles(&t, HS),
          *table = UPLOAD(&t, h_table, T_MAX * HS);
    floatX *x = upload_rounded(&t, h_x, (size_t)N * stride);
    int *pos = UPLOAD(&t, h_pos, N);
    (sign > 0 ? rope_forward : rope_backward)(t.dev, x, pos, table, N, s.H, HS, stride);
    Sum *want = HOST(&t, Sum, N * stride);
    for (int i = 0; i < N * stride; i++) want[i].value = h_x[i]; // the gap stays
    for (int n = 0; n < N; n++)
        for (int h = 0; h < s.H; h++)
            reference(want + n * stride + h * HS, h_x + n * stride + h * HS, h_table + h_pos[n] * HS, HS, sign);
    check_floatX(&t, sign > 0 ? "forward" : "backward", x, want, (size_t)N * stride, 2, 0);
    test_close(&t);
}

static void test_kernel(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) check_shape(shapes[i], 1), check_shape(shapes[i], -1);
}

// Backward is the transpose of forward: <d, R x> = <R^T d, x>, to rounding; and position 0 leaves every bit.
static void test_transpose(void **state) {
    (void)state;
    KernelTest t = test_open();
    enum { N = 12, H = 3, HS = 32, SIZE = N * H * HS };
    int h_pos[N], *zero_pos;
    for (int n = 0; n < N; n++) h_pos[n] = 8 * n;
    float *h_x = random_floats(&t, SIZE, 1, 1), *h_d = random_floats(&t, SIZE, 2, 1), *h_table = angles(&t, HS),
          *table = UPLOAD(&t, h_table, T_MAX * HS);
    floatX *x = upload_rounded(&t, h_x, SIZE), *d = upload_rounded(&t, h_d, SIZE);
    int *pos = UPLOAD(&t, h_pos, N);
    rope_forward(t.dev, x, pos, table, N, H, HS, H * HS);
    rope_backward(t.dev, d, pos, table, N, H, HS, H * HS);
    float *rx = download_floats(&t, x, SIZE), *rd = download_floats(&t, d, SIZE);
    Sum forward = {0}, backward = {0};
    for (int i = 0; i < SIZE; i++)
        sum_add(&forward, (double)h_d[i] * rx[i]), sum_add(&backward, (double)rd[i] * h_x[i]);
    assert_true(near(forward.value, backward.value, 4 * unit_floatX() * forward.magnitude));
    memset(h_pos, 0, sizeof h_pos);
    zero_pos = UPLOAD(&t, h_pos, N);
    rope_forward(t.dev, x, zero_pos, table, N, H, HS, H * HS);
    float *same = download_floats(&t, x, SIZE);
    assert_memory_equal(rx, same, SIZE * sizeof(float));
    test_close(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kernel), cmocka_unit_test(test_transpose)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
