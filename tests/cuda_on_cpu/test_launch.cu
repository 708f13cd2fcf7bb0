// launch.cuh and the harness's CUDA: indices, reductions, 128-bit access, votes, atomics, the last-block pattern,
// streams, events and graphs. Built with nvcc, the same test runs on a GPU.
#include "kernels/device/launch.cuh" // before cmocka, whose `fail` is a macro
extern "C" {
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
}

static float *upload(const float *h_x, size_t n) {
    float *x;
    CUDA_CHECK(cudaMalloc(&x, n * sizeof *x));
    CUDA_CHECK(cudaMemcpy(x, h_x, n * sizeof *x, cudaMemcpyHostToDevice));
    return x;
}
template <class T> static T *device_array(size_t n) {
    T *x;
    CUDA_CHECK(cudaMalloc(&x, n * sizeof *x));
    CUDA_CHECK(cudaMemset(x, 0, n * sizeof *x));
    return x;
}
template <class T> static void download(T *h_x, T *x, size_t n) {
    CUDA_CHECK(cudaGetLastError());
    CUDA_CHECK(cudaMemcpy(h_x, x, n * sizeof *x, cudaMemcpyDeviceToHost));
    CUDA_CHECK(cudaFree(x));
}
static void require_close(float got, double want, double tolerance) {
    if (!(fabs(static_cast<double>(got) - want) <= tolerance))
        fail_msg("got %g, want %g", static_cast<double>(got), want);
}

// ---- Indices ------------------------------------------------------------------------------------------------------
static __global__ void index_kernel(int *out) {
    int block = static_cast<int>(blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z));
    int thread = static_cast<int>(threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z));
    int size = static_cast<int>(blockDim.x * blockDim.y * blockDim.z);
    out[block * size + thread] += 1 + block * size + thread;
}

static void test_indices(void **) {
    enum { BLOCKS = 2 * 3 * 2, THREADS = 5 * 3 * 2, N = BLOCKS * THREADS };
    int *out = device_array<int>(N), h_out[N];
    LAUNCH((index_kernel), dim3(2, 3, 2), dim3(5, 3, 2), 0, 0)(out);
    download(h_out, out, N);
    for (int i = 0; i < N; i++) assert_int_equal(h_out[i], i + 1);
}

// ---- Reductions ---------------------------------------------------------------------------------------------------
static __global__ void reduce_kernel(float *sum, float *peak, const float *x, int n) { // one block a row
    const float *row = x + static_cast<size_t>(blockIdx.x) * n;
    float s = 0, m = -INFINITY;
    for (int i = threadIdx.x; i < n; i += blockDim.x) s += row[i], m = fmaxf(m, row[i]);
    s = block_sum(s);
    m = block_max(m);
    if (threadIdx.x == blockDim.x - 1) sum[blockIdx.x] = s, peak[blockIdx.x] = m;
}

static void test_reductions(void **) {
    enum { ROWS = 3, N_MAX = 1037 };
    static float h_x[ROWS * N_MAX];
    const int lengths[] = {1, 31, 33, 257, N_MAX}, blocks[] = {32, 96, 256, 1024};
    for (int n : lengths)
        for (int block : blocks) {
            float h_sum[ROWS], h_peak[ROWS];
            for (int i = 0; i < ROWS * n; i++) h_x[i] = static_cast<float>((i * 37) % 101 - 70);
            float *x = upload(h_x, static_cast<size_t>(ROWS) * n), *sum = device_array<float>(ROWS),
                  *peak = device_array<float>(ROWS);
            LAUNCH((reduce_kernel), ROWS, block, 0, 0)(sum, peak, x, n);
            download(h_sum, sum, ROWS);
            download(h_peak, peak, ROWS);
            CUDA_CHECK(cudaFree(x));
            for (int r = 0; r < ROWS; r++) {
                double want_sum = 0, want_peak = -1e9;
                for (int i = 0; i < n; i++) want_sum += h_x[r * n + i], want_peak = fmax(want_peak, h_x[r * n + i]);
                require_close(h_sum[r], want_sum, 0); // whole numbers below 2^24: exact in any order
                require_close(h_peak[r], want_peak, 0);
            }
        }
}

// ---- 128-bit access -------------------------------------------------------------------------------------------------
template <class T> static __global__ void double_kernel(T *out, const T *in, int packs) {
    int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= packs) return;
    Packed128<T> x = load128(in + i * Packed128<T>::size), y;
    for (int k = 0; k < Packed128<T>::size; k++) y[k] = from_float<T>(2 * to_float(x[k]));
    store128(out + i * Packed128<T>::size, y);
}

template <class T> static void check_packed(void) {
    enum { PACKS = 67, SIZE = Packed128<T>::size, N = PACKS * SIZE };
    static T h_x[N], h_y[N];
    for (int i = 0; i < N; i++) h_x[i] = from_float<T>(static_cast<float>(i % 100));
    T *x = device_array<T>(N), *y = device_array<T>(N);
    CUDA_CHECK(cudaMemcpy(x, h_x, sizeof h_x, cudaMemcpyHostToDevice));
    LAUNCH((double_kernel<T>), ceil_div(static_cast<int>(PACKS), 32), 32, 0, 0)(y, x, PACKS);
    download(h_y, y, N);
    CUDA_CHECK(cudaFree(x));
    for (int i = 0; i < N; i++) require_close(static_cast<float>(h_y[i]), 2 * (i % 100), 0);
}
static void test_packed(void **) {
    check_packed<float>();
    check_packed<__nv_bfloat16>();
}

// ---- Warp operations ------------------------------------------------------------------------------------------------
static __global__ void warp_kernel(int *out) {
    int lane = threadIdx.x % 32, v = 3 * lane + 1;
    const unsigned all = 0xffffffffu;
    int *mine = out + 10 * lane;
    mine[0] = __shfl_sync(all, v, 5);
    mine[1] = __shfl_up_sync(all, v, 3, 8);
    mine[2] = __shfl_down_sync(all, v, 3);
    mine[3] = __shfl_xor_sync(all, v, 9);
    mine[4] = static_cast<int>(__ballot_sync(all, lane % 3 == 0));
    mine[5] = __any_sync(all, lane == 31) + 2 * __all_sync(all, lane < 31);
    mine[6] = __reduce_max_sync(all, lane * 7 % 32);
    mine[7] = static_cast<int>(__reduce_add_sync(all, static_cast<unsigned>(lane)));
    unsigned half = lane < 16 ? 0x0000ffffu : 0xffff0000u; // two meetings at one time
    mine[8] = __shfl_sync(half, v, lane < 16 ? 2 : 30);
    mine[9] = __syncthreads_count(lane % 2);
    if (lane < 16) mine[8] += __shfl_sync(0x0000ffffu, 1, 0); // the others are already at the next meeting
    mine[8] += __shfl_sync(all, 1, 31);
}

static void test_warp(void **) {
    int *out = device_array<int>(320), h_out[320];
    LAUNCH((warp_kernel), 1, 32, 0, 0)(out);
    download(h_out, out, 320);
    unsigned ballot = 0;
    for (int lane = 0; lane < 32; lane += 3) ballot |= 1u << lane;
    for (int lane = 0; lane < 32; lane++) {
        const int *mine = h_out + 10 * lane;
        assert_int_equal(mine[0], 16);
        assert_int_equal(mine[1], 3 * (lane % 8 >= 3 ? lane - 3 : lane) + 1);
        assert_int_equal(mine[2], 3 * (lane + 3 < 32 ? lane + 3 : lane) + 1);
        assert_int_equal(mine[3], 3 * (lane ^ 9) + 1);
        assert_int_equal(mine[4], static_cast<int>(ballot));
        assert_int_equal(mine[5], 1);
        assert_int_equal(mine[6], 31);
        assert_int_equal(mine[7], 31 * 32 / 2);
        assert_int_equal(mine[8], 3 * (lane < 16 ? 2 : 30) + 1 + (lane < 16) + 1);
        assert_int_equal(mine[9], 16);
    }
}

// ---- Atomics, dynamic shared memory, the last-block pattern ---------------------------------------------------------
// counts[b] = how many x equal b; the last block adds them up. counter, counts and total start at 0.
static __global__ void histogram_kernel(unsigned *counts, unsigned *counter, unsigned *total, const int *x, int n,
                                        int bins) {
    DYN_SHARED(unsigned, mine);
    __shared__ bool last;
    for (int b = threadIdx.x; b < bins; b += blockDim.x) mine[b] = 0;
    __syncthreads();
    int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < n) atomicAdd(&mine[x[i]], 1u);
    __syncthreads();
    for (int b = threadIdx.x; b < bins; b += blockDim.x)
        if (mine[b]) atomicAdd(&counts[b], mine[b]);
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        last = atomicInc(counter, gridDim.x - 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (!last) return;
    float sum = 0;
    for (int b = threadIdx.x; b < bins; b += blockDim.x) sum += static_cast<float>(counts[b]);
    sum = block_sum(sum);
    if (threadIdx.x == 0) *total = static_cast<unsigned>(sum), atomicMax(total, 1u);
}

static void test_atomics(void **) {
    enum { N = 1000, BINS = 13 };
    int h_x[N], *x = device_array<int>(N);
    unsigned h_counts[BINS + 2], *counts = device_array<unsigned>(BINS + 2), want[BINS] = {0};
    for (int i = 0; i < N; i++) h_x[i] = i * i % BINS, want[h_x[i]]++;
    CUDA_CHECK(cudaMemcpy(x, h_x, sizeof h_x, cudaMemcpyHostToDevice));
    LAUNCH((histogram_kernel), ceil_div(static_cast<int>(N), 64), 64, BINS * sizeof(unsigned), 0)
    (counts, counts + BINS, counts + BINS + 1, x, N, BINS);
    download(h_counts, counts, BINS + 2);
    CUDA_CHECK(cudaFree(x));
    for (int b = 0; b < BINS; b++) assert_int_equal(h_counts[b], want[b]);
    assert_int_equal(h_counts[BINS], 0); // atomicInc wrapped: ready for the next launch
    assert_int_equal(h_counts[BINS + 1], N);
}

// ---- Streams, events, graphs ---------------------------------------------------------------------------------------
static __global__ void add_kernel(float *x, float value) { x[threadIdx.x] += value; }

static void test_graph(void **) {
    float *x = device_array<float>(32), *pinned, milliseconds;
    cudaStream_t stream;
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    cudaEvent_t start, end;
    CUDA_CHECK(cudaMallocHost(&pinned, 32 * sizeof(float)));
    CUDA_CHECK(cudaStreamCreate(&stream));
    CUDA_CHECK(cudaEventCreate(&start));
    CUDA_CHECK(cudaEventCreate(&end));
    CUDA_CHECK(cudaDeviceSynchronize());
    CUDA_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    LAUNCH((add_kernel), 1, 32, 0, stream)(x, 1);
    LAUNCH((add_kernel), 1, 32, 0, stream)(x, 2);
    CUDA_CHECK(cudaMemcpyAsync(pinned, x, 32 * sizeof(float), cudaMemcpyDeviceToHost, stream));
    CUDA_CHECK(cudaStreamEndCapture(stream, &graph));
    CUDA_CHECK(cudaGraphInstantiate(&exec, graph, 0));
    CUDA_CHECK(cudaGraphDestroy(graph));
    CUDA_CHECK(cudaEventRecord(start, stream));
    for (int i = 1; i <= 3; i++) {
        CUDA_CHECK(cudaGraphLaunch(exec, stream));
        CUDA_CHECK(cudaStreamSynchronize(stream));
        for (int t = 0; t < 32; t++) require_close(pinned[t], 3 * i, 0); // so capturing itself ran nothing
    }
    CUDA_CHECK(cudaEventRecord(end, stream));
    CUDA_CHECK(cudaEventSynchronize(end));
    CUDA_CHECK(cudaEventElapsedTime(&milliseconds, start, end));
    assert_true(milliseconds > 0);
    CUDA_CHECK(cudaEventDestroy(start));
    CUDA_CHECK(cudaEventDestroy(end));
    CUDA_CHECK(cudaGraphExecDestroy(exec));
    CUDA_CHECK(cudaStreamDestroy(stream));
    CUDA_CHECK(cudaFreeHost(pinned));
    CUDA_CHECK(cudaFree(x));
}

static void test_out_of_memory(void **) {
    float *x;
    assert_int_equal(cudaMalloc(&x, static_cast<size_t>(1) << 46), cudaErrorMemoryAllocation);
    assert_int_equal(cudaGetLastError(), cudaErrorMemoryAllocation);
    assert_int_equal(cudaGetLastError(), cudaSuccess);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_indices),       cmocka_unit_test(test_reductions), cmocka_unit_test(test_packed),
        cmocka_unit_test(test_warp),          cmocka_unit_test(test_atomics),    cmocka_unit_test(test_graph),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
