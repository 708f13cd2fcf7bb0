// Attention over packed sequences, forward and backward, q, k and v inside one wide row as the model has them. Some
// continue a prompt that is packed once.
#include "kernels/attention.h"
#include "tests/kernels/attention_reference.h"

enum { SEQUENCES_MAX = 8, ALONE = -1 };
typedef struct Case {
    int NH, NKV, HS, gap, B, lengths[SEQUENCES_MAX];
    double scale;              // of q and k: 1 = flat softmax, 6 = nearly one key
    int prefix[SEQUENCES_MAX]; // the sequence that each one continues; all 0: none does
} Case;
// Around blocks of 16, 32, 48, 64 and 128 tokens; sequences of one token; groups of 1 to 8 query heads a kv head.
static const Case cases[] = {
    {1, 1, 16, 0, 1, {1}, 1, {0}},
    {4, 2, 16, 8, 3, {1, 5, 2}, 3, {0}},
    {6, 2, 32, 0, 4, {33, 1, 70, 16}, 1, {0}},
    {9, 3, 64, 0, 3, {129, 31, 64}, 1, {0}},
    {4, 4, 128, 16, 2, {17, 130}, 0.5, {0}},
    {8, 1, 64, 0, 2, {48, 1}, 6, {0}},
    {14, 2, 64, 0, 2, {3, 40}, 1, {0}},
    {2, 1, 32, 0, 1, {257}, 2, {0}},
    // shared prompts: of one token, of several tiles, at the end of a tile, and among sequences that share none
    {4, 2, 16, 8, 5, {9, 1, 3, 70, 6}, 1, {ALONE, ALONE, 1, 1, 1}},
    {6, 2, 32, 0, 7, {67, 5, 64, 1, 30, 12, 33}, 2, {ALONE, 0, 0, 0, ALONE, 4, ALONE}},
    {9, 3, 64, 0, 4, {128, 70, 1, 60}, 1, {ALONE, 0, 0, 0}},
    {2, 1, 128, 0, 3, {193, 40, 17}, 0.5, {ALONE, 0, 0}},
    {8, 2, 20, 0, 4, {31, 100, 2, 7}, 3, {ALONE, 0, 0, ALONE}},
};
enum { CASES = sizeof cases / sizeof *cases };

typedef struct World { // q, k, v of all tokens: row n of `rows` is NH query heads, NKV keys, NKV values, gap
    KernelTest t;
    AttentionShape s;
    int starts[SEQUENCES_MAX + 1], *d_starts;
    const int *prefix, *d_prefix; // NULL: no sequence continues another
    float *h_rows;
    double *rows, *joined; // joined (T, stride): the rows of one sequence by position
    floatX *d_rows;
    void *workspace;
} World;

static double *widened(KernelTest *t, const float *h, size_t n) {
    double *x = HOST(t, double, n);
    for (size_t i = 0; i < n; i++) x[i] = h[i];
    return x;
}

static World open_world(const Case *c) {
    World w = {.t = test_open()};
    int stride = (c->NH + 2 * c->NKV) * c->HS + c->gap, longest = 0;
    if (c->prefix[0]) w.prefix = c->prefix, w.d_prefix = UPLOAD(&w.t, c->prefix, c->B);
    for (int b = 0; b < c->B; b++) {
        int T = c->lengths[b] + (w.prefix && c->prefix[b] >= 0 ? c->lengths[c->prefix[b]] : 0);
        w.starts[b + 1] = w.starts[b] + c->lengths[b];
        longest = T > longest ? T : longest;
    }
    w.s = (AttentionShape){w.starts[c->B], c->B, longest, c->NH, c->NKV, c->HS, stride, stride, stride};
    size_t n = (size_t)w.s.N * stride;
    w.h_rows = random_floats(&w.t, n, 1, c->scale);
    w.d_rows = upload_rounded(&w.t, w.h_rows, n);
    w.rows = widened(&w.t, w.h_rows, n);
    w.joined = HOST(&w.t, double, longest * stride);
    w.d_starts = UPLOAD(&w.t, w.starts, c->B + 1);
    w.workspace = DEVICE(&w.t, char, attention_workspace_bytes(w.t.dev, &w.s));
    return w;
}

static int k_offset(const AttentionShape *s) { return s->NH * s->HS; }
static int v_offset(const AttentionShape *s) { return (s->NH + s->NKV) * s->HS; }

// Tokens in front of sequence b's own, and the token of its position t.
static int before(const World *w, int b) {
    return w->prefix && w->prefix[b] >= 0 ? w->starts[w->prefix[b] + 1] - w->starts[w->prefix[b]] : 0;
}
static int token_of(const World *w, int b, int t) {
    int P = before(w, b);
    return t < P ? w->starts[w->prefix[b]] + t : w->starts[b] + t - P;
}

// Copies the rows of sequence b to w->joined; returns how many there are.
static int join(const World *w, const double *rows, int b) {
    int T = before(w, b) + w->starts[b + 1] - w->starts[b], row = w->s.q_stride;
    for (int t = 0; t < T; t++)
        memcpy(w->joined + (size_t)t * row, rows + (size_t)token_of(w, b, t) * row, (size_t)row * sizeof *rows);
    return T;
}

// Query head h of the sequence in w->joined
static Head head_of(const World *w, int h) {
    const AttentionShape *s = &w->s;
    int kv = h / (s->NH / s->NKV);
    return (Head){w->joined + h * s->HS, w->joined + k_offset(s) + kv * s->HS, w->joined + v_offset(s) + kv * s->HS,
                  s->q_stride, s->k_stride, s->v_stride, s->HS};
}

static void reference_forward(const World *w, const double *rows, Sum *o, Sum *lse) {
    for (int b = 0; b < w->s.B; b++) {
        int T = join(w, rows, b);
        for (int h = 0; h < w->s.NH; h++) {
            Head head = head_of(w, h);
            for (int t = before(w, b); t < T; t++) {
                size_t at = (size_t)token_of(w, b, t) * w->s.NH + h;
                reference_query(o + at * w->s.HS, lse + at, &head, t);
            }
        }
    }
}

// d (rows) += the gradient on q, k and v. A prompt that a sequence continues has no d_o there: it adds nothing twice.
static void reference_backward(World *w, const double *d_o, const double *o, Sum *d) {
    const AttentionShape *s = &w->s;
    int mark = w->t.n_host, row = s->q_stride, o_row = s->NH * s->HS;
    for (int b = 0; b < s->B; b++) {
        int T = join(w, w->rows, b), P = before(w, b);
        double *g = HOST(&w->t, double, T *o_row), *y = HOST(&w->t, double, T *o_row);
        Sum *at = HOST(&w->t, Sum, T *row);
        memcpy(g + P * o_row, d_o + w->starts[b] * o_row, (size_t)((T - P) * o_row) * sizeof *g);
        memcpy(y + P * o_row, o + w->starts[b] * o_row, (size_t)((T - P) * o_row) * sizeof *y);
        for (int h = 0; h < s->NH; h++) {
            Head head = head_of(w, h);
            int kv = h / (s->NH / s->NKV);
            reference_head_backward(at + h * s->HS, at + k_offset(s) + kv * s->HS, at + v_offset(s) + kv * s->HS,
                                    g + h * s->HS, y + h * s->HS, o_row, &head, T);
        }
        for (int t = 0; t < T; t++)
            for (int i = 0; i < row; i++) {
                Sum *to = &d[(size_t)token_of(w, b, t) * row + i];
                to->value += at[t * row + i].value, to->magnitude += at[t * row + i].magnitude;
            }
        host_release(&w->t, mark);
    }
}

// Forward and backward by the kernels. inner: an implementation may hold p, o and ds in floatX.
static void check_case(const Case *c) {
    World w = open_world(c);
    KernelTest *t = &w.t;
    const AttentionShape *s = &w.s;
    size_t n_o = (size_t)s->N * s->NH * s->HS, n_rows = (size_t)s->N * s->q_stride;
    floatX *o = DEVICE(t, floatX, n_o);
    float *lse = DEVICE(t, float, s->N * s->NH);
    attention_forward(t->dev, o, lse, w.d_rows, w.d_rows + k_offset(s), w.d_rows + v_offset(s), w.d_starts, w.d_prefix,
                      s, w.workspace);
    Sum *want_o = HOST(t, Sum, n_o), *want_lse = HOST(t, Sum, s->N * s->NH), *want_d = HOST(t, Sum, n_rows);
    reference_forward(&w, w.rows, want_o, want_lse);
    check_floatX(t, "o", o, want_o, n_o, s->T + s->HS, 1);
    check_fp32(t, "lse", lse, want_lse, (size_t)s->N * s->NH, s->T + s->HS, 0);

    float *h_do = random_floats(t, n_o, 2, 1), *before = random_floats(t, n_rows, 3, 1);
    floatX *d_o = upload_rounded(t, h_do, n_o), *d = upload_rounded(t, before, n_rows);
    double *exact_o = HOST(t, double, n_o);
    for (size_t i = 0; i < n_o; i++) exact_o[i] = want_o[i].value;
    attention_backward(t->dev, d, d + k_offset(s), d + v_offset(s), d_o, w.d_rows, w.d_rows + k_offset(s),
                       w.d_rows + v_offset(s), o, lse, w.d_starts, w.d_prefix, s, w.workspace);
    reference_backward(&w, widened(t, h_do, n_o), exact_o, want_d);
    for (int n = 0; n < s->N; n++)
        for (int i = (s->NH + 2 * s->NKV) * s->HS; i < s->q_stride; i++)
            want_d[(size_t)n * s->q_stride + i].value = before[(size_t)n * s->q_stride + i];
    int queries = w.prefix ? s->N : s->T; // a key may have that many
    check_floatX(t, "dq dk dv", d, want_d, n_rows, queries + s->HS + s->NH / s->NKV, 3);
    test_close(t);
}

static void test_kernel(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) check_case(&cases[i]);
}

typedef struct Loss { // sum d_o o as a function of the rows
    World *w;
    const double *d_o;
    Sum *o, *lse;
} Loss;
static double loss(const double *rows, void *context) {
    Loss *l = context;
    double sum = 0;
    reference_forward(l->w, rows, l->o, l->lse);
    for (int i = 0; i < l->w->s.N * l->w->s.NH * l->w->s.HS; i++) sum += l->d_o[i] * l->o[i].value;
    return sum;
}

static void check_reference(const Case *c) {
    World w = open_world(c);
    size_t n_o = (size_t)w.s.N * w.s.NH * w.s.HS, n_rows = (size_t)w.s.N * w.s.q_stride;
    double *d_o = HOST(&w.t, double, n_o), *o = HOST(&w.t, double, n_o), *slopes = HOST(&w.t, double, n_rows);
    Loss l = {&w, d_o, HOST(&w.t, Sum, n_o), HOST(&w.t, Sum, w.s.N * w.s.NH)};
    Sum *d = HOST(&w.t, Sum, n_rows);
    for (size_t i = 0; i < n_o; i++) d_o[i] = random_at(5, i);
    loss(w.rows, &l);
    for (size_t i = 0; i < n_o; i++) o[i] = l.o[i].value;
    reference_backward(&w, d_o, o, d);
    for (size_t i = 0; i < n_rows; i++) slopes[i] = d[i].value;
    check_slopes("attention", loss, &l, w.rows, slopes, n_rows);
    test_close(&w.t);
}

static void test_reference(void **state) {
    (void)state;
    check_reference(&(Case){4, 2, 4, 0, 2, {5, 3}, 1.5, {0}});
    check_reference(&(Case){4, 2, 4, 0, 4, {3, 2, 1, 4}, 1.5, {ALONE, 0, 0, ALONE}});
}

// Later tokens and other sequences must not change a token's output by one bit: everything changes but the first `kept`
// tokens from token `first` on, and the first `prompt` tokens.
static void check_causal(const Case *c, int prompt, int first, int kept) {
    World w = open_world(c);
    KernelTest *t = &w.t;
    size_t n_o = (size_t)w.s.N * w.s.NH * w.s.HS, row = (size_t)w.s.NH * w.s.HS, end = (size_t)(first + kept);
    float *got[2];
    for (int k = 0; k < 2; k++) {
        floatX *o = DEVICE(t, floatX, n_o);
        attention_forward(t->dev, o, DEVICE(t, float, w.s.N *w.s.NH), w.d_rows, w.d_rows + k_offset(&w.s),
                          w.d_rows + v_offset(&w.s), w.d_starts, w.d_prefix, &w.s, w.workspace);
        got[k] = download_floats(t, o, n_o);
        for (int n = prompt; n < w.s.N; n++)
            for (int i = 0; (n < first || n >= first + kept) && i < w.s.q_stride; i++)
                w.h_rows[(size_t)n * w.s.q_stride + i] = 50.0f * (float)random_at(6, (size_t)(n * 997 + i));
        device_upload_floats(t->dev, w.d_rows, w.h_rows, (size_t)w.s.N * w.s.q_stride);
    }
    assert_memory_equal(got[0] + (size_t)first * row, got[1] + (size_t)first * row, (size_t)kept * row * sizeof(float));
    assert_memory_not_equal(got[0] + end * row, got[1] + end * row, row * sizeof(float));
    test_close(t);
}

static void test_causal(void **state) {
    (void)state;
    check_causal(&(Case){4, 2, 32, 0, 3, {20, 35, 9}, 1, {0}}, 0, 20, 11);
    check_causal(&(Case){4, 2, 32, 0, 4, {21, 70, 35, 9}, 1, {ALONE, 0, 0, 0}}, 21, 91, 11);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference), cmocka_unit_test(test_kernel),
                                       cmocka_unit_test(test_causal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
