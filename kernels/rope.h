// Rotary position embedding (Su et al., arXiv 2104.09864) in the rotate-half form of Hugging Face: channels i < HS/2
// and i + HS/2 form a pair, which is rotated by the angle pos * inv_freq[i].
//
//   y[i] = x[i] cos - x[i+HS/2] sin,   y[i+HS/2] = x[i+HS/2] cos + x[i] sin
//
// cos_sin (T_max, 2, HS/2) fp32 holds cos and sin. The model computes it once, in double precision and with its rope
// scaling applied (model/gpt_memory.c). Head h of token n begins at x + n * stride + h * HS.
// Cost a head: 2 HS floatX of memory traffic and 3 HS FLOPs. Memory bandwidth is the limit in both builds.
#ifndef KERNELS_ROPE_H
#define KERNELS_ROPE_H
#include "kernels/device/device.h"
EXTERN_C_BEGIN

// Rotates x (N, H, HS) floatX in place; pos (N) in [0, T_max).
void rope_forward(Device *dev, floatX *x, const int *pos, const float *cos_sin, int N, int H, int HS, int stride);

// Rotates dx in place by the negative angle: the inverse of a rotation is its transpose.
void rope_backward(Device *dev, floatX *dx, const int *pos, const float *cos_sin, int N, int H, int HS, int stride);
EXTERN_C_END
#endif
