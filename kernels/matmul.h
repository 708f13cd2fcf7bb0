// Matrix products in the weight layout of Hugging Face's Linear: W is (OC, C), row o holds the weights of output o.
//
//   forward:          y (N, OC) = x (N, C) W^T + bias (OC)
//   backward_input:   dx (N, C) = dy (N, OC) W
//   backward_weight:  dW (OC, C) += dy^T x,   dbias (OC) += column sums of dy
//
// C build: each output is one chain of fused multiply-adds (tile.h): over c from the bias or 0 (forward), over o from 0
// (backward_input), over the tokens in order from the gradient so far (backward_weight). So no result depends on N, on
// how tokens are split into calls, or on the thread count. CUDA build: cuBLASLt, fp32 accumulation.
//
// Cost: 2 C OC FLOPs a token and product; a call reads W, C OC floatX, once. Limit: FLOPs with many tokens (on an H200
// in bf16 from about 200), below that the bandwidth that reads W. Measured on an H200, 2026-11-27, in TFLOP/s, where a
// product of 8192^3 reaches 784: layers of 0.5B and 1.5B, N = 8,192, all three products: 594 to 815; head, N = 2,048:
// 589 to 714; forward of 1.5B with 256 rows: gate and up 599, down 390, O 140; gate and up with one row: 3.1.
#ifndef KERNELS_MATMUL_H
#define KERNELS_MATMUL_H
#include "kernels/device/device.h"
EXTERN_C_BEGIN

// Writes y (N, OC). All operands are floatX; bias (OC) may be NULL. y must not overlap an input.
void matmul_forward(Device *dev, floatX *y, const floatX *x, const floatX *w, const floatX *bias, int N, int C, int OC);

// Writes y (N, OC) in fp32 whatever floatX is, without a bias: logits are never rounded to bf16.
void matmul_logits(Device *dev, float *y, const floatX *x, const floatX *w, int N, int C, int OC);

// Writes dx (N, C) floatX, which must not overlap an input.
void matmul_backward_input(Device *dev, floatX *dx, const floatX *dy, const floatX *w, int N, int C, int OC);

// Accumulates dw (OC, C) and, unless NULL, dbias (OC), both fp32, from dy (N, OC) and x (N, C).
void matmul_backward_weight(Device *dev, float *dw, float *dbias, const floatX *dy, const floatX *x, int N, int C,
                            int OC);
EXTERN_C_END
#endif
