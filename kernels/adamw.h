// AdamW (Loshchilov and Hutter, arXiv 1711.05101), decoupled weight decay, in the order of torch.optim.AdamW:
//   p -= lr wd p;   m = b1 m + (1 - b1) g;   v = b2 v + (1 - b2) g^2
//   p -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
#ifndef KERNELS_ADAMW_H
#define KERNELS_ADAMW_H
#include "kernels/device/device.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef struct AdamW {
    float lr, beta1, beta2, eps, weight_decay;
    float grad_scale; // g = grad * grad_scale: gradient clipping
    long long t;      // number of this update, from 1
} AdamW;

// accumulates into master, m, v (n each, fp32); writes param (n) = master rounded to floatX. param may be master where
// floatX is float. grad (n) fp32 is read only.
void adamw_update(Device *dev, floatX *param, float *master, float *m, float *v, const float *grad, size_t n,
                  const AdamW *adamw);

#ifdef __cplusplus
}
#endif
#endif
