// Rotary position embedding (Su et al., arXiv 2104.09864) in the rotate-half form of Hugging Face: channel i < HS/2 is
// paired with channel i + HS/2 and the pair is turned by the angle pos * inv_freq[i].
//
//   y[i] = x[i] cos - x[i+HS/2] sin,   y[i+HS/2] = x[i+HS/2] cos + x[i] sin
//
// cos_sin (T_max, 2, HS/2) fp32 is made once, in double precision, by the model (model/gpt.c), which also puts any rope
// scaling into it. Heads (n, h) stand at x + n * stride + h * HS; they are rotated in place.
#ifndef KERNELS_ROPE_H
#define KERNELS_ROPE_H
#include "kernels/device/device.h"
#ifdef __cplusplus
extern "C" {
#endif

// writes x in place; pos (N) in [0, T_max)
void rope_forward(Device *dev, floatX *x, const int *pos, const float *cos_sin, int N, int H, int HS, int stride);

// writes dx in place: the inverse rotation (a rotation's transpose)
void rope_backward(Device *dev, floatX *dx, const int *pos, const float *cos_sin, int N, int H, int HS, int stride);

#ifdef __cplusplus
}
#endif
#endif
