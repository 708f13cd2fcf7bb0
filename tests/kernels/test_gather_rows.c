// Gathering and scattering rows: copies, to the bit; and the sum of two fp32 arrays.
#include "kernels/gather_rows.h"
#include "tests/kernels/kernel_test.h"

static const int shapes[][3] = {
    {1, 1, 8}, {9, 5, 40}, {300, 131, 64}, {40, 40, 1000}}; // N rows in all, M of them named, C

// M different rows of N, not in order
static int *some_rows(KernelTest *t, int N, int M) {
    int *all = HOST(t, int, N);
    for (int n = 0; n < N; n++) all[n] = n;
    for (int n = N - 1; n > 0; n--) {
        int other = (int)((random_at(8, (size_t)n) + 1) * 0.5 * (n + 1)), keep = all[n];
        all[n] = all[other], all[other] = keep;
    }
    assert_true(M <= N);
    return all;
}

static void check_rows(int N, int M, int C) {
    KernelTest t = test_open();
    int *h_rows = some_rows(&t, N, M), *rows = UPLOAD(&t, h_rows, M);
    float *h_all = random_floats(&t, (size_t)N * C, 1, 1), *h_few = random_floats(&t, (size_t)M * C, 2, 1);
    floatX *all = upload_rounded(&t, h_all, (size_t)N * C), *few = upload_rounded(&t, h_few, (size_t)M * C),
           *to = DEVICE(&t, floatX, M * C);
    gather_rows(t.dev, to, all, rows, M, C);
    float *gathered = download_floats(&t, to, (size_t)M * C);
    for (int m = 0; m < M; m++) assert_memory_equal(gathered + m * C, h_all + h_rows[m] * C, (size_t)C * sizeof(float));
    scatter_rows(t.dev, all, few, rows, M, C);
    float *scattered = download_floats(&t, all, (size_t)N * C);
    for (int m = 0; m < M; m++)
        memcpy(h_all + h_rows[m] * C, h_few + m * C, (size_t)C * sizeof(float)); // the others stay
    assert_memory_equal(scattered, h_all, (size_t)N * C * sizeof(float));
    test_close(&t);
}

static void test_gather_and_scatter(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_rows(shapes[i][0], shapes[i][1], shapes[i][2]);
}

static void test_add(void **state) {
    (void)state;
    const size_t sizes[] = {1, 7, 1000, 100003};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        KernelTest t = test_open();
        size_t n = sizes[s];
        float *h_to = random_floats(&t, n, 1, 3), *h_from = random_floats(&t, n, 2, 1e-3);
        float *to = UPLOAD(&t, h_to, n), *from = UPLOAD(&t, h_from, n);
        add_rows(t.dev, to, from, n);
        for (size_t i = 0; i < n; i++) h_to[i] += h_from[i]; // one rounding: the same bits everywhere
        float *got = DOWNLOAD(&t, to, n);
        assert_memory_equal(got, h_to, n * sizeof(float));
        test_close(&t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gather_and_scatter), cmocka_unit_test(test_add)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
