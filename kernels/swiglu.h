// SwiGLU (Shazeer, arXiv 2002.05202): y = silu(gate) * up, silu(g) = g / (1 + e^-g).
// gate and up come from one product, gate_up (N, 2, F) floatX.
// Cost a channel: forward 3 floatX of memory traffic, one exponential and 4 FLOPs; backward 5 floatX, one exponential
// and about 10 FLOPs. Limit: FLOPs in the C build, memory bandwidth in the CUDA build. Measured on an H200, 2026-11-27,
// N = 8,192, F = 8,960: 4,075 and 4,262 GB/s (96 and 100 % of a plain copy's 4,266).
#ifndef KERNELS_SWIGLU_H
#define KERNELS_SWIGLU_H
#include "kernels/device/device.h"
EXTERN_C_BEGIN

// Writes y (N, F) floatX; y must not overlap gate_up.
void swiglu_forward(Device *dev, floatX *y, const floatX *gate_up, int N, int F);

// Writes dgate_up (N, 2, F) floatX from dy (N, F) floatX. dgate_up may be gate_up.
//   dgate = dy up s (1 + gate (1 - s)),   dup = dy gate s,   s = 1 / (1 + e^-gate)
void swiglu_backward(Device *dev, floatX *dgate_up, const floatX *dy, const floatX *gate_up, int N, int F);
EXTERN_C_END
#endif
