// host only: what is behind a Device in the C build. Kernels' .c twins read the thread count from here; the results of
// every one of them are the same bits for any count.
#ifndef KERNELS_DEVICE_THREADS_H
#define KERNELS_DEVICE_THREADS_H
#include "kernels/phase.h"

typedef struct PhaseClock {
    bool on;
    Phase phase;
    double began, seconds[PHASES];
} PhaseClock;

struct Device {
    int threads;
    PhaseClock phases;
    char name[64];
};

// for (...) after PARALLEL(dev) is shared out between the device's threads
#define PRAGMA(text)  _Pragma(#text)
#define PARALLEL(dev) PRAGMA(omp parallel for schedule(static) num_threads((dev)->threads))

#endif
