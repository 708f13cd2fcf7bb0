#include "kernels/swiglu.h"
#include "kernels/device/device_threads.h"
#include "kernels/exp_log.h"

void swiglu_forward(Device *dev, floatX *y, const floatX *gate_up, int N, int F) {
    PARALLEL(dev)
    for (int n = 0; n < N; n++) {
        const float *gate = gate_up + (size_t)n * 2 * F, *up = gate + F;
        float *out = y + (size_t)n * F;
        for (int f = 0; f < F; f++) out[f] = gate[f] / (1.0f + exp_f32(-gate[f])) * up[f];
    }
}

void swiglu_backward(Device *dev, floatX *dgate_up, const floatX *dy, const floatX *gate_up, int N, int F) {
    PARALLEL(dev)
    for (int n = 0; n < N; n++) {
        const float *gate = gate_up + (size_t)n * 2 * F, *up = gate + F, *d = dy + (size_t)n * F;
        float *dgate = dgate_up + (size_t)n * 2 * F, *dup = dgate + F;
        for (int f = 0; f < F; f++) {
            float g = gate[f], u = up[f], s = 1.0f / (1.0f + exp_f32(-g));
            dgate[f] = d[f] * u * s * (1.0f + g * (1.0f - s));
            dup[f] = d[f] * g * s;
        }
    }
}
