// Decoding over contexts longer than one block of threads takes (512 keys in attention_decode.cu): parts of the
// softmax, some of them without a key, are joined. A batch mixes short and long contexts; a neighbouring sequence holds
// NaN.
#include "kernels/attention_decode.h"
#include "tests/kernels/attention_reference.h"

enum { T = 1040 };
static const int positions[] = {1023, 0, 511, 512, 513, 40, 1024, 1039, 1022};
enum { ROWS = sizeof positions / sizeof *positions };

static void check_case(int NH, int NKV, int HS, double scale) {
    KernelTest t = test_open();
    int stride = (NH + 2 * NKV) * HS, block = kv_block_tokens(), width = (T + block - 1) / block;
    int *table = HOST(&t, int, 2 * width), *seq = HOST(&t, int, T), *pos = HOST(&t, int, T);
    for (int i = 0; i < 2 * width; i++) table[i] = 2 * width - 1 - i;
    for (int i = 0; i < T; i++) seq[i] = 1, pos[i] = i;
    float *h = random_floats(&t, (size_t)T * stride, 1, scale), *h_q = HOST(&t, float, ROWS * stride);
    floatX *rows = upload_rounded(&t, h, (size_t)T * stride);
    for (int r = 0; r < ROWS; r++) memcpy(h_q + r * stride, h + positions[r] * stride, (size_t)stride * sizeof *h);

    DecodeShape s = {T, NH, NKV, HS, stride, stride, stride, width};
    size_t cache = (size_t)(2 * width) * kv_block_elements(NKV, HS);
    floatX *k_cache = DEVICE(&t, floatX, cache), *v_cache = DEVICE(&t, floatX, cache);
    int *d_table = UPLOAD(&t, table, 2 * width), *d_seq = UPLOAD(&t, seq, T);
    kv_append(t.dev, k_cache, v_cache, rows + NH * HS, rows + (NH + NKV) * HS, d_table, d_seq, UPLOAD(&t, pos, T), &s);
    s.R = ROWS;
    floatX *o = DEVICE(&t, floatX, ROWS * NH * HS), *q = upload_rounded(&t, h_q, (size_t)ROWS * stride);
    attention_decode_forward(t.dev, o, q, k_cache, v_cache, d_table, d_seq, UPLOAD(&t, positions, ROWS), &s,
                             DEVICE(&t, char, attention_decode_workspace_bytes(t.dev, &s)));

    double *x = HOST(&t, double, T * stride);
    Sum *want = HOST(&t, Sum, ROWS * NH * HS), lse;
    for (int i = 0; i < T * stride; i++) x[i] = h[i];
    for (int r = 0; r < ROWS; r++)
        for (int head = 0; head < NH; head++) {
            const double *k = x + NH * HS + head / (NH / NKV) * HS;
            Head at = {x + head * HS, k, k + NKV * HS, stride, stride, stride, HS};
            reference_query(want + (r * NH + head) * HS, &lse, &at, positions[r]);
        }
    check_floatX(&t, "o", o, want, (size_t)ROWS * NH * HS, T + HS, 1);
    test_close(&t);
}

static void test_kernel(void **state) {
    (void)state;
    check_case(4, 2, 64, 1);
    check_case(20, 1, 32, 3); // more query heads than a tile has rows
    check_case(2, 2, 128, 0.5);
    check_case(3, 3, 20, 1); // no tiles
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kernel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
