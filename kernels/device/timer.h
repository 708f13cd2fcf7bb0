// Where a step's time goes on the device, phase by phase. C build: a clock. CUDA build: events on the stream, so that a phase's
// time is the device's own, whatever the host does meanwhile, and nothing waits before they are read.
#ifndef KERNELS_DEVICE_TIMER_H
#define KERNELS_DEVICE_TIMER_H
#include "kernels/device/device.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef enum Timer {
    TIMER_PREFILL,
    TIMER_DECODE,
    TIMER_FORWARD,
    TIMER_LOSS,      // logits, policy loss and the gradient of both
    TIMER_BACKWARD,
    TIMER_EXCHANGE,  // waiting for gradients of other ranks: what backward did not hide
    TIMER_OPTIMIZER,
    TIMERS
} Timer;

// Between timers_start and timers_stop, the work given to dev between timer_begin and timer_end counts as that phase's; one at a
// time. Elsewhere both do nothing. timers_stop waits for the device and writes the seconds of each.
void timers_start(Device *dev);
void timer_begin(Device *dev, Timer phase);
void timer_end(Device *dev);
void timers_stop(Device *dev, double seconds[TIMERS]);

#ifdef __cplusplus
}
#endif
#endif
