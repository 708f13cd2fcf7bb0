// The twins of the model: see twins.h.
#include "kernels/attention.h"
#include "kernels/attention_decode.h"
#include "kernels/embedding.h"
#include "kernels/matmul.h"
#include "kernels/rmsnorm.h"
#include "kernels/rope.h"
#include "kernels/gather_rows.h"
#include "kernels/swiglu.h"
#include "tests/kernels/twins.h"

static void twin_embedding(Twins *w, int N, int C, int V) {
    int *ids, *h_ids = random_ids(w, &ids, N, V, 1);
    IN(V * C, 2, 1, table);
    IN(N * C, 3, 1, dy);
    OUT(N * C, y);
    SUM(V * C, 4, dtable);
    void *workspace = device_array(&w->t, embedding_workspace_bytes(N, V));
    embedding_forward(dev_of(w), y, ids, table, N, C);
    C(embedding_forward)(w->c, X(h_y), h_ids, X(h_table), N, C);
    assert_memory_equal(download_floats(&w->t, y, N * C), h_y, (size_t)N * C * sizeof(float));
    embedding_backward(dev_of(w), dtable, ids, dy, N, C, V, workspace);
    C(embedding_backward)(w->c, h_dtable, h_ids, X(h_dy), N, C, V, NULL);
    // the same sums in the same order
    assert_memory_equal(DOWNLOAD(&w->t, dtable, V * C), h_dtable, (size_t)V * C * sizeof(float));
}

static void twin_rows(Twins *w, int M, int C) {
    int h_rows[64], N = 2 * M + 1;
    for (int m = 0; m < M; m++) h_rows[m] = (m * 2 + 3) % N;
    int *rows = UPLOAD(&w->t, h_rows, M);
    IN(N * C, 1, 1, from);
    OUT(M * C, gathered);
    IN(N * C, 2, 1, back);
    SUM(M * C, 3, sum);
    SUM(M * C, 4, more);
    gather_rows(dev_of(w), gathered, from, rows, M, C);
    scatter_rows(dev_of(w), back, gathered, rows, M, C);
    add_rows(dev_of(w), sum, more, (size_t)M * C);
    C(gather_rows)(w->c, X(h_gathered), X(h_from), h_rows, M, C);
    C(scatter_rows)(w->c, X(h_back), X(h_gathered), h_rows, M, C);
    C(add_rows)(w->c, h_sum, h_more, (size_t)M * C);
    assert_memory_equal(download_floats(&w->t, gathered, M * C), h_gathered, (size_t)M * C * sizeof(float));
    assert_memory_equal(download_floats(&w->t, back, N * C), h_back, (size_t)N * C * sizeof(float));
    assert_memory_equal(DOWNLOAD(&w->t, sum, M * C), h_sum, (size_t)M * C * sizeof(float));
}

static void twin_rmsnorm(Twins *w, int N, int H, int C, int stride) {
    IN(N * stride, 1, 2, x);
    IN(C, 2, 1, weight);
    IN(N * stride, 3, 1, dy);
    IN(N * stride, 4, 1, dx); // dres, in place
    OUT(N * stride, y);
    SUM(C, 5, dw);
    float *rstd = DEVICE(&w->t, float, N * H), *h_rstd = HOST(&w->t, float, N * H);
    void *workspace = device_array(&w->t, rmsnorm_workspace_bytes(N, H, C));
    device_zero(dev_of(w), y, (size_t)N * stride * sizeof(floatX));
    rmsnorm_forward(dev_of(w), y, rstd, x, weight, N, H, C, stride, stride, 1e-5f);
    C(rmsnorm_forward)(w->c, X(h_y), h_rstd, X(h_x), X(h_weight), N, H, C, stride, stride, 1e-5f);
    agree_floatX(w, "rmsnorm y", y, h_y, (size_t)N * stride, 0, C, 0);
    agree_fp32(w, "rmsnorm rstd", rstd, h_rstd, (size_t)N * H, 0, C);
    rmsnorm_backward(dev_of(w), dx, dw, dx, dy, x, weight, rstd, N, H, C, stride, stride, stride, workspace);
    C(rmsnorm_backward)
    (w->c, X(h_dx), h_dw, X(h_dx), X(h_dy), X(h_x), X(h_weight), h_rstd, N, H, C, stride, stride, stride, NULL);
    agree_floatX(w, "rmsnorm dx", dx, h_dx, (size_t)N * stride, 0, C, 0);
    agree_fp32(w, "rmsnorm dw", dw, h_dw, C, N * H, N * H); // sums of N H terms below 1 each
}

static void twin_rmsnorm_residual(Twins *w, int N, int C) {
    IN(N * C, 1, 1, x);
    IN(N * C, 2, 1, delta);
    IN(C, 3, 1, weight);
    OUT(N * C, sum);
    OUT(N * C, y);
    float *rstd = DEVICE(&w->t, float, N), *h_rstd = HOST(&w->t, float, N);
    rmsnorm_residual_forward(dev_of(w), sum, y, rstd, x, delta, weight, N, C, 1e-5f);
    C(rmsnorm_residual_forward)(w->c, X(h_sum), X(h_y), h_rstd, X(h_x), X(h_delta), X(h_weight), N, C, 1e-5f);
    agree_floatX(w, "residual sum", sum, h_sum, (size_t)N * C, 0, 1, 0);
    agree_floatX(w, "residual y", y, h_y, (size_t)N * C, 0, C, 1); // of the sum as it is stored
}

static void twin_matmul(Twins *w, int N, int C, int OC) {
    IN(N * C, 1, 1, x);
    IN(OC * C, 2, 1, weight);
    IN(OC, 3, 1, bias);
    IN(N * OC, 4, 1, dy);
    OUT(N * OC, y);
    OUT(N * C, dx);
    SUM(OC * C, 5, dw);
    SUM(OC, 6, dbias);
    float *logits = DEVICE(&w->t, float, N * OC), *h_logits = HOST(&w->t, float, N * OC);
    matmul_forward(dev_of(w), y, x, weight, bias, N, C, OC);
    C(matmul_forward)(w->c, X(h_y), X(h_x), X(h_weight), X(h_bias), N, C, OC);
    agree_floatX(w, "matmul y", y, h_y, (size_t)N * OC, C, C, 0); // sums of C terms below 1 each
    matmul_logits(dev_of(w), logits, x, weight, N, C, OC);
    C(matmul_logits)(w->c, h_logits, X(h_x), X(h_weight), N, C, OC);
    agree_fp32(w, "matmul logits", logits, h_logits, (size_t)N * OC, C, C);
    matmul_backward_input(dev_of(w), dx, dy, weight, N, C, OC);
    C(matmul_backward_input)(w->c, X(h_dx), X(h_dy), X(h_weight), N, C, OC);
    agree_floatX(w, "matmul dx", dx, h_dx, (size_t)N * C, OC, OC, 0);
    matmul_backward_weight(dev_of(w), dw, dbias, dy, x, N, C, OC);
    C(matmul_backward_weight)(w->c, h_dw, h_dbias, X(h_dy), X(h_x), N, C, OC);
    agree_fp32(w, "matmul dw", dw, h_dw, (size_t)OC * C, N + 1, N + 1);
    agree_fp32(w, "matmul dbias", dbias, h_dbias, OC, N + 1, N + 1);
}

static void twin_rope(Twins *w, int N, int H, int HS, int stride) {
    int *pos, *h_pos = random_ids(w, &pos, N, 40, 1);
    float *h_angles = random_floats(&w->t, 40 * HS, 2, 1), *angles = UPLOAD(&w->t, h_angles, 40 * HS);
    IN(N * stride, 3, 1, x);
    rope_forward(dev_of(w), x, pos, angles, N, H, HS, stride);
    C(rope_forward)(w->c, X(h_x), h_pos, h_angles, N, H, HS, stride);
    agree_floatX(w, "rope", x, h_x, (size_t)N * stride, 2, 3, 0); // two products below 1
    device_upload_floats(dev_of(w), x, h_x, (size_t)N * stride);
    device_download_floats(dev_of(w), h_x, x, (size_t)N * stride);
    rope_backward(dev_of(w), x, pos, angles, N, H, HS, stride);
    C(rope_backward)(w->c, X(h_x), h_pos, h_angles, N, H, HS, stride);
    agree_floatX(w, "rope backward", x, h_x, (size_t)N * stride, 4, 3, 0);
}

static void twin_swiglu(Twins *w, int N, int F) {
    IN(N * 2 * F, 1, 4, gate_up);
    IN(N * F, 2, 1, dy);
    OUT(N * F, y);
    swiglu_forward(dev_of(w), y, gate_up, N, F);
    C(swiglu_forward)(w->c, X(h_y), X(h_gate_up), N, F);
    agree_floatX(w, "swiglu y", y, h_y, (size_t)N * F, 0, 4, 0);
    swiglu_backward(dev_of(w), gate_up, dy, gate_up, N, F);
    C(swiglu_backward)(w->c, X(h_gate_up), X(h_dy), X(h_gate_up), N, F);
    agree_floatX(w, "swiglu backward", gate_up, h_gate_up, (size_t)N * 2 * F, 0, 8, 0);
}

static void twin_attention(Twins *w, AttentionShape s, const int *h_starts, const int *h_prefix) {
    size_t n_rows = (size_t)s.N * s.q_stride, n_o = (size_t)s.N * s.NH * s.HS;
    int k = s.NH * s.HS, v = k + s.NKV * s.HS, *starts = UPLOAD(&w->t, h_starts, s.B + 1);
    int *prefix = h_prefix ? UPLOAD(&w->t, h_prefix, s.B) : NULL;
    IN(n_rows, 1, 1, rows);
    IN(n_o, 2, 1, d_o);
    IN(n_rows, 3, 1, d);
    OUT(n_o, o);
    float *lse = DEVICE(&w->t, float, s.N * s.NH), *h_lse = HOST(&w->t, float, s.N * s.NH);
    void *workspace = device_array(&w->t, attention_workspace_bytes(dev_of(w), &s));
    void *h_workspace = HOST(&w->t, char, C(attention_workspace_bytes)(w->c, &s));
    attention_forward(dev_of(w), o, lse, rows, rows + k, rows + v, starts, prefix, &s, workspace);
    C(attention_forward)(w->c, X(h_o), h_lse, X(h_rows), X(h_rows + k), X(h_rows + v), h_starts, h_prefix, &s,
                         h_workspace);
    agree_floatX(w, "attention o", o, h_o, n_o, 0, s.T + s.HS, 1);
    agree_fp32(w, "attention lse", lse, h_lse, (size_t)s.N * s.NH, 0, s.T + s.HS);
    attention_backward(dev_of(w), d, d + k, d + v, d_o, rows, rows + k, rows + v, o, lse, starts, prefix, &s,
                       workspace);
    C(attention_backward)
    (w->c, X(h_d), X(h_d + k), X(h_d + v), X(h_d_o), X(h_rows), X(h_rows + k), X(h_rows + v), X(h_o), h_lse, h_starts,
     h_prefix, &s, h_workspace);
    agree_floatX(w, "attention backward", d, h_d, n_rows, 0, (prefix ? s.N : s.T) + s.HS, 3); // p, o and ds
}

// One sequence of T keys, appended in one batch; the rows attend to prefixes of it, through a copy of its first block.
// The two caches are cut into blocks of their own.
static void twin_decode(Twins *w, int NH, int NKV, int HS, int T, int R) {
    int stride = (NH + 2 * NKV) * HS, k = NH * HS, v = k + NKV * HS, blocks = ceil(T / 16.0) + 1, h_seq[2048] = {0},
        h_pos[2048], h_table[256];
    DecodeShape s = {T, NH, NKV, HS, stride, stride, stride, blocks};
    for (int i = 0; i < blocks; i++) h_table[i] = blocks - 1 - i;
    for (int i = 0; i < T; i++) h_pos[i] = i;
    BlockCopy h_copy = {0, h_table[0]}, *copy = UPLOAD(&w->t, &h_copy, 1); // block 0 is the table's last and not in use
    int *table = UPLOAD(&w->t, h_table, blocks), *seq = UPLOAD(&w->t, h_seq, T), *pos = UPLOAD(&w->t, h_pos, T);
    size_t cache = blocks * kv_block_elements(NKV, HS), h_cache = blocks * C(kv_block_elements)(NKV, HS);
    IN(T * stride, 1, 1, rows);
    floatX *k_cache = DEVICE(&w->t, floatX, cache), *v_cache = DEVICE(&w->t, floatX, cache);
    float *h_k = HOST(&w->t, float, h_cache), *h_v = HOST(&w->t, float, h_cache);
    kv_append(dev_of(w), k_cache, v_cache, rows + k, rows + v, table, seq, pos, &s);
    C(kv_append)(w->c, X(h_k), X(h_v), X(h_rows + k), X(h_rows + v), h_table, h_seq, h_pos, &s);
    kv_copy_blocks(dev_of(w), k_cache, v_cache, copy, 1, 1, cache, NKV, HS);
    C(kv_copy_blocks)(w->c, X(h_k), X(h_v), &h_copy, 1, 1, h_cache, NKV, HS);
    h_table[0] = h_copy.to;
    device_upload(dev_of(w), table, h_table, sizeof *h_table);
    s.R = R;
    for (int r = 0; r < R; r++) h_pos[r] = r == 0 ? T - 1 : (int)((random_at(9, r) + 1) * 0.49 * T);
    device_upload(dev_of(w), pos, h_pos, (size_t)R * sizeof(int));
    OUT(R * NH * HS, o);
    void *workspace = device_array(&w->t, attention_decode_workspace_bytes(dev_of(w), &s));
    void *h_workspace = HOST(&w->t, char, C(attention_decode_workspace_bytes)(w->c, &s));
    attention_decode_forward(dev_of(w), o, rows, k_cache, v_cache, table, seq, pos, &s, workspace);
    C(attention_decode_forward)(w->c, X(h_o), X(h_rows), X(h_k), X(h_v), h_table, h_seq, h_pos, &s, h_workspace);
    agree_floatX(w, "decode o", o, h_o, (size_t)R * NH * HS, 0, T + HS, 1);
}

static void test_movers(void **state) {
    (void)state;
    TWINS(twin_embedding(w, 70, 24, 11));
    TWINS(twin_embedding(w, 300, 7, 40));
    TWINS(twin_rows(w, 9, 40));
    TWINS(twin_rows(w, 5, 13));
    TWINS(twin_rope(w, 7, 3, 16, 56));
    TWINS(twin_rope(w, 5, 2, 6, 15));
}

static void test_layers(void **state) {
    (void)state;
    TWINS(twin_rmsnorm(w, 70, 1, 48, 48));
    TWINS(twin_rmsnorm(w, 5, 1, 777, 777));
    TWINS(twin_rmsnorm(w, 33, 3, 16, 56));
    TWINS(twin_rmsnorm_residual(w, 6, 264));
    TWINS(twin_rmsnorm_residual(w, 3, 29));
    TWINS(twin_swiglu(w, 9, 72));
    TWINS(twin_swiglu(w, 4, 35));
    TWINS(twin_matmul(w, 1, 8, 24));
    TWINS(twin_matmul(w, 67, 40, 33));
    TWINS(twin_matmul(w, 130, 29, 41));
}

static void test_attention(void **state) {
    (void)state;
    const int(*at)[9] = (const int[][9]){{0, 1, 67, 67, 80}, {0, 130, 131}, {0, 70}, {0, 97, 97}, {0, 41, 50}};
    TWINS(twin_attention(w, (AttentionShape){80, 4, 66, 4, 2, 16, 128, 128, 128}, at[0], NULL));
    TWINS(twin_attention(w, (AttentionShape){131, 2, 130, 3, 1, 32, 168, 168, 168}, at[1], NULL));
    TWINS(twin_attention(w, (AttentionShape){70, 1, 70, 2, 1, 128, 512, 512, 512}, at[2], NULL));
    TWINS(twin_attention(w, (AttentionShape){97, 2, 97, 7, 1, 64, 576, 576, 576}, at[3], NULL));
    // no tiles for this head size
    TWINS(twin_attention(w, (AttentionShape){50, 2, 41, 4, 2, 20, 163, 163, 163}, at[4], NULL));
    // sequences that continue a prompt: in one part and in several; among others
    at = (const int[][9]){{0, 70, 80, 150}, {0, 10, 10, 11, 30, 61, 66, 90, 100}, {0, 9, 20, 30, 60}};
    const int prefix[][8] = {{-1, 0, 0}, {-1, -1, -1, 2, 2, 2, 2, -1}, {-1, -1, 1, 1}};
    TWINS(twin_attention(w, (AttentionShape){150, 3, 140, 4, 2, 64, 512, 512, 512}, at[0], prefix[0]));
    TWINS(twin_attention(w, (AttentionShape){100, 8, 41, 4, 2, 16, 128, 128, 128}, at[1], prefix[1]));
    TWINS(twin_attention(w, (AttentionShape){60, 4, 51, 4, 2, 20, 163, 163, 163}, at[2], prefix[2]));
}

static void test_decode(void **state) {
    (void)state;
    TWINS(twin_decode(w, 4, 2, 16, 70, 5));
    TWINS(twin_decode(w, 6, 1, 64, 1200, 4)); // three splits
    TWINS(twin_decode(w, 40, 2, 32, 600, 3)); // 20 heads in a group
    TWINS(twin_decode(w, 2, 2, 128, 513, 2));
    TWINS(twin_decode(w, 3, 1, 10, 90, 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_movers), cmocka_unit_test(test_layers),
                                       cmocka_unit_test(test_attention), cmocka_unit_test(test_decode)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
