// rl/report/tensorboard: the file is read back by a reader of its own, record by record, with both checksums; and,
// where Python has the tensorboard package, by TensorBoard's.
#include "base/files.h"
#include "rl/metrics.h"
#include "rl/report/tensorboard.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

static char folder[64], path[160];

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, P_tmpdir "/test_tensorboard_XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/tb/" TENSORBOARD_FILE, folder);
    return 0;
}
static int remove_folder(void **state) {
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

// RFC 3720, appendix B.4, and the usual check value.
static void test_crc32c(void **state) {
    (void)state;
    unsigned char bytes[32] = {0};
    assert_int_equal(crc32c("123456789", 9), 0xe3069283);
    assert_int_equal(crc32c(bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    assert_int_equal(crc32c(bytes, 32), 0x62a8ab43);
    for (unsigned char i = 0; i < 32; i++) bytes[i] = i;
    assert_int_equal(crc32c(bytes, 32), 0x46dd794e);
}

// ---- A reader ------------------------------------------------------------------------------------------------------
typedef struct Event {
    double time;
    long long step;
    char version[32], tags[40][64];
    float values[40];
    int count;
} Event;

static uint64_t little_endian(const unsigned char *s, int n) {
    uint64_t x = 0;
    for (int i = 0; i < n; i++) x |= (uint64_t)s[i] << 8 * i;
    return x;
}

static uint32_t unmasked(uint32_t masked) {
    uint32_t rotated = masked - 0xa282ead8u;
    return rotated >> 17 | rotated << 15;
}

static uint64_t varint(const unsigned char **at) {
    uint64_t x = 0;
    for (int shift = 0;; shift += 7) {
        x |= (uint64_t)(**at & 127) << shift;
        if (!(*(*at)++ & 128)) return x;
    }
}

static void read_value(const unsigned char *at, const unsigned char *end, Event *e) {
    assert_true(e->count < 40 && varint(&at) == (1 << 3 | 2));
    size_t n = varint(&at);
    assert_true(n < 64 && n < (size_t)(end - at));
    memcpy(e->tags[e->count], at, n), e->tags[e->count][n] = 0;
    at += n;
    assert_true(varint(&at) == (2 << 3 | 5) && end - at == 4);
    uint32_t bits = (uint32_t)little_endian(at, 4);
    memcpy(&e->values[e->count++], &bits, 4);
}

static Event read_event(const unsigned char *at, const unsigned char *end) {
    Event e = {0};
    while (at < end) {
        uint64_t key = varint(&at), bits = 0;
        if (key == (1 << 3 | 1)) bits = little_endian(at, 8), memcpy(&e.time, &bits, 8), at += 8;
        else if (key == 2 << 3) e.step = (long long)varint(&at);
        else {
            size_t n = varint(&at);
            const unsigned char *stop = at + n;
            assert_true(n <= (size_t)(end - at));
            if (key == (3 << 3 | 2)) memcpy(e.version, at, n);
            else assert_int_equal(key, 5 << 3 | 2);
            for (; key == (5 << 3 | 2) && at < stop; at += n) {
                assert_int_equal(varint(&at), 1 << 3 | 2);
                n = varint(&at);
                read_value(at, at + n, &e);
            }
            at = stop;
        }
    }
    return e;
}

// The events of the file; every length and every byte is protected by its checksum.
static int read_file(Event *events, int room) {
    size_t n;
    int count = 0;
    Error err = {""};
    unsigned char *bytes = (unsigned char *)file_read(path, 1 << 20, &n, &err);
    if (!bytes) fail_msg("%s", err.text);
    for (size_t at = 0; at < n; count++) {
        assert_true(n - at >= 16 && count < room);
        size_t length = little_endian(bytes + at, 8);
        assert_int_equal(crc32c(bytes + at, 8), unmasked((uint32_t)little_endian(bytes + at + 8, 4)));
        assert_true(length <= n - at - 16);
        const unsigned char *data = bytes + at + 12;
        assert_int_equal(crc32c(data, length), unmasked((uint32_t)little_endian(data + length, 4)));
        events[count] = read_event(data, data + length);
        at += length + 16;
    }
    free(bytes);
    return count;
}

static float value_of(const Event *e, const char *tag) {
    for (int i = 0; i < e->count; i++)
        if (strcmp(e->tags[i], tag) == 0) return e->values[i];
    return NAN;
}

static void write_step(MetricsLog *log, const char *phase, int step, double reward) {
    StepMetrics m = metrics_empty(phase, step, 99);
    m.reward = reward, m.tokens = 100, m.grad_norm = INFINITY;
    if (step == 2) m.heldout_pass1 = 0.25;
    metrics_write(log, &m, false);
}

// A run that is resumed after its first RL step: the second one is written again, the tokens count on.
static void test_a_run_and_its_resumption(void **state) {
    (void)state;
    MetricsLog log = {.tensorboard = true, .sft_steps = 300};
    static Event e[10];
    Error err = {""};
    assert_true(metrics_open(&log, folder, 0, 0, &err));
    write_step(&log, "sft", 300, NAN);
    write_step(&log, "rl", 1, 0.5);
    write_step(&log, "rl", 2, -123.25);
    metrics_close(&log);
    log = (MetricsLog){.tensorboard = true, .sft_steps = 300};
    assert_true(metrics_open(&log, folder, 300, 1, &err));
    write_step(&log, "rl", 2, 0.75);
    metrics_close(&log);
    assert_int_equal(read_file(e, 10), 4);
    assert_string_equal(e[0].version, "brain.Event:2");
    assert_true(e[1].step == 300 && value_of(&e[1], "sft/tokens") == 100 && isnan(value_of(&e[1], "sft/reward")));
    assert_true(e[2].step == 301 && value_of(&e[2], "rl/reward") == 0.5f && value_of(&e[2], "rl/tokens_total") == 200);
    assert_true(e[3].step == 302 && value_of(&e[3], "rl/reward") == 0.75f && value_of(&e[3], "heldout/pass1") == 0.25f);
    assert_true(value_of(&e[3], "rl/tokens_total") == 300 && e[3].time > 1.7e9 && e[3].time >= e[2].time);
    for (int i = 1; i < 4; i++)
        assert_true(isnan(value_of(&e[i], "rl/grad_norm")) && isnan(value_of(&e[i], "rl/step"))); // inf; no figure
}

static void test_tensorboard_reads_it(void **state) {
    (void)state;
    if (system("python3 -c 'import tensorboard' 2>/dev/null") != 0) {
        puts("skipped: TensorBoard's reader (Python has no tensorboard)");
        skip();
    }
    char command[900];
    snprintf(command, sizeof command,
             "python3 -c '"
             "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator as E\n"
             "e = E(\"%s/tb\"); e.Reload()\n"
             "s = lambda tag: [(x.step, x.value) for x in e.Scalars(tag)]\n"
             "assert s(\"rl/reward\") == [(301, 0.5), (302, 0.75)], s(\"rl/reward\")\n"
             "assert s(\"heldout/pass1\") == [(302, 0.25)]\n"
             "assert s(\"sft/tokens\") == [(300, 100.0)]' 2>&1", folder);
    assert_int_equal(system(command), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_crc32c), cmocka_unit_test(test_a_run_and_its_resumption),
                                       cmocka_unit_test(test_tensorboard_reads_it)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
