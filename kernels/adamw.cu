// Optional (CUDA): see adamw.h. A thread takes W values.
#include "kernels/adamw.h"
#include "kernels/device/vector.cuh"

enum { BLOCK = 256 };

typedef struct Update { // the same for all values, computed in the C twin's precision
    float step, inv_root, keep, b1, b2, eps, scale;
} Update;

// No pointer is __restrict__: param is master where floatX is float.
template <int W>
static __global__ void adamw_kernel(floatX *param, float *master, float *m, float *v, const float *grad, size_t n,
                                    Update u) {
    size_t at = (blockIdx.x * size_t(BLOCK) + threadIdx.x) * W;
    if (at >= n) return;
    float p[W], g[W], first[W], second[W];
    load_floats(p, master + at);
    load_floats(g, grad + at);
    load_floats(first, m + at);
    load_floats(second, v + at);
    for (int i = 0; i < W; i++) {
        g[i] *= u.scale;
        first[i] = u.b1 * first[i] + (1.0f - u.b1) * g[i];
        second[i] = u.b2 * second[i] + (1.0f - u.b2) * g[i] * g[i];
        p[i] = p[i] * u.keep - u.step * first[i] / (sqrtf(second[i]) * u.inv_root + u.eps);
    }
    store_floats(m + at, first);
    store_floats(v + at, second);
    store_floats(master + at, p);
    if (static_cast<void *>(param) != static_cast<void *>(master)) store_floats(param + at, p);
}

extern "C" void adamw_update(Device *dev, floatX *param, float *master, float *m, float *v, const float *grad, size_t n,
                             const AdamW *a) {
    CUDA_OP();
    float step = float(a->lr / (1.0 - pow(a->beta1, double(a->t))));
    float inv_root = float(1.0 / sqrt(1.0 - pow(a->beta2, double(a->t))));
    Update u = {step, inv_root, 1.0f - a->lr * a->weight_decay, a->beta1, a->beta2, a->eps, a->grad_scale};
    by_width(n, fit_wide(n) && aligned16(param, master, m, v, grad), [&](auto W) {
        RUN(dev, (adamw_kernel<W>), blocks_of(n, BLOCK * W), BLOCK)(param, master, m, v, grad, n, u);
    });
}
