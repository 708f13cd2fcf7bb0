// The global gradient norm, for clipping. The sums run over pieces of fixed size and then over the pieces, in double
// and in a fixed order, so the result has the same bits in every run.
// Cost: 4 bytes and 2 FLOPs a value. Memory bandwidth is the limit in both builds.
#ifndef KERNELS_GRADNORM_H
#define KERNELS_GRADNORM_H
#include "kernels/device/device.h"
EXTERN_C_BEGIN

size_t gradnorm_partials(size_t n); // length of `partial`, scratch on the device

// Returns the sum of g^2 over n fp32 values; inf or NaN if any g is. Waits for the device.
double gradnorm_squared(Device *dev, double *partial, const float *g, size_t n);
EXTERN_C_END
#endif
