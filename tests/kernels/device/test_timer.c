// Each timer counts its own time and no other; a step starts from 0; the sum is not above the time that passed.
#include "kernels/device/timer.h"
#include "tests/kernels/kernel_test.h"
#include <time.h>

enum { BYTES = 1 << 20 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void work(KernelTest *t, char *memory, Timer timer, int times) {
    timer_begin(t->dev, timer);
    for (int i = 0; i < times; i++) device_zero(t->dev, memory, BYTES);
    timer_end(t->dev);
}

static void one_step(KernelTest *t, char *memory, double seconds[TIMERS]) {
    double start = now(), sum = 0;
    work(t, memory, TIMER_LOSS, 1); // not within a step
    timers_start(t->dev);
    for (int i = 0; i < 150; i++) work(t, memory, i % 2 ? TIMER_DECODE : TIMER_BACKWARD, i % 2 ? 1 : 8);
    timers_stop(t->dev, seconds);
    double passed = now() - start;
    for (int p = 0; p < TIMERS; p++) {
        assert_true((seconds[p] > 0) == (p == TIMER_DECODE || p == TIMER_BACKWARD));
        sum += seconds[p];
    }
    assert_true(sum <= passed);
}

static void test_timers(void **state) {
    (void)state;
    KernelTest t = test_open();
    char *memory = DEVICE(&t, char, BYTES);
    double seconds[TIMERS], backward = INFINITY, decode = INFINITY; // the least of five steps: other programs only add
    for (int step = 0; step < 5; step++) {
        one_step(&t, memory, seconds);
        backward = fmin(backward, seconds[TIMER_BACKWARD]), decode = fmin(decode, seconds[TIMER_DECODE]);
    }
    assert_true(backward > decode); // eight times the work, 75 times over
    work(&t, memory, TIMER_LOSS, 1);
    timers_start(t.dev);
    timers_stop(t.dev, seconds);
    for (int p = 0; p < TIMERS; p++) assert_true(seconds[p] == 0);
    test_close(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_timers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
