// Embedding: y[n] = table[ids[n]]; dtable[ids[n]] += dy[n].
#include "kernels/embedding.h"
#include "tests/kernels/kernel_test.h"

static const int shapes[][3] = {{1, 8, 1}, {5, 40, 3}, {300, 72, 29}, {67, 264, 1001}, {257, 576, 7}}; // N, C, V
enum { SHAPES = sizeof shapes / sizeof *shapes };

// Ids with many repeats, the first and the last row of the table among them, and rows that nobody asks for.
static int *some_ids(KernelTest *t, int N, int V) {
    int *ids = HOST(t, int, N);
    for (int n = 0; n < N; n++)
        ids[n] = n % 3 == 0 ? V - 1 : n % 3 == 1 ? 0 : (int)((random_at(9, (size_t)n) + 1) * 0.499 * V);
    return ids;
}

static void check_forward(int N, int C, int V) {
    KernelTest t = test_open();
    int *h_ids = some_ids(&t, N, V), *ids = UPLOAD(&t, h_ids, N);
    float *h_table = random_floats(&t, (size_t)V * C, 1, 1);
    floatX *table = upload_rounded(&t, h_table, (size_t)V * C), *y = DEVICE(&t, floatX, N * C);
    embedding_forward(t.dev, y, ids, table, N, C);
    float *got = download_floats(&t, y, (size_t)N * C);
    for (int n = 0; n < N; n++)
        assert_memory_equal(got + (size_t)n * C, h_table + (size_t)h_ids[n] * C, (size_t)C * sizeof(float));
    test_close(&t);
}

static void test_forward(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) check_forward(shapes[i][0], shapes[i][1], shapes[i][2]);
}

static void check_backward(int N, int C, int V) {
    KernelTest t = test_open();
    int *h_ids = some_ids(&t, N, V), *ids = UPLOAD(&t, h_ids, N);
    float *h_dy = random_floats(&t, (size_t)N * C, 1, 1), *h_dtable = random_floats(&t, (size_t)V * C, 2, 1);
    floatX *dy = upload_rounded(&t, h_dy, (size_t)N * C);
    float *dtable = UPLOAD(&t, h_dtable, V * C);
    embedding_backward(t.dev, dtable, ids, dy, N, C, V, DEVICE(&t, char, embedding_workspace_bytes(N, V)));
    Sum *want = HOST(&t, Sum, V * C);
    for (int i = 0; i < V * C; i++) sum_add(&want[i], h_dtable[i]);
    for (int n = 0; n < N; n++)
        for (int c = 0; c < C; c++) sum_add(&want[h_ids[n] * C + c], h_dy[n * C + c]);
    check_fp32(&t, "dtable", dtable, want, (size_t)V * C, N, 0);
    test_close(&t);
}

static void test_backward(void **state) {
    (void)state;
    for (int i = 0; i < SHAPES; i++) check_backward(shapes[i][0], shapes[i][1], shapes[i][2]);
}

// The order of the sum is that of n, so the same call gives the same bits, however many tokens share a row.
static void test_same_bits_again(void **state) {
    (void)state;
    KernelTest t = test_open();
    enum { N = 500, C = 64, V = 5 };
    int *h_ids = some_ids(&t, N, V), *ids = UPLOAD(&t, h_ids, N);
    float *h_dy = random_floats(&t, N * C, 1, 1), *got[2];
    floatX *dy = upload_rounded(&t, h_dy, N * C);
    for (int k = 0; k < 2; k++) {
        float *dtable = DEVICE(&t, float, V * C);
        device_zero(t.dev, dtable, V * C * sizeof(float));
        embedding_backward(t.dev, dtable, ids, dy, N, C, V, DEVICE(&t, char, embedding_workspace_bytes(N, V)));
        got[k] = DOWNLOAD(&t, dtable, V * C);
    }
    assert_memory_equal(got[0], got[1], V * C * sizeof(float));
    test_close(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forward), cmocka_unit_test(test_backward),
                                       cmocka_unit_test(test_same_bits_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
