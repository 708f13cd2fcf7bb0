// Optional (CUDA): see rmsnorm.h. One warp per row: a lane reads W channels at a time, and the warp adds them in a
// fixed tree. The gradient of w takes two passes: over the rows of each piece of PIECE in order, then over the pieces
// in order. The residual sum is normalised as it is stored, rounded to floatX, because backward reads the stored value.
#include "kernels/rmsnorm.h"
#include "kernels/column_sum.cuh"
#include "kernels/device/vector.cuh"

enum { WARPS = 4, BLOCK = 32 * WARPS, PIECE = 64 };

typedef struct Rows { // row r is head r % H of token r / H
    int count, H, C;
    float eps;
} Rows;

DEVICE_INLINE size_t row_at(int row, const Rows &rows, int stride) {
    return size_t(row / rows.H) * stride + size_t(row % rows.H) * rows.C;
}

// y = x rstd w for the row of this warp; x may be y. Every lane gets rstd.
template <int W> DEVICE_INLINE float row_forward(floatX *y, const floatX *x, const floatX *w, int C, float eps) {
    float squares = 0, a[W], b[W];
    int lane = threadIdx.x % 32;
    for (int c = lane * W; c < C; c += 32 * W) {
        load_floats(a, x + c);
        for (int i = 0; i < W; i++) squares += a[i] * a[i];
    }
    float rstd = 1.0f / sqrtf(warp_sum(squares) / float(C) + eps);
    for (int c = lane * W; c < C; c += 32 * W) {
        load_floats(a, x + c);
        load_floats(b, w + c);
        for (int i = 0; i < W; i++) a[i] *= rstd * b[i];
        store_floats(y + c, a);
    }
    return rstd;
}

template <int W>
static __global__ void rmsnorm_forward_kernel(floatX *y, float *rstd, const floatX *x, const floatX *w, Rows rows,
                                              int stride, int y_stride) {
    int row = blockIdx.x * WARPS + threadIdx.x / 32;
    if (row >= rows.count) return;
    const floatX *from = x + row_at(row, rows, stride);
    float r = row_forward<W>(y + row_at(row, rows, y_stride), from, w, rows.C, rows.eps);
    if (threadIdx.x % 32 == 0) rstd[row] = r;
}

extern "C" void rmsnorm_forward(Device *dev, floatX *y, float *rstd, const floatX *x, const floatX *w, int N, int H,
                                int C, int stride, int y_stride, float eps) {
    CUDA_OP();
    Rows rows = {N * H, H, C, eps};
    by_width(rows.count, fit_wide(C, stride, y_stride) && aligned16(y, x, w), [&](auto W) {
        RUN(dev, (rmsnorm_forward_kernel<W>), ceil_div(rows.count, WARPS), BLOCK)
        (y, rstd, x, w, rows, stride, y_stride);
    });
}

// A lane reads back only the channels of `sum` that it wrote itself, so no barrier is needed.
template <int W>
static __global__ void rmsnorm_residual_forward_kernel(floatX *sum, floatX *y, float *rstd, const floatX *x,
                                                       const floatX *delta, const floatX *w, Rows rows) {
    int row = blockIdx.x * WARPS + threadIdx.x / 32;
    if (row >= rows.count) return;
    size_t at = size_t(row) * rows.C;
    for (int c = threadIdx.x % 32 * W; c < rows.C; c += 32 * W) {
        float a[W], b[W];
        load_floats(a, x + at + c);
        load_floats(b, delta + at + c);
        for (int i = 0; i < W; i++) a[i] += b[i];
        store_floats(sum + at + c, a);
    }
    float r = row_forward<W>(y + at, sum + at, w, rows.C, rows.eps);
    if (threadIdx.x % 32 == 0) rstd[row] = r;
}

extern "C" void rmsnorm_residual_forward(Device *dev, floatX *sum, floatX *y, float *rstd, const floatX *x,
                                         const floatX *delta, const floatX *w, int N, int C, float eps) {
    CUDA_OP();
    Rows rows = {N, 1, C, eps};
    by_width(N, fit_wide(C) && aligned16(sum, y, x, delta, w), [&](auto W) {
        RUN(dev, (rmsnorm_residual_forward_kernel<W>), ceil_div(N, WARPS), BLOCK)(sum, y, rstd, x, delta, w, rows);
    });
}

// ---- backward -------------------------------------------------------------------------------------------------------
typedef struct Strides { int x, dx, dy; } Strides;

// dx may be dy or dres: a lane writes only what it has read.
template <int W>
static __global__ void rmsnorm_dx_kernel(floatX *dx, const floatX *dres, const floatX *dy, const floatX *x,
                                         const floatX *w, const float *rstd, Rows rows, Strides strides) {
    int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32, C = rows.C;
    if (row >= rows.count) return;
    size_t to = row_at(row, rows, strides.dx);
    const floatX *g_row = dy + row_at(row, rows, strides.dy), *x_row = x + row_at(row, rows, strides.x);
    float r = rstd[row], dot = 0, g[W], a[W], b[W], res[W] = {};
    for (int c = lane * W; c < C; c += 32 * W) {
        load_floats(g, g_row + c);
        load_floats(a, x_row + c);
        load_floats(b, w + c);
        for (int i = 0; i < W; i++) dot += g[i] * b[i] * a[i];
    }
    float mean = warp_sum(dot) * r / float(C); // of g x_hat
    for (int c = lane * W; c < C; c += 32 * W) {
        load_floats(g, g_row + c);
        load_floats(a, x_row + c);
        load_floats(b, w + c);
        if (dres) load_floats(res, dres + to + c);
        for (int i = 0; i < W; i++) g[i] = res[i] + r * (g[i] * b[i] - a[i] * r * mean);
        store_floats(dx + to + c, g);
    }
}

// Writes partial (pieces, C): dy x_hat summed over the rows of piece blockIdx.y. A thread has one channel.
static __global__ void rmsnorm_dw_kernel(float *partial, const floatX *dy, const floatX *x, const float *rstd,
                                         Rows rows, Strides strides) {
    int c = blockIdx.x * BLOCK + threadIdx.x, first = blockIdx.y * PIECE, last = min(first + PIECE, rows.count);
    if (c >= rows.C) return;
    float sum = 0;
    for (int row = first; row < last; row++) {
        float x_hat = to_float(x[row_at(row, rows, strides.x) + c]) * rstd[row];
        sum += to_float(dy[row_at(row, rows, strides.dy) + c]) * x_hat;
    }
    partial[size_t(blockIdx.y) * rows.C + c] = sum;
}

// Pieces are grid.y, at most 65535: longer calls take several launches.
enum { PIECES_MAX = 32768 };

static int pieces_of(int rows) { return min(ceil_div(rows, PIECE), int(PIECES_MAX)); }

extern "C" size_t rmsnorm_workspace_bytes(int N, int H, int C) { return size_t(pieces_of(N * H)) * C * sizeof(float); }

static void weight_gradient(Device *dev, float *dw, const floatX *dy, const floatX *x, const float *rstd, Rows rows,
                            Strides strides, float *partial) {
    int tokens_max = PIECES_MAX * PIECE / rows.H, H = rows.H, N = rows.count / H;
    for (int n = 0; n < N; n += tokens_max) {
        rows.count = min(N - n, tokens_max) * H;
        int pieces = pieces_of(rows.count);
        RUN(dev, (rmsnorm_dw_kernel), dim3(ceil_div(rows.C, BLOCK), pieces), BLOCK)
        (partial, dy + size_t(n) * strides.dy, x + size_t(n) * strides.x, rstd + size_t(n) * H, rows, strides);
        RUN(dev, (column_sum_kernel<WARPS, float>), ceil_div(rows.C, 32), BLOCK)
        (dw, partial, pieces, rows.C, pieces, true); // dw += the pieces
    }
}

extern "C" void rmsnorm_backward(Device *dev, floatX *dx, float *dw, const floatX *dres, const floatX *dy,
                                 const floatX *x, const floatX *w, const float *rstd, int N, int H, int C, int stride,
                                 int dx_stride, int dy_stride, void *workspace) {
    CUDA_OP();
    Rows rows = {N * H, H, C, 0.0f};
    Strides strides = {stride, dx_stride, dy_stride};
    weight_gradient(dev, dw, dy, x, rstd, rows, strides, static_cast<float *>(workspace)); // first: dx may overwrite dy
    by_width(rows.count, fit_wide(C, stride, dx_stride, dy_stride) && aligned16(dx, dres, dy, x, w), [&](auto W) {
        RUN(dev, (rmsnorm_dx_kernel<W>), ceil_div(rows.count, WARPS), BLOCK)(dx, dres, dy, x, w, rstd, rows, strides);
    });
}
