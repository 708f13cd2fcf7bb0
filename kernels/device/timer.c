#include "kernels/device/timer.h"
#include "base/clock.h"
#include "kernels/device/device_threads.h"
#include <string.h>

void timers_start(Device *dev) {
    dev->phases = (TimerClock){.on = true};
}

void timer_begin(Device *dev, Timer phase) {
    dev->phases.phase = phase;
    if (dev->phases.on) dev->phases.began = seconds_now();
}

void timer_end(Device *dev) {
    if (dev->phases.on) dev->phases.seconds[dev->phases.phase] += seconds_now() - dev->phases.began;
}

void timers_stop(Device *dev, double seconds[TIMERS]) {
    memcpy(seconds, dev->phases.seconds, sizeof dev->phases.seconds);
    dev->phases.on = false;
}
