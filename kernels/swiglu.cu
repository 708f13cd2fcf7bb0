// Optional (CUDA): see swiglu.h. A thread takes W channels of a token.
#include "kernels/swiglu.h"
#include "kernels/device/vector.cuh"

enum { BLOCK = 256 };

template <int W> static __global__ void swiglu_forward_kernel(floatX *y, const floatX *gate_up, size_t n, int F) {
    size_t i = (blockIdx.x * size_t(BLOCK) + threadIdx.x) * W; // of y
    if (i >= n) return;
    const floatX *gate = gate_up + i / F * 2 * F + i % F;
    float g[W], u[W];
    load_floats(g, gate);
    load_floats(u, gate + F);
    for (int k = 0; k < W; k++) g[k] = g[k] / (1.0f + expf(-g[k])) * u[k];
    store_floats(y + i, g);
}

template <int W>
static __global__ void swiglu_backward_kernel(floatX *dgate_up, const floatX *dy, const floatX *gate_up, size_t n,
                                              int F) {
    size_t i = (blockIdx.x * size_t(BLOCK) + threadIdx.x) * W;
    if (i >= n) return;
    size_t at = i / F * 2 * F + i % F;
    float g[W], u[W], d[W];
    load_floats(g, gate_up + at);
    load_floats(u, gate_up + at + F);
    load_floats(d, dy + i);
    for (int k = 0; k < W; k++) {
        float s = 1.0f / (1.0f + expf(-g[k]));
        float dgate = d[k] * u[k] * s * (1.0f + g[k] * (1.0f - s));
        u[k] = d[k] * g[k] * s;
        g[k] = dgate;
    }
    store_floats(dgate_up + at, g);
    store_floats(dgate_up + at + F, u);
}

extern "C" void swiglu_forward(Device *dev, floatX *y, const floatX *gate_up, int N, int F) {
    CUDA_OP();
    size_t n = size_t(N) * F;
    by_width(n, fit_wide(F) && aligned16(y, gate_up), [&](auto W) {
        RUN(dev, (swiglu_forward_kernel<W>), blocks_of(n, BLOCK * W), BLOCK)(y, gate_up, n, F);
    });
}

extern "C" void swiglu_backward(Device *dev, floatX *dgate_up, const floatX *dy, const floatX *gate_up, int N, int F) {
    CUDA_OP();
    size_t n = size_t(N) * F;
    by_width(n, fit_wide(F) && aligned16(dgate_up, dy, gate_up), [&](auto W) {
        RUN(dev, (swiglu_backward_kernel<W>), blocks_of(n, BLOCK * W), BLOCK)(dgate_up, dy, gate_up, n, F);
    });
}
