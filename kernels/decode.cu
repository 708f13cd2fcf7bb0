#include "kernels/decode.h"
#include "kernels/device/device_cuda.cuh"

static __global__ void decode_advance_kernel(DecodeRows rows, const Sampled *sampled, const int *eos, int n_eos, int R) {
    int r = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (r >= R || rows.left[r] == 0) return;
    Sampled drawn = sampled[r];
    int left = rows.left[r] - 1;
    for (int i = 0; i < n_eos; i++)
        if (drawn.token == eos[i]) left = 0;
    rows.log[static_cast<size_t>(r) * DECODE_BURST_MAX + rows.taken[r]++] = drawn;
    rows.left[r] = left;
    if (left == 0) return;
    rows.ids[r] = drawn.token;
    rows.pos[r]++;
    rows.key[r].position++;
}

extern "C" void decode_advance(Device *dev, const DecodeRows *rows, const Sampled *sampled, const int *eos, int n_eos, int R) {
    OP_RANGE();
    if (R == 0) return;
    LAUNCH((decode_advance_kernel), ceil_div(R, 128), 128, 0, dev->stream)(*rows, sampled, eos, n_eos, R);
    CUDA_CHECK(cudaGetLastError());
}

extern "C" int decode_burst(void) { return DECODE_BURST_MAX; }
extern "C" int prefill_rows(void) { return 1024; }

// 1, 2, 4, 8, then in steps of an eighth of the next power of two, so that less than a quarter runs for nothing.
extern "C" int decode_bucket(int R, int most) {
    int step = 1;
    while (step * 8 < R) step *= 2;
    if (R < 8) step = R < 3 ? 1 : R < 5 ? 4 : 8;
    int rows = ceil_div(R, step) * step;
    return rows < most ? rows : most;
}
