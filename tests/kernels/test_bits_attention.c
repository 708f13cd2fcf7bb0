// C build only. Attention gives a token the same bits alone or in a pack, for any number of threads, forward and
// backward, and forward whether its sequence's prompt is packed in front of it or once for several sequences; and
// decoding over the paged cache gives the bits of the training forward.
#include "kernels/attention.h"
#include "kernels/attention_decode.h"
#include "tests/kernels/kernel_test.h"

enum { B = 4 };
static const int lengths[B] = {70, 1, 33, 130};
typedef struct Case {
    int NH, NKV, HS;
} Case;
static const Case cases[] = {{4, 2, 6}, {4, 2, 16}, {6, 2, 32}, {9, 3, 64}, {2, 2, 128}, {20, 1, 20}};
enum { CASES = sizeof cases / sizeof *cases };

typedef struct Run {
    float *o, *lse, *d; // (N, NH, HS), (N, NH), rows like q, k, v
} Run;

static int row_size(const Case *c) { return (c->NH + 2 * c->NKV) * c->HS; }

// Sequences first .. first + count - 1 of the pack in one call, with d_o = the input's first NH * HS channels.
static void run_part(KernelTest *t, const Case *c, const float *rows, const float *d_o, const int *starts, int first,
                     int count, Run *run) {
    int begin = starts[first], N = starts[first + count] - begin, longest = 0, row = row_size(c), width = c->NH * c->HS,
        part[B + 1];
    for (int b = 0; b <= count; b++) part[b] = starts[first + b] - begin;
    for (int b = 0; b < count; b++) longest = lengths[first + b] > longest ? lengths[first + b] : longest;
    AttentionShape s = {N, count, longest, c->NH, c->NKV, c->HS, row, row, row};
    const float *q = rows + (size_t)begin * row, *k = q + width, *v = k + c->NKV * c->HS;
    float *d = run->d + (size_t)begin * row, *o = run->o + (size_t)begin * width,
          *lse = run->lse + (size_t)begin * c->NH;
    void *workspace = DEVICE(t, char, attention_workspace_bytes(t->dev, &s));
    attention_forward(t->dev, o, lse, q, k, v, part, NULL, &s, workspace);
    attention_backward(t->dev, d, d + width, d + width + c->NKV * c->HS, d_o + (size_t)begin * width, q, k, v, o, lse,
                       part, NULL, &s, workspace);
}

static Run new_run(KernelTest *t, const Case *c, int N) {
    return (Run){HOST(t, float, N * c->NH * c->HS), HOST(t, float, N * c->NH), HOST(t, float, N * row_size(c))};
}

static void same_run(const Run *a, const Run *b, const Case *c, int N) {
    assert_memory_equal(a->o, b->o, (size_t)N * c->NH * c->HS * sizeof(float));
    assert_memory_equal(a->lse, b->lse, (size_t)N * c->NH * sizeof(float));
    assert_memory_equal(a->d, b->d, (size_t)N * row_size(c) * sizeof(float));
}

static void test_packs_and_threads(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        const Case *c = &cases[i];
        KernelTest one = test_open_threads(1), three = test_open_threads(3);
        int starts[B + 1] = {0};
        for (int b = 0; b < B; b++) starts[b + 1] = starts[b] + lengths[b];
        int N = starts[B];
        float *rows = random_floats(&one, (size_t)N * row_size(c), 1, 1),
              *d_o = random_floats(&one, (size_t)N * c->NH * c->HS, 2, 1);
        Run whole = new_run(&one, c, N), threads = new_run(&one, c, N), parts = new_run(&one, c, N);
        run_part(&one, c, rows, d_o, starts, 0, B, &whole);
        run_part(&three, c, rows, d_o, starts, 0, B, &threads);
        for (int b = 0; b < B; b++) run_part(&three, c, rows, d_o, starts, b, 1, &parts);
        same_run(&whole, &threads, c, N);
        same_run(&whole, &parts, c, N);
        test_close(&one), test_close(&three);
    }
}

// Every token of every sequence by decoding: prompts of some tokens at once, then one token a sequence.
static void decode(KernelTest *t, const Case *c, const float *rows, const int *starts, float *o) {
    int block = kv_block_tokens(), width = (130 + block - 1) / block, row = row_size(c), n = c->NH * c->HS;
    int *tables = HOST(t, int, B * width), seq[B * 20], pos[B * 20];
    for (int j = 0; j < B * width; j++) tables[j] = B * width - 1 - j;
    float *k_cache = DEVICE(t, float, (size_t)B *width *kv_block_elements(c->NKV, c->HS)),
          *v_cache = DEVICE(t, float, (size_t)B *width *kv_block_elements(c->NKV, c->HS));
    float *batch = HOST(t, float, B * 20 * row), *out = HOST(t, float, B * 20 * n);
    DecodeShape s = {B * 20, c->NH, c->NKV, c->HS, row, row, row, width};
    void *workspace = DEVICE(t, char, attention_decode_workspace_bytes(t->dev, &s));
    for (int at = 0; at < 130; at += at == 0 ? 20 : 1) {
        int R = 0;
        for (int b = 0; b < B; b++)
            for (int p = at; p < lengths[b] && p < at + (at == 0 ? 20 : 1); p++, R++) {
                seq[R] = b, pos[R] = p;
                memcpy(batch + R * row, rows + (size_t)(starts[b] + p) * row, (size_t)row * sizeof(float));
            }
        s.R = R;
        kv_append(t->dev, k_cache, v_cache, batch + n, batch + n + c->NKV * c->HS, tables, seq, pos, &s);
        attention_decode_forward(t->dev, out, batch, k_cache, v_cache, tables, seq, pos, &s, workspace);
        for (int r = 0; r < R; r++)
            memcpy(o + (size_t)(starts[seq[r]] + pos[r]) * n, out + r * n, (size_t)n * sizeof(float));
    }
}

static void test_decoding_is_training(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++)
        for (int threads = 1; threads <= 3; threads++) {
            const Case *c = &cases[i];
            KernelTest t = test_open_threads(threads);
            int starts[B + 1] = {0};
            for (int b = 0; b < B; b++) starts[b + 1] = starts[b] + lengths[b];
            float *rows = random_floats(&t, (size_t)starts[B] * row_size(c), 1, 2),
                  *o = HOST(&t, float, starts[B] * c->NH * c->HS);
            Run trained = new_run(&t, c, starts[B]);
            run_part(&t, c, rows, random_floats(&t, (size_t)starts[B] * c->NH * c->HS, 2, 1), starts, 0, B, &trained);
            decode(&t, c, rows, starts, o);
            assert_memory_equal(o, trained.o, (size_t)starts[B] * c->NH * c->HS * sizeof(float));
            test_close(&t);
        }
}

enum { PROMPT = 75, RESPONSES = 3 };
static const int own[RESPONSES] = {60, 1, 70}; // tokens of the responses

// Writes o, lse and d of the prompt and its responses; x holds their rows one after another. `shared`: packed so; else
// each response is packed behind the prompt, and its rows alone are taken from there, the prompt's from the first.
static void run_prompt(KernelTest *t, const Case *c, const float *x, const float *d_o, bool shared, Run *run) {
    int row = row_size(c), width = c->NH * c->HS, starts[RESPONSES + 2] = {0}, prefix[] = {-1, 0, 0, 0};
    int N = 0, sequences = RESPONSES + shared, *from = HOST(t, int, RESPONSES * (PROMPT + 70));
    for (int r = 0, at = PROMPT; r < RESPONSES; at += own[r++]) { // from[n]: the row of x that token n is
        if (!shared || r == 0)
            for (int j = 0; j < PROMPT; j++) from[N++] = j;
        if (shared) starts[1] = PROMPT;
        for (int j = 0; j < own[r]; j++) from[N++] = at + j;
        starts[shared ? r + 2 : r + 1] = N;
    }
    float *rows = HOST(t, float, N * row), *g = HOST(t, float, N * width);
    Run packed = new_run(t, c, N);
    for (int n = 0; n < N; n++) {
        memcpy(rows + n * row, x + from[n] * row, (size_t)row * sizeof *x);
        memcpy(g + n * width, d_o + from[n] * width, (size_t)width * sizeof *d_o);
    }
    AttentionShape s = {N, sequences, PROMPT + 70, c->NH, c->NKV, c->HS, row, row, row};
    void *workspace = DEVICE(t, char, attention_workspace_bytes(t->dev, &s));
    const float *k = rows + width, *v = k + c->NKV * c->HS;
    float *dk = packed.d + width, *dv = dk + c->NKV * c->HS;
    attention_forward(t->dev, packed.o, packed.lse, rows, k, v, starts, shared ? prefix : NULL, &s, workspace);
    attention_backward(t->dev, packed.d, dk, dv, g, rows, k, v, packed.o, packed.lse, starts, shared ? prefix : NULL,
                       &s, workspace);
    for (int n = N - 1; n >= 0; n--) { // the first copy of the prompt comes last
        memcpy(run->o + from[n] * width, packed.o + n * width, (size_t)width * sizeof(float));
        memcpy(run->lse + from[n] * c->NH, packed.lse + n * c->NH, (size_t)c->NH * sizeof(float));
        memcpy(run->d + from[n] * row, packed.d + n * row, (size_t)row * sizeof(float));
    }
}

// Sharing changes no bit of the outputs, nor of the responses' gradients: only their sum on the prompt's rows differs.
static void test_shared_prompt(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        const Case *c = &cases[i];
        KernelTest one = test_open_threads(1), three = test_open_threads(3);
        int N = PROMPT + own[0] + own[1] + own[2], row = row_size(c);
        float *x = random_floats(&one, (size_t)N * row, 1, 1), *d_o = random_floats(&one, N * c->NH * c->HS, 2, 1);
        Run shared = new_run(&one, c, N), threads = new_run(&one, c, N), apart = new_run(&one, c, N);
        run_prompt(&one, c, x, d_o, true, &shared);
        run_prompt(&three, c, x, d_o, true, &threads);
        same_run(&shared, &threads, c, N);
        run_prompt(&three, c, x, d_o, false, &apart);
        assert_memory_not_equal(shared.d, apart.d, (size_t)(PROMPT * row) * sizeof(float));
        memcpy(shared.d, apart.d, (size_t)(PROMPT * row) * sizeof(float));
        same_run(&shared, &apart, c, N);
        test_close(&one), test_close(&three);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_packs_and_threads), cmocka_unit_test(test_shared_prompt),
                                       cmocka_unit_test(test_decoding_is_training)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
