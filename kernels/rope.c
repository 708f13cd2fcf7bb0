#include "kernels/rope.h"
#include "kernels/device/device_threads.h"
#include "kernels/exp_log.h"

// sign: 1 in forward, -1 in backward
static void rotate(Device *dev, float *x, const int *pos, const float *cos_sin, int N, int H, int HS, int stride,
                   float sign) {
    int half = HS / 2;
    PARALLEL(dev)
    for (int n = 0; n < N; n++) {
        const float *cosine = cos_sin + (size_t)pos[n] * HS, *sine = cosine + half;
        for (int h = 0; h < H; h++) {
            float *a = x + (size_t)n * stride + (size_t)h * HS, *b = a + half;
            for (int i = 0; i < half; i++) {
                float c = cosine[i], s = sign * sine[i], first = a[i], second = b[i];
                a[i] = mul_add(first, c, -(second * s));
                b[i] = mul_add(second, c, first * s);
            }
        }
    }
}

void rope_forward(Device *dev, floatX *x, const int *pos, const float *cos_sin, int N, int H, int HS, int stride) {
    rotate(dev, x, pos, cos_sin, N, H, HS, stride, 1.0f);
}

void rope_backward(Device *dev, floatX *dx, const int *pos, const float *cos_sin, int N, int H, int HS, int stride) {
    rotate(dev, dx, pos, cos_sin, N, H, HS, stride, -1.0f);
}
