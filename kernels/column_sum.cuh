// Optional (CUDA): sums of the columns of an array, in a fixed order: gradients of biases and norm weights.
#ifndef KERNELS_COLUMN_SUM_CUH
#define KERNELS_COLUMN_SUM_CUH
#include "kernels/device/device_cuda.cuh"

// Row blockIdx.y of sum (pieces, columns) = the column sums of that piece of x's rows, or += with `add`. A block has 32
// columns, a lane one; a warp adds every WARPS-th row, then one adds the warps in order.
template <int WARPS, class T>
static __global__ void column_sum_kernel(float *sum, const T *x, int rows, int columns, int piece, bool add) {
    __shared__ float partial[WARPS][32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, column = blockIdx.x * 32 + lane;
    int first = blockIdx.y * piece, last = min(rows - first, piece) + first;
    float mine = 0;
    for (int n = first + warp; column < columns && n < last; n += WARPS)
        mine += to_float(x[size_t(n) * columns + column]);
    partial[warp][lane] = mine;
    __syncthreads();
    if (warp > 0 || column >= columns) return;
    float *to = sum + size_t(blockIdx.y) * columns + column, total = 0;
    for (int w = 0; w < WARPS; w++) total += partial[w][lane];
    *to = add ? *to + total : total;
}

#endif
