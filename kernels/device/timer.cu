// Optional (CUDA): see timer.h. Each timer_begin takes a pair of events. They are kept and used again in later steps.
#include "kernels/device/timer.h"
#include "kernels/device/device_cuda.cuh"

extern "C" void timers_start(Device *dev) {
    dev->timers.on = true;
    dev->timers.count = 0;
}

static TimerEvents *next_events(TimerState *t) {
    if (t->count == t->capacity) {
        int capacity = t->capacity ? 2 * t->capacity : 64;
        t->events = static_cast<TimerEvents *>(realloc(t->events, size_t(capacity) * sizeof *t->events));
        REQUIRE(t->events, "out of memory");
        for (; t->capacity < capacity; t->capacity++) {
            CUDA_CHECK(cudaEventCreate(&t->events[t->capacity].began));
            CUDA_CHECK(cudaEventCreate(&t->events[t->capacity].ended));
        }
    }
    return &t->events[t->count];
}

extern "C" void timer_begin(Device *dev, Timer timer) {
    if (!dev->timers.on) return;
    TimerEvents *e = next_events(&dev->timers);
    e->timer = timer;
    CUDA_CHECK(cudaEventRecord(e->began, dev->stream));
}

extern "C" void timer_end(Device *dev) {
    if (dev->timers.on) CUDA_CHECK(cudaEventRecord(dev->timers.events[dev->timers.count++].ended, dev->stream));
}

extern "C" void timers_stop(Device *dev, double seconds[TIMERS]) {
    device_sync(dev);
    for (int t = 0; t < TIMERS; t++) seconds[t] = 0;
    for (int i = 0; i < dev->timers.count; i++) {
        const TimerEvents *e = &dev->timers.events[i];
        float milliseconds;
        CUDA_CHECK(cudaEventElapsedTime(&milliseconds, e->began, e->ended));
        seconds[e->timer] += 1e-3 * milliseconds;
    }
    dev->timers.on = false;
}

void timer_events_free(TimerState *t) {
    for (int i = 0; i < t->capacity; i++) {
        CUDA_CHECK(cudaEventDestroy(t->events[i].began));
        CUDA_CHECK(cudaEventDestroy(t->events[i].ended));
    }
    free(t->events);
}
