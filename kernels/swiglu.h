// SwiGLU (Shazeer, arXiv 2002.05202): y = silu(gate) * up, silu(g) = g / (1 + e^-g).
// gate and up come from one product: gate_up (N, 2, F).
#ifndef KERNELS_SWIGLU_H
#define KERNELS_SWIGLU_H
#include "kernels/device/device.h"
#ifdef __cplusplus
extern "C" {
#endif

// writes y (N, F)
void swiglu_forward(Device *dev, floatX *y, const floatX *gate_up, int N, int F);

// writes dgate_up (N, 2, F); may be gate_up itself
void swiglu_backward(Device *dev, floatX *dgate_up, const floatX *dy, const floatX *gate_up, int N, int F);

#ifdef __cplusplus
}
#endif
#endif
