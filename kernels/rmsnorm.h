// RMSNorm (Zhang and Sennrich, arXiv 1910.07467), as Llama and Qwen use it:
//
//   y = x * rstd * w,   rstd = 1 / sqrt(mean(x^2) + eps)
//
// A row is one "head" of a token: row (n, h), h < H, begins at x + n * stride + h * C. The block norms have H = 1 and
// stride = C. Qwen3's QK norm has H = NH or NKV heads of C = HS channels inside a wider row; all heads share w (C).
//
// Cost a row: forward 2 C floatX of memory traffic and 4 C FLOPs, with the residual 4 C and 5 C; backward 4 C (dy, x,
// dres, dx, each counted once) and about 12 C FLOPs. Memory bandwidth is the limit in both builds. Measured on an H200,
// 2026-11-27, N = 8,192, C = 1,536: residual forward 3,169 GB/s, backward 1,404 (74 and 33 % of a plain copy's 4,266;
// backward reads dy and x twice).
#ifndef KERNELS_RMSNORM_H
#define KERNELS_RMSNORM_H
#include "kernels/device/device.h"
EXTERN_C_BEGIN

// Writes y (rows as in x, with y_stride) floatX and rstd (N, H) fp32. y may be x only where no backward follows.
void rmsnorm_forward(Device *dev, floatX *y, float *rstd, const floatX *x, const floatX *w, int N, int H, int C,
                     int stride, int y_stride, float eps);

// The residual connection and the norm after it: sum = x + delta, y = rmsnorm(sum).
// Writes sum (N, C) and y (N, C) floatX, rstd (N) fp32. sum may be x.
void rmsnorm_residual_forward(Device *dev, floatX *sum, floatX *y, float *rstd, const floatX *x, const floatX *delta,
                              const floatX *w, int N, int C, float eps);

// Writes dx (rows with dx_stride) and accumulates dw (C) fp32, over the rows in a fixed order (C build: row order):
//   dx = dres + rstd (g - x_hat mean(g x_hat)),  g = dy w,  x_hat = x rstd;   dw += sum dy x_hat
// dres has dx's strides and may be NULL (0) or dx itself; dx may be dy.
size_t rmsnorm_workspace_bytes(int N, int H, int C); // of `workspace`, on the device; 0 in the C build
void rmsnorm_backward(Device *dev, floatX *dx, float *dw, const floatX *dres, const floatX *dy, const floatX *x,
                      const floatX *w, const float *rstd, int N, int H, int C, int stride, int dx_stride,
                      int dy_stride, void *workspace);
EXTERN_C_END
#endif
