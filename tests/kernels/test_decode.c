// From step to step on the device: which rows continue, their next inputs and logs; and the sizes of a step.
#include "kernels/decode.h"
#include "tests/kernels/kernel_test.h"

enum { R = 37, EOS = 2 };

typedef struct HostRows { // the definition, on the host
    int ids[R], pos[R], left[R], taken[R];
    SampleKey key[R];
    Sampled log[R][DECODE_BURST_MAX];
} HostRows;

static Sampled drawn(int step, int r) {
    int token = (step * 5 + r * 3) % 11; // 2 and 7 end a response
    return (Sampled){token, {-0.5f * (float)r, (float)step, (float)(r + step)}};
}

static void advance(HostRows *h, int step) {
    for (int r = 0; r < R; r++) {
        Sampled s = drawn(step, r);
        if (h->left[r] == 0) continue;
        h->log[r][h->taken[r]++] = s;
        h->left[r] = s.token == 2 || s.token == 7 ? 0 : h->left[r] - 1;
        if (h->left[r] == 0) continue;
        h->ids[r] = s.token, h->pos[r]++, h->key[r].position++;
    }
}

static void test_advance(void **state) {
    (void)state;
    KernelTest t = test_open();
    static HostRows h;
    const int h_eos[EOS] = {2, 7};
    for (int r = 0; r < R; r++) {
        h.ids[r] = 90 + r, h.pos[r] = 3 * r, h.left[r] = r % 5 == 4 ? 0 : r % 7 + 1;
        h.key[r] = (SampleKey){(uint32_t)r, 1, (uint32_t)(3 * r)};
    }
    memset(h.log, 0xff, sizeof h.log);
    DecodeRows rows = {UPLOAD(&t, h.ids, R), UPLOAD(&t, h.pos, R), UPLOAD(&t, h.key, R), UPLOAD(&t, h.left, R),
                       UPLOAD(&t, h.taken, R), UPLOAD(&t, &h.log[0][0], R * DECODE_BURST_MAX)};
    const int *eos = UPLOAD(&t, h_eos, EOS);
    for (int step = 0; step < DECODE_BURST_MAX; step++) {
        Sampled *sampled = HOST(&t, Sampled, R);
        for (int r = 0; r < R; r++) sampled[r] = drawn(step, r);
        decode_advance(t.dev, &rows, UPLOAD(&t, sampled, R), eos, EOS, R);
        advance(&h, step);
    }
    assert_memory_equal(DOWNLOAD(&t, rows.ids, R), h.ids, sizeof h.ids);
    assert_memory_equal(DOWNLOAD(&t, rows.pos, R), h.pos, sizeof h.pos);
    assert_memory_equal(DOWNLOAD(&t, rows.key, R), h.key, sizeof h.key);
    assert_memory_equal(DOWNLOAD(&t, rows.left, R), h.left, sizeof h.left);
    assert_memory_equal(DOWNLOAD(&t, rows.taken, R), h.taken, sizeof h.taken);
    assert_memory_equal(DOWNLOAD(&t, rows.log, R * DECODE_BURST_MAX), h.log, sizeof h.log);
    int ended = 0, most = 0; // all ways for a row to end occur, and one not to
    for (int r = 0; r < R; r++) ended += h.left[r] == 0, most = h.taken[r] > most ? h.taken[r] : most;
    assert_true(ended > 0 && most > 2 && h.taken[4] == 0);
    test_close(&t);
}

static void test_sizes(void **state) {
    (void)state;
    assert_true(decode_burst() >= 1 && decode_burst() <= DECODE_BURST_MAX);
    for (int most = 1; most < 300; most++)
        for (int rows = 1, before = 0; rows <= most; rows++) {
            int size = decode_bucket(rows, most);
            assert_true(size >= rows && size <= most && size >= before);
            assert_true(size < rows + (rows + 3) / 4 + 3); // little is run for nothing
            before = size;
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_advance), cmocka_unit_test(test_sizes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
