#include "kernels/adamw.h"
#include "kernels/device/device_threads.h"
#include <math.h>

void adamw_update(Device *dev, floatX *param, float *master, float *m, float *v, const float *grad, size_t n,
                  const AdamW *a) {
    float step = (float)(a->lr / (1.0 - pow(a->beta1, (double)a->t)));
    float inv_root = (float)(1.0 / sqrt(1.0 - pow(a->beta2, (double)a->t)));
    float keep = 1.0f - a->lr * a->weight_decay, b1 = a->beta1, b2 = a->beta2, eps = a->eps, scale = a->grad_scale;
    PARALLEL(dev)
    for (size_t i = 0; i < n; i++) {
        float g = grad[i] * scale;
        m[i] = b1 * m[i] + (1.0f - b1) * g;
        v[i] = b2 * v[i] + (1.0f - b2) * g * g;
        master[i] = master[i] * keep - step * m[i] / (sqrtf(v[i]) * inv_root + eps);
        param[i] = master[i];
    }
}
