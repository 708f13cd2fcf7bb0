// Optional (CUDA): see embedding.h. Backward uses no atomics: it sorts the tokens by (id, n), and the block of the
// first token of an id adds all rows of that id, in the order of n. The place of a token in that order is a count of
// the tokens before it: N comparisons of integers a token, little beside the multiply-adds of the model's products.
#include "kernels/embedding.h"
#include "kernels/device/vector.cuh"
#include "kernels/gather_rows.h"

enum { BLOCK = 256 };

extern "C" void embedding_forward(Device *dev, floatX *y, const int *ids, const floatX *table, int N, int C) {
    CUDA_OP();
    gather_rows(dev, y, table, ids, N, C);
}

extern "C" size_t embedding_workspace_bytes(int N, int) { return size_t(N) * sizeof(int); }

// Writes order (N): the tokens sorted by (id, n).
static __global__ void token_order_kernel(int *order, const int *ids, int N) {
    __shared__ int tile[BLOCK];
    int n = blockIdx.x * BLOCK + threadIdx.x, id = n < N ? ids[n] : 0, place = 0;
    for (int first = 0; first < N; first += BLOCK) {
        int here = N - first < BLOCK ? N - first : BLOCK;
        if (int(threadIdx.x) < here) tile[threadIdx.x] = ids[first + threadIdx.x];
        __syncthreads();
        for (int i = 0; i < here; i++) place += tile[i] < id || (tile[i] == id && first + i < n);
        __syncthreads();
    }
    if (n < N) order[place] = n;
}

template <int W>
static __global__ void embedding_backward_kernel(float *dtable, const int *ids, const int *order, const floatX *dy,
                                                 int N, int C) {
    int place = blockIdx.x, c = (blockIdx.y * blockDim.x + threadIdx.x) * W, id = ids[order[place]];
    if (c >= C || (place > 0 && ids[order[place - 1]] == id)) return;
    float sum[W], x[W];
    load_floats(sum, dtable + size_t(id) * C + c);
    for (int p = place; p < N && ids[order[p]] == id; p++) {
        load_floats(x, dy + size_t(order[p]) * C + c);
        for (int i = 0; i < W; i++) sum[i] += x[i];
    }
    store_floats(dtable + size_t(id) * C + c, sum);
}

extern "C" void embedding_backward(Device *dev, float *dtable, const int *ids, const floatX *dy, int N, int C, int,
                                   void *workspace) {
    CUDA_OP();
    if (N == 0) return;
    int *order = static_cast<int *>(workspace);
    RUN(dev, (token_order_kernel), ceil_div(N, BLOCK), BLOCK)(order, ids, N);
    by_width(N, fit_wide(C) && aligned16(dtable, dy), [&](auto W) {
        dim3 grid(N, ceil_div(C, 128 * W));
        RUN(dev, (embedding_backward_kernel<W>), grid, 128)(dtable, ids, order, dy, N, C);
    });
}
