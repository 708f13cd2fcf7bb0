// Optional (CUDA): see gradnorm.h. A block sums the squares of one piece in double; the host adds the pieces in order.
#include "kernels/gradnorm.h"
#include "kernels/device/device_cuda.cuh"

enum { PIECE = 1 << 14, BLOCK = 256, WARPS = BLOCK / 32 };

static __global__ void gradnorm_kernel(double *partial, const float *g, size_t n) {
    __shared__ double of_warp[WARPS];
    size_t end = (blockIdx.x + size_t(1)) * PIECE < n ? (blockIdx.x + size_t(1)) * PIECE : n;
    double sum = 0;
    for (size_t i = blockIdx.x * size_t(PIECE) + threadIdx.x; i < end; i += BLOCK) sum += double(g[i]) * g[i];
    for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x > 0) return;
    for (int w = 1; w < WARPS; w++) sum += of_warp[w];
    partial[blockIdx.x] = sum;
}

extern "C" size_t gradnorm_partials(size_t n) { return ceil_div(n, PIECE); }

extern "C" double gradnorm_squared(Device *dev, double *partial, const float *g, size_t n) {
    CUDA_OP();
    size_t pieces = gradnorm_partials(n);
    if (pieces == 0) return 0;
    RUN(dev, (gradnorm_kernel), unsigned(pieces), BLOCK)(partial, g, n);
    double *h_partial = static_cast<double *>(malloc(pieces * sizeof *h_partial)), sum = 0;
    REQUIRE(h_partial, "out of memory");
    device_download(dev, h_partial, partial, pieces * sizeof *h_partial);
    for (size_t p = 0; p < pieces; p++) sum += h_partial[p];
    free(h_partial);
    return sum;
}
