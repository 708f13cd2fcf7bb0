// Optional (CUDA): see rope.h. A thread rotates W neighbouring pairs (i, i + HS/2) of one head.
#include "kernels/rope.h"
#include "kernels/device/vector.cuh"

enum { BLOCK = 256 };

// sign: 1 in forward, -1 in backward
template <int W>
static __global__ void rope_kernel(floatX *x, const int *pos, const float *cos_sin, size_t pairs, int H, int HS,
                                   int stride, float sign) {
    size_t at = (blockIdx.x * size_t(BLOCK) + threadIdx.x) * W;
    if (at >= pairs) return;
    int half = HS / 2, i = int(at % half), h = int(at / half % H);
    size_t n = at / half / H;
    floatX *to = x + n * stride + size_t(h) * HS + i;
    float c[W], s[W], first[W], second[W];
    load_floats(c, cos_sin + size_t(pos[n]) * HS + i);
    load_floats(s, cos_sin + size_t(pos[n]) * HS + i + half);
    load_floats(first, to);
    load_floats(second, to + half);
    for (int k = 0; k < W; k++) {
        float a = first[k], b = second[k], sine = sign * s[k];
        first[k] = a * c[k] - b * sine;
        second[k] = b * c[k] + a * sine;
    }
    store_floats(to, first);
    store_floats(to + half, second);
}

static void rotate(Device *dev, floatX *x, const int *pos, const float *cos_sin, int N, int H, int HS, int stride,
                   float sign) {
    size_t pairs = size_t(N) * H * (HS / 2);
    by_width(pairs, fit_wide(HS / 2, stride) && aligned16(x, cos_sin), [&](auto W) {
        RUN(dev, (rope_kernel<W>), blocks_of(pairs, BLOCK * W), BLOCK)(x, pos, cos_sin, pairs, H, HS, stride, sign);
    });
}

extern "C" void rope_forward(Device *dev, floatX *x, const int *pos, const float *cos_sin, int N, int H, int HS,
                             int stride) {
    CUDA_OP();
    rotate(dev, x, pos, cos_sin, N, H, HS, stride, 1.0f);
}

extern "C" void rope_backward(Device *dev, floatX *dx, const int *pos, const float *cos_sin, int N, int H, int HS,
                              int stride) {
    CUDA_OP();
    rotate(dev, dx, pos, cos_sin, N, H, HS, stride, -1.0f);
}
