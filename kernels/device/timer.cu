// See phase.h. A pair of events a phase; they are kept from step to step, as many as the step of most phases had.
#include "kernels/device/timer.h"
#include "kernels/device/device_cuda.cuh"

extern "C" void timers_start(Device *dev) {
    dev->phases.on = true;
    dev->phases.count = 0;
}

static PhaseEvents *grow(TimerClock *c) {
    if (c->count == c->capacity) {
        int capacity = c->capacity ? 2 * c->capacity : 64;
        c->events = static_cast<PhaseEvents *>(realloc(c->events, static_cast<size_t>(capacity) * sizeof *c->events));
        REQUIRE(c->events, "out of memory");
        for (; c->capacity < capacity; c->capacity++) {
            CUDA_CHECK(cudaEventCreate(&c->events[c->capacity].began));
            CUDA_CHECK(cudaEventCreate(&c->events[c->capacity].ended));
        }
    }
    return &c->events[c->count];
}

extern "C" void timer_begin(Device *dev, Timer phase) {
    if (!dev->phases.on) return;
    PhaseEvents *e = grow(&dev->phases);
    e->phase = phase;
    CUDA_CHECK(cudaEventRecord(e->began, dev->stream));
}

extern "C" void timer_end(Device *dev) {
    if (dev->phases.on) CUDA_CHECK(cudaEventRecord(dev->phases.events[dev->phases.count++].ended, dev->stream));
}

extern "C" void timers_stop(Device *dev, double seconds[TIMERS]) {
    device_sync(dev);
    for (int p = 0; p < TIMERS; p++) seconds[p] = 0;
    for (int i = 0; i < dev->phases.count; i++) {
        const PhaseEvents *e = &dev->phases.events[i];
        float milliseconds;
        CUDA_CHECK(cudaEventElapsedTime(&milliseconds, e->began, e->ended));
        seconds[e->phase] += 1e-3 * milliseconds;
    }
    dev->phases.on = false;
}

void phase_clock_free(TimerClock *c) {
    for (int i = 0; i < c->capacity; i++) {
        CUDA_CHECK(cudaEventDestroy(c->events[i].began));
        CUDA_CHECK(cudaEventDestroy(c->events[i].ended));
    }
    free(c->events);
}
