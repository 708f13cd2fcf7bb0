// RMSNorm (Zhang and Sennrich, arXiv 1910.07467), as Llama and Qwen use it:
//
//   y = x * rstd * w,   rstd = 1 / sqrt(mean(x^2) + eps)
//
// A row is one "head" of a token: row (n, h) stands at x + n * stride + h * C, h < H. The block norms have H = 1 and
// stride = C; Qwen3's QK norm has H = NH or NKV heads of C = HS channels inside a wider row, all sharing w (C).
#ifndef KERNELS_RMSNORM_H
#define KERNELS_RMSNORM_H
#include "kernels/device/device.h"
#ifdef __cplusplus
extern "C" {
#endif

// writes y (rows as in x, with y_stride) and rstd (N, H) fp32; y may be x only where no backward follows
void rmsnorm_forward(Device *dev, floatX *y, float *rstd, const floatX *x, const floatX *w, int N, int H, int C,
                     int stride, int y_stride, float eps);

// The residual connection and the norm after it in one pass: sum = x + delta, y = rmsnorm(sum).
// writes sum (N, C), y (N, C), rstd (N); sum may be x.
void rmsnorm_residual_forward(Device *dev, floatX *sum, floatX *y, float *rstd, const floatX *x, const floatX *delta,
                              const floatX *w, int N, int C, float eps);

// writes dx (strided like x by dx_stride) = dres + gradient through the norm; dres (strided like dx) may be NULL and may be dx.
// dx may be dy. accumulates dw (C) fp32 over the rows in order. workspace: rmsnorm_workspace_bytes bytes (0 in C).
//   dx = rstd (g - x_hat mean(g x_hat)),  g = dy w,  x_hat = x rstd;   dw = sum dy x_hat
size_t rmsnorm_workspace_bytes(int N, int H, int C);
void rmsnorm_backward(Device *dev, floatX *dx, float *dw, const floatX *dres, const floatX *dy, const floatX *x,
                      const floatX *w, const float *rstd, int N, int H, int C, int stride, int dx_stride,
                      int dy_stride, void *workspace);

#ifdef __cplusplus
}
#endif
#endif
