// Where a step's time goes on the device, phase by phase. C build: a clock. CUDA build: events on the stream, so that a phase's
// time is the device's own, whatever the host does meanwhile, and nothing waits before they are read.
#ifndef KERNELS_PHASE_H
#define KERNELS_PHASE_H
#include "kernels/device.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef enum Phase {
    PHASE_PREFILL,
    PHASE_DECODE,
    PHASE_FORWARD,
    PHASE_LOSS,      // logits, policy loss and the gradient of both
    PHASE_BACKWARD,
    PHASE_EXCHANGE,  // waiting for gradients of other ranks: what backward did not hide
    PHASE_OPTIMIZER,
    PHASES
} Phase;

// Between phases_start and phases_stop, the work given to dev between phase_begin and phase_end counts as that phase's; one at a
// time. Elsewhere both do nothing. phases_stop waits for the device and writes the seconds of each.
void phases_start(Device *dev);
void phase_begin(Device *dev, Phase phase);
void phase_end(Device *dev);
void phases_stop(Device *dev, double seconds[PHASES]);

#ifdef __cplusplus
}
#endif
#endif
