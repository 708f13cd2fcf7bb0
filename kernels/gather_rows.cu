// See rows.h. One block a row; a thread moves W values at a time.
#include "kernels/gather_rows.h"
#include "kernels/device/vector.cuh"

enum { BLOCK = 128 };

// to row = from row, where exactly one side is named by `rows`
template <int W, bool scatter> static __global__ void rows_move_kernel(floatX *to, const floatX *from, const int *rows, int C) {
    size_t dense = blockIdx.x, named = static_cast<size_t>(rows[dense]);
    to += (scatter ? named : dense) * C;
    from += (scatter ? dense : named) * C;
    for (int c = threadIdx.x * W; c < C; c += BLOCK * W) {
        float x[W];
        load_floats(x, from + c);
        store_floats(to + c, x);
    }
}

template <bool scatter> static void rows_move(Device *dev, floatX *to, const floatX *from, const int *rows, int M, int C) {
    if (M == 0) return;
    by_width(C % WIDE == 0 && aligned16(to, from), [&](auto W) {
        LAUNCH((rows_move_kernel<W, scatter>), M, BLOCK, 0, dev->stream)(to, from, rows, C);
    });
    CUDA_CHECK(cudaGetLastError());
}

extern "C" void gather_rows(Device *dev, floatX *to, const floatX *from, const int *rows, int M, int C) {
    OP_RANGE();
    rows_move<false>(dev, to, from, rows, M, C);
}

extern "C" void scatter_rows(Device *dev, floatX *to, const floatX *from, const int *rows, int M, int C) {
    OP_RANGE();
    rows_move<true>(dev, to, from, rows, M, C);
}

static __global__ void rows_add_kernel(float *to, const float *from, size_t n) {
    size_t i = blockIdx.x * static_cast<size_t>(blockDim.x) + threadIdx.x;
    if (i < n) to[i] += from[i];
}

extern "C" void add_rows(Device *dev, float *to, const float *from, size_t n) {
    OP_RANGE();
    if (n == 0) return;
    LAUNCH((rows_add_kernel), static_cast<unsigned>(ceil_div(n, BLOCK)), BLOCK, 0, dev->stream)(to, from, n);
    CUDA_CHECK(cudaGetLastError());
}
