// host only: the Device of the C build. Every .c twin computes the same bits with any number of threads.
#ifndef KERNELS_DEVICE_DEVICE_THREADS_H
#define KERNELS_DEVICE_DEVICE_THREADS_H
#include "kernels/device/timer.h"

typedef struct TimerState {
    bool on;
    Timer current;
    double began, seconds[TIMERS];
} TimerState;

struct Device {
    int threads;
    TimerState timers;
    char name[64];
};

// PARALLEL(dev) before a for loop: the device's threads share its iterations.
#define PRAGMA(text)  _Pragma(#text)
#define PARALLEL(dev) PRAGMA(omp parallel for schedule(static) num_threads((dev)->threads))

#endif
