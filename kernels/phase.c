#include "kernels/phase.h"
#include "kernels/device_threads.h"
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void phases_start(Device *dev) {
    dev->phases = (PhaseClock){.on = true};
}

void phase_begin(Device *dev, Phase phase) {
    dev->phases.phase = phase;
    if (dev->phases.on) dev->phases.began = now();
}

void phase_end(Device *dev) {
    if (dev->phases.on) dev->phases.seconds[dev->phases.phase] += now() - dev->phases.began;
}

void phases_stop(Device *dev, double seconds[PHASES]) {
    memcpy(seconds, dev->phases.seconds, sizeof dev->phases.seconds);
    dev->phases.on = false;
}
