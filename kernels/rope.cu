// See rope.h. A thread turns one pair (i, i + HS/2) of one head: neighbours read neighbouring channels.
#include "kernels/rope.h"
#include "kernels/device_cuda.cuh"

enum { BLOCK = 256 };

// sign +1: forward, -1: backward
static __global__ void rope_kernel(floatX *x, const int *pos, const float *cos_sin, size_t pairs, int H, int HS, int stride, float sign) {
    size_t at = blockIdx.x * static_cast<size_t>(BLOCK) + threadIdx.x;
    if (at >= pairs) return;
    int half = HS / 2, i = static_cast<int>(at % half), h = static_cast<int>(at / half % H);
    size_t n = at / half / H;
    const float *cosine = cos_sin + static_cast<size_t>(pos[n]) * HS + i;
    floatX *a = x + n * stride + static_cast<size_t>(h) * HS + i, *b = a + half;
    float c = cosine[0], s = sign * cosine[half], first = to_float(*a), second = to_float(*b);
    *a = from_float<floatX>(first * c - second * s);
    *b = from_float<floatX>(second * c + first * s);
}

static void rotate(Device *dev, floatX *x, const int *pos, const float *cos_sin, int N, int H, int HS, int stride, float sign) {
    size_t pairs = static_cast<size_t>(N) * H * (HS / 2);
    if (pairs == 0) return;
    LAUNCH((rope_kernel), static_cast<unsigned>(ceil_div(pairs, BLOCK)), BLOCK, 0, dev->stream)(x, pos, cos_sin, pairs, H, HS, stride, sign);
    CUDA_CHECK(cudaGetLastError());
}

extern "C" void rope_forward(Device *dev, floatX *x, const int *pos, const float *cos_sin, int N, int H, int HS, int stride) {
    OP_RANGE();
    rotate(dev, x, pos, cos_sin, N, H, HS, stride, 1.0f);
}

extern "C" void rope_backward(Device *dev, floatX *dx, const int *pos, const float *cos_sin, int N, int H, int HS, int stride) {
    OP_RANGE();
    rotate(dev, dx, pos, cos_sin, N, H, HS, stride, -1.0f);
}
