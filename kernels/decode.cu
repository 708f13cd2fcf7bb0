// Optional (CUDA): see decode.h. One thread per row.
#include "kernels/decode.h"
#include "kernels/device/device_cuda.cuh"

static __global__ void decode_advance_kernel(DecodeRows rows, const Sampled *sampled, const int *eos, int n_eos,
                                             int R) {
    int r = int(blockIdx.x * blockDim.x + threadIdx.x);
    if (r < R && rows.left[r] > 0) decode_advance_row(&rows, r, sampled[r], eos, n_eos);
}

extern "C" void decode_advance(Device *dev, const DecodeRows *rows, const Sampled *sampled, const int *eos, int n_eos,
                               int R) {
    CUDA_OP();
    if (R == 0) return;
    RUN(dev, (decode_advance_kernel), ceil_div(R, 128), 128)(*rows, sampled, eos, n_eos, R);
}

extern "C" int decode_burst(void) { return DECODE_BURST_MAX; }
extern "C" int prefill_rows(void) { return 1024; }

// 1, 2, 4, 8, then multiples of an eighth of the next power of two: less than a quarter of the rows is filler.
extern "C" int decode_bucket(int R, int most) {
    int step = 1;
    while (step * 8 < R) step *= 2;
    if (R < 8) step = R < 3 ? 1 : R < 5 ? 4 : 8;
    return min(ceil_div(R, step) * step, most);
}
