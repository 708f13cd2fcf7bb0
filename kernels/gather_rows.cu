// Optional (CUDA): see gather_rows.h. One block per row; a thread moves W values at a time.
#include "kernels/gather_rows.h"
#include "kernels/device/vector.cuh"

enum { BLOCK = 128 };

// Copies one row: from the row that `rows` names to a dense one, or the other way round with `scatter`.
template <int W, bool scatter>
static __global__ void move_rows_kernel(floatX *to, const floatX *from, const int *rows, int C) {
    size_t dense = blockIdx.x, named = size_t(rows[dense]);
    to += (scatter ? named : dense) * C;
    from += (scatter ? dense : named) * C;
    for (int c = threadIdx.x * W; c < C; c += BLOCK * W) copy_floats<W>(to + c, from + c);
}

template <bool scatter>
static void move_rows(Device *dev, floatX *to, const floatX *from, const int *rows, int M, int C) {
    by_width(M, fit_wide(C) && aligned16(to, from), [&](auto W) {
        RUN(dev, (move_rows_kernel<W, scatter>), M, BLOCK)(to, from, rows, C);
    });
}

extern "C" void gather_rows(Device *dev, floatX *to, const floatX *from, const int *rows, int M, int C) {
    CUDA_OP();
    move_rows<false>(dev, to, from, rows, M, C);
}

extern "C" void scatter_rows(Device *dev, floatX *to, const floatX *from, const int *rows, int M, int C) {
    CUDA_OP();
    move_rows<true>(dev, to, from, rows, M, C);
}

static __global__ void add_rows_kernel(float *to, const float *from, size_t n) {
    size_t i = blockIdx.x * size_t(blockDim.x) + threadIdx.x;
    if (i < n) to[i] += from[i];
}

extern "C" void add_rows(Device *dev, float *to, const float *from, size_t n) {
    CUDA_OP();
    if (n == 0) return;
    RUN(dev, (add_rows_kernel), blocks_of(n, BLOCK), BLOCK)(to, from, n);
}
