// AdamW (Loshchilov and Hutter, arXiv 1711.05101), decoupled weight decay, in the order of torch.optim.AdamW:
//   p -= lr wd p;   m = b1 m + (1 - b1) g;   v = b2 v + (1 - b2) g^2
//   p -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
// Cost: 28 bytes a parameter, and 2 more where param is bf16; about 15 FLOPs. Memory bandwidth is the limit in both
// builds. Measured on an H200, 2026-11-27: 4,008 GB/s, 94 % of a plain copy's 4,266.
#ifndef KERNELS_ADAMW_H
#define KERNELS_ADAMW_H
#include "kernels/device/device.h"
EXTERN_C_BEGIN

typedef struct AdamW {
    float lr, beta1, beta2, eps, weight_decay;
    float grad_scale; // g = grad * grad_scale: the factor of gradient clipping
    long long t;      // number of this update, counted from 1
} AdamW;

// Updates master, m and v (n each, fp32) in place; writes param (n) = master rounded to floatX. Reads grad (n) fp32.
// param may be master where floatX is float; no other operands may overlap.
void adamw_update(Device *dev, floatX *param, float *master, float *m, float *v, const float *grad, size_t n,
                  const AdamW *adamw);
EXTERN_C_END
#endif
