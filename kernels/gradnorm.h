// The global gradient norm, for clipping. Deterministic: partial sums over fixed pieces, then over the partial sums.
#ifndef KERNELS_GRADNORM_H
#define KERNELS_GRADNORM_H
#include "kernels/device/device.h"
#ifdef __cplusplus
extern "C" {
#endif

// writes partial (gradnorm_partials(n)) on the device and returns sum of g^2 over n fp32 values to the host; inf or NaN if
// any g is. Waits for the device.
size_t gradnorm_partials(size_t n);
double gradnorm_squared(Device *dev, double *partial, const float *g, size_t n);

#ifdef __cplusplus
}
#endif
#endif
