// Optional (timing).
#include "kernels/device/timer.h"
#include "base/clock.h"
#include "kernels/device/device_threads.h"
#include <string.h>

void timers_start(Device *dev) {
    dev->timers = (TimerState){.on = true};
}

void timer_begin(Device *dev, Timer timer) {
    dev->timers.current = timer;
    if (dev->timers.on) dev->timers.began = seconds_now();
}

void timer_end(Device *dev) {
    if (dev->timers.on) dev->timers.seconds[dev->timers.current] += seconds_now() - dev->timers.began;
}

void timers_stop(Device *dev, double seconds[TIMERS]) {
    memcpy(seconds, dev->timers.seconds, sizeof dev->timers.seconds);
    dev->timers.on = false;
}
