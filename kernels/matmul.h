// Matrix products with the weight layout of Hugging Face's Linear: W is (OC, C), row o holds the weights of output o.
//
//   forward:          y (N, OC) = x (N, C) W^T + bias (OC)
//   backward_input:   dx (N, C) = dy (N, OC) W
//   backward_weight:  dW (OC, C) += dy^T x,   dbias (OC) += column sums of dy
//
// C build: every output is one chain of fused multiply-adds, over c (forward, from the bias or 0), over o
// (backward_input, from 0) and over the tokens n in order (backward_weight, from the gradient that is there), so no
// result depends on N, on how tokens are split into calls, or on the thread count. See tile.h.
// CUDA build: cuBLASLt, fp32 accumulation.
#ifndef KERNELS_MATMUL_H
#define KERNELS_MATMUL_H
#include "kernels/device/device.h"
#ifdef __cplusplus
extern "C" {
#endif

// writes y (N, OC); bias may be NULL. y must not overlap x.
void matmul_forward(Device *dev, floatX *y, const floatX *x, const floatX *w, const floatX *bias, int N, int C, int OC);

// The same without a bias and with fp32 outputs whatever floatX is: logits are never rounded. writes y (N, OC).
void matmul_logits(Device *dev, float *y, const floatX *x, const floatX *w, int N, int C, int OC);

// writes dx (N, C)
void matmul_backward_input(Device *dev, floatX *dx, const floatX *dy, const floatX *w, int N, int C, int OC);

// accumulates dw (OC, C) and, unless NULL, dbias (OC); both fp32
void matmul_backward_weight(Device *dev, float *dw, float *dbias, const floatX *dy, const floatX *x, int N, int C,
                            int OC);

#ifdef __cplusplus
}
#endif
#endif
