// Attention over the paged cache: tables out of order, blocks shared between sequences, a partly filled block copied,
// prompts prefilled with many rows of one sequence, then one row per sequence. The unused cache holds NaN.
#include "kernels/attention_decode.h"
#include "tests/kernels/attention_reference.h"

enum { SEQUENCES = 5, LENGTH_MAX = 200, ROWS_MAX = 256 };
typedef struct Case {
    int NH, NKV, HS, gap;
    double scale;
} Case;
static const Case cases[] = {{1, 1, 16, 0, 1},     {4, 2, 16, 8, 3},  {6, 2, 32, 0, 1}, {9, 3, 64, 0, 1},
                             {4, 4, 128, 16, 0.5}, {14, 2, 64, 0, 1}, {8, 1, 32, 0, 6}, {64, 4, 16, 0, 1}};
enum { CASES = sizeof cases / sizeof *cases };

typedef struct World {
    KernelTest t;
    DecodeShape s;
    int tables[SEQUENCES * LENGTH_MAX], blocks, *d_tables, *d_seq, *d_pos;
    int seq[ROWS_MAX], pos[ROWS_MAX];
    floatX *k_cache, *v_cache, *d_rows, *o;
    void *workspace;
    double *rows[SEQUENCES]; // (LENGTH_MAX, stride): query, keys and values of a position, as the device rounds them
} World;

static int row_size(const Case *c) { return (c->NH + 2 * c->NKV) * c->HS + c->gap; }

static void open_world(World *w, const Case *c) {
    int stride = row_size(c), block = kv_block_tokens(), width = (LENGTH_MAX + block - 1) / block;
    memset(w, 0, sizeof *w);
    w->t = test_open();
    KernelTest *t = &w->t;
    w->s = (DecodeShape){ROWS_MAX, c->NH, c->NKV, c->HS, stride, stride, stride, width};
    w->blocks = SEQUENCES * width;
    assert_true(w->blocks <= SEQUENCES * LENGTH_MAX);
    for (int i = 0; i < w->blocks; i++) w->tables[i] = (i * 11 + 3) % w->blocks;
    for (int i = 0, found = 0; i < w->blocks; i++, found = 0) { // every block once
        for (int k = 0; k < w->blocks; k++) found += w->tables[k] == i;
        assert_int_equal(found, 1);
    }
    w->d_tables = UPLOAD(t, w->tables, w->blocks);
    w->d_seq = DEVICE(t, int, ROWS_MAX), w->d_pos = DEVICE(t, int, ROWS_MAX);
    w->k_cache = DEVICE(t, floatX, w->blocks * kv_block_elements(c->NKV, c->HS));
    w->v_cache = DEVICE(t, floatX, w->blocks * kv_block_elements(c->NKV, c->HS));
    w->d_rows = DEVICE(t, floatX, ROWS_MAX * stride), w->o = DEVICE(t, floatX, ROWS_MAX * c->NH * c->HS);
    w->workspace = DEVICE(t, char, attention_decode_workspace_bytes(t->dev, &w->s));
    float *h = random_floats(t, (size_t)LENGTH_MAX * stride, 1, c->scale);
    for (int s = 0; s < SEQUENCES; s++) {
        w->rows[s] = HOST(t, double, LENGTH_MAX * stride);
        for (int i = 0; i < LENGTH_MAX * stride; i++) h[i] = (float)(c->scale * random_at(10 + (uint32_t)s, (size_t)i));
        floatX *rounded = DEVICE(t, floatX, LENGTH_MAX * stride);
        device_upload_floats(t->dev, rounded, h, (size_t)LENGTH_MAX * stride);
        device_download_floats(t->dev, h, rounded, (size_t)LENGTH_MAX * stride);
        for (int i = 0; i < LENGTH_MAX * stride; i++) w->rows[s][i] = h[i];
    }
}

static void add_row(World *w, int *R, int seq, int pos) {
    assert_true(*R < ROWS_MAX);
    w->seq[*R] = seq, w->pos[(*R)++] = pos;
}

static void upload_rows(World *w, int R) {
    int stride = w->s.q_stride, mark = w->t.n_host;
    float *h = HOST(&w->t, float, R * stride);
    for (int r = 0; r < R; r++)
        for (int i = 0; i < stride; i++) h[r * stride + i] = (float)w->rows[w->seq[r]][(size_t)w->pos[r] * stride + i];
    device_upload_floats(w->t.dev, w->d_rows, h, (size_t)R * stride);
    device_upload(w->t.dev, w->d_seq, w->seq, (size_t)R * sizeof(int));
    device_upload(w->t.dev, w->d_pos, w->pos, (size_t)R * sizeof(int));
    device_upload(w->t.dev, w->d_tables, w->tables, (size_t)w->blocks * sizeof(int));
    w->s.R = R;
    host_release(&w->t, mark);
}

// Appends the R rows and lets them attend; each against the whole history of its sequence.
static void check_batch(World *w, int R, bool append) {
    const DecodeShape *s = &w->s;
    size_t width = (size_t)s->NH * s->HS;
    int mark = w->t.n_host;
    floatX *k = w->d_rows + s->NH * s->HS, *v = k + s->NKV * s->HS;
    upload_rows(w, R);
    if (append) kv_append(w->t.dev, w->k_cache, w->v_cache, k, v, w->d_tables, w->d_seq, w->d_pos, s);
    attention_decode_forward(w->t.dev, w->o, w->d_rows, w->k_cache, w->v_cache, w->d_tables, w->d_seq, w->d_pos, s,
                             w->workspace);
    Sum *want = HOST(&w->t, Sum, R * width), lse;
    for (int r = 0; r < R; r++)
        for (int h = 0; h < s->NH; h++) {
            const double *rows = w->rows[w->seq[r]], *keys = rows + s->NH * s->HS + h / (s->NH / s->NKV) * s->HS;
            Head head = {rows + h * s->HS, keys, keys + s->NKV * s->HS, s->q_stride, s->k_stride, s->v_stride, s->HS};
            reference_query(want + r * width + h * s->HS, &lse, &head, w->pos[r]);
        }
    check_floatX(&w->t, "o", w->o, want, R * width, LENGTH_MAX + s->HS, 1);
    host_release(&w->t, mark);
}

// Sequence `to` continues sequence `from` at position n: it shares the full blocks and gets a copy of the last.
static void fork_sequence(World *w, int to, int from, int n) {
    int block = kv_block_tokens(), *to_table = w->tables + to * w->s.table_width,
        *from_table = w->tables + from * w->s.table_width;
    memcpy(w->rows[to], w->rows[from], (size_t)n * w->s.q_stride * sizeof(double));
    for (int i = 0; i < n / block; i++) to_table[i] = from_table[i];
    if (n % block == 0) return;
    BlockCopy *copy = UPLOAD(&w->t, (&(BlockCopy){to_table[n / block], from_table[n / block]}), 1);
    kv_copy_blocks(w->t.dev, w->k_cache, w->v_cache, copy, 1, 1, 0, w->s.NKV, w->s.HS);
}

static void check_case(const Case *c) {
    static World w; // large; the tests run one after another
    open_world(&w, c);
    int block = kv_block_tokens(), R = 0;
    for (int p = 0; p <= block; p++) add_row(&w, &R, 0, p); // a prompt of a block and one token, in order
    add_row(&w, &R, 1, 0);                                  // one of one token
    for (int p = 3; p-- > 0;) add_row(&w, &R, 2, p);        // one in the reverse order
    check_batch(&w, R, true);
    fork_sequence(&w, 3, 0, block + 1);     // shares a full block and copies a block of one token
    fork_sequence(&w, 4, 2, 3);             // copies a block of three
    for (int p = block + 1; p < LENGTH_MAX; p++) { // one token a sequence and step, in an order that changes
        R = 0;
        for (int i = 0; i < SEQUENCES; i++) {
            int s = (i * 2 + p) % SEQUENCES, start = s == 1 ? 1 : s == 2 || s == 4 ? 3 : block + 1;
            add_row(&w, &R, s, start + p - (block + 1));
        }
        if (p > block + 20 && p < LENGTH_MAX - 2) { // the middle is appended in silence
            upload_rows(&w, R);
            kv_append(w.t.dev, w.k_cache, w.v_cache, w.d_rows + c->NH * c->HS, w.d_rows + (c->NH + c->NKV) * c->HS,
                      w.d_tables, w.d_seq, w.d_pos, &w.s);
        } else {
            check_batch(&w, R, true);
        }
    }
    R = 0; // nothing has spilt into a neighbour: earlier positions of every sequence still give what they gave
    for (int s = 0; s < SEQUENCES; s++)
        for (int p = 0; p < LENGTH_MAX - block - 1; p += 17) add_row(&w, &R, s, p);
    check_batch(&w, R, false);
    test_close(&w.t);
}

static void test_kernel(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) check_case(&cases[i]);
}

// Blocks are copied in every layer, in both caches, from one source to several targets too; all else stays as it was.
static void check_copies(int NKV, int HS, int L, const BlockCopy *copies, int n) {
    enum { BLOCKS = 9, CACHES = 2 };
    KernelTest t = test_open();
    size_t block = kv_block_elements(NKV, HS), layer = BLOCKS * block, size = (size_t)L * layer;
    float *want[CACHES];
    floatX *cache[CACHES];
    for (int i = 0; i < CACHES; i++) {
        want[i] = random_floats(&t, size, (uint32_t)i, 1);
        cache[i] = upload_rounded(&t, want[i], size);
    }
    kv_copy_blocks(t.dev, cache[0], cache[1], UPLOAD(&t, copies, n), n, L, layer, NKV, HS);
    for (int i = 0; i < CACHES; i++) {
        for (int k = 0; k < n * L; k++) {
            float *of_layer = want[i] + (size_t)(k / n) * layer;
            memcpy(of_layer + copies[k % n].to * block, of_layer + copies[k % n].from * block, block * sizeof(float));
        }
        assert_memory_equal(download_floats(&t, cache[i], size), want[i], size * sizeof(float));
    }
    test_close(&t);
}

static void test_copies(void **state) {
    (void)state;
    const BlockCopy several[] = {{8, 2}, {0, 2}, {5, 7}, {1, 2}};
    check_copies(2, 16, 3, several, 4);
    check_copies(3, 64, 2, several, 4);
    check_copies(1, 5, 4, several, 3); // an odd head size
    check_copies(1, 32, 1, several, 1);
    check_copies(1, 32, 2, several, 0);
}

static void test_blocks(void **state) {
    (void)state;
    assert_true(kv_block_tokens() >= 1);
    for (int i = 0; i < CASES; i++)
        assert_true(kv_block_elements(cases[i].NKV, cases[i].HS) >=
                    (size_t)cases[i].NKV * kv_block_tokens() * cases[i].HS);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_blocks), cmocka_unit_test(test_copies),
                                       cmocka_unit_test(test_kernel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
