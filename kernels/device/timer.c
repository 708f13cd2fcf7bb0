#include "kernels/device/timer.h"
#include "kernels/device/device_threads.h"
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void timers_start(Device *dev) {
    dev->phases = (TimerClock){.on = true};
}

void timer_begin(Device *dev, Timer phase) {
    dev->phases.phase = phase;
    if (dev->phases.on) dev->phases.began = now();
}

void timer_end(Device *dev) {
    if (dev->phases.on) dev->phases.seconds[dev->phases.phase] += now() - dev->phases.began;
}

void timers_stop(Device *dev, double seconds[TIMERS]) {
    memcpy(seconds, dev->phases.seconds, sizeof dev->phases.seconds);
    dev->phases.on = false;
}
