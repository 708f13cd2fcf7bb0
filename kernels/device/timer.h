// Optional (timing): seconds that the device spends in each phase of a step. C build: a clock on the host. CUDA build:
// events on the stream: they measure the device's own time, whatever the host does, and nothing waits for them.
#ifndef KERNELS_DEVICE_TIMER_H
#define KERNELS_DEVICE_TIMER_H
#include "kernels/device/device.h"
EXTERN_C_BEGIN

typedef enum Timer {
    TIMER_PREFILL,
    TIMER_DECODE,
    TIMER_FORWARD,
    TIMER_LOSS,      // the logits, the policy loss and the gradients of both
    TIMER_BACKWARD,
    TIMER_EXCHANGE,  // waiting for the all-reduce of gradients: the part that backward did not hide
    TIMER_OPTIMIZER,
    TIMERS
} Timer;

// timers_start sets all timers to 0; timers_stop waits for the device and writes the seconds of each. Between the two,
// and only there, work given to dev from timer_begin to timer_end counts for that timer, one timer at a time.
void timers_start(Device *dev);
void timer_begin(Device *dev, Timer timer);
void timer_end(Device *dev);
void timers_stop(Device *dev, double seconds[TIMERS]);
EXTERN_C_END
#endif
