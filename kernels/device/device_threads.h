// host only: what is behind a Device in the C build. Kernels' .c twins read the thread count from here; the results of
// every one of them are the same bits for any count.
#ifndef KERNELS_DEVICE_DEVICE_THREADS_H
#define KERNELS_DEVICE_DEVICE_THREADS_H
#include "kernels/device/timer.h"

typedef struct TimerClock {
    bool on;
    Timer phase;
    double began, seconds[TIMERS];
} TimerClock;

struct Device {
    int threads;
    TimerClock phases;
    char name[64];
};

// for (...) after PARALLEL(dev) is shared out between the device's threads
#define PRAGMA(text)  _Pragma(#text)
#define PARALLEL(dev) PRAGMA(omp parallel for schedule(static) num_threads((dev)->threads))

#endif
