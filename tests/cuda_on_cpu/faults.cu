// Kernels that are wrong on purpose, one for each kind of error that the harness catches, and for each the smallest
// correct variant, which must pass. `faults NAME` runs one; run.sh has the expected output.
#include "kernels/device/launch.cuh"
#include "kernels/device/ptx.cuh"

enum { N = 256 };
static const unsigned ALL = 0xffffffffu;

// ---- Meetings -----------------------------------------------------------------------------------------------------
static __global__ void divergent_barrier(float *x) {
    if (threadIdx.x < 16) {
        x[threadIdx.x] = 1;
        __syncthreads();
    } else {
        x[threadIdx.x] = 2;
        __syncthreads();
    }
}
static __global__ void lane_left_early(float *x) {
    if (threadIdx.x == 31) return;
    x[threadIdx.x] = __shfl_xor_sync(ALL, x[threadIdx.x], 1);
}
static __global__ void barrier_in_branch(float *x) {
    if (threadIdx.x < 16) __syncthreads();
    x[threadIdx.x] = warp_sum(1);
}
static __global__ void mask_omits_caller(float *x) { x[threadIdx.x] = __shfl_sync(0x0000ffffu, 1.0f, 0); }
static __global__ void mask_differs(float *x) {
    x[threadIdx.x] = __shfl_xor_sync(threadIdx.x < 16 ? 0x0001ffffu : ALL, 1.0f, 1);
}
static __global__ void mask_names_no_lane(float *x) { x[threadIdx.x] = warp_sum(1); }
static __global__ void shuffle_from_outside(float *x) {
    if (threadIdx.x < 16) x[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, 1.0f, 16);
}
static __global__ void endless_loop(volatile float *x) {
    while (x[threadIdx.x] != 1.0f) {
    }
}

// ---- Memory -------------------------------------------------------------------------------------------------------
static __global__ void uninitialised_shared(float *x) {
    __shared__ float tile[N];
    if (threadIdx.x != 7) tile[threadIdx.x] = 1;
    __syncthreads();
    x[threadIdx.x] = tile[threadIdx.x ^ 1];
}
static __global__ void uninitialised_dynamic(float *x) {
    DYN_SHARED(float, tile);
    if (threadIdx.x != 7) tile[threadIdx.x] = 1;
    __syncthreads();
    x[threadIdx.x] = tile[threadIdx.x ^ 1];
}
static __global__ void beyond_device(float *x) { x[blockIdx.x * N + threadIdx.x + 1] = 1; }
static __global__ void beyond_shared(float *x) {
    __shared__ float tile[N];
    float *next = tile + 1; // hides the array's size from UBSan, which would be faster
    next[threadIdx.x] = 1;
    __syncthreads();
    x[threadIdx.x] = tile[threadIdx.x];
}
static __global__ void beyond_dynamic(float *x) {
    DYN_SHARED(float, tile);
    tile[threadIdx.x + 1] = 1;
    __syncthreads();
    x[threadIdx.x] = tile[threadIdx.x];
}
static __global__ void misaligned(float *x) {
    if (threadIdx.x == 0) store128(x + 1, load128(x));
}
static __global__ void overflow(float *x) {
    int n = 0x7fffffff - 31 + static_cast<int>(threadIdx.x);
    x[threadIdx.x] = static_cast<float>(n + 1);
}
static __global__ void fill(float *x) { x[threadIdx.x] = 1; }

// ---- Races --------------------------------------------------------------------------------------------------------
template <bool correct> static __global__ void race_in_warp(float *x) {
    __shared__ float tile[32];
    tile[threadIdx.x] = 1;
    if (correct) __syncwarp();
    x[threadIdx.x] = tile[threadIdx.x ^ 1];
}
template <bool correct> static __global__ void race_between_warps(float *x) {
    __shared__ float tile[N];
    tile[threadIdx.x] = 1;
    if (correct)
        __syncthreads();
    else
        __syncwarp();
    x[threadIdx.x] = tile[threadIdx.x ^ 32];
}
// The barrier before the buffer is written again is missing.
template <bool correct> static __global__ void race_on_reuse(float *x) {
    __shared__ float tile[N];
    for (int i = 0; i < 2; i++) {
        tile[threadIdx.x] = static_cast<float>(i);
        __syncthreads();
        x[threadIdx.x] = tile[threadIdx.x ^ 32];
        if (correct) __syncthreads();
    }
}
template <bool correct> static __global__ void race_between_blocks(float *x) {
    if (threadIdx.x) return;
    if (correct)
        atomicAdd(&x[0], 1.0f);
    else
        x[0] += 1.0f;
}
// The last block sums what all blocks wrote: CUDA Programming Guide, "Memory Fence Functions".
template <bool correct> static __global__ void race_last_block(float *x) {
    __shared__ bool last;
    unsigned *counter = reinterpret_cast<unsigned *>(x);
    float *partial = x + 1, *sum = x + 1 + gridDim.x;
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = 1;
        if (correct) __threadfence();
        last = atomicInc(counter, gridDim.x - 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (!last) return;
    float value = block_sum(threadIdx.x < gridDim.x ? partial[threadIdx.x] : 0.0f);
    if (threadIdx.x == 0) *sum = value;
}

// Threads write neighbouring halves of 4 bytes, and another thread reads the half that was written first.
template <bool correct> static __global__ void race_on_halves(float *x) {
    __nv_bfloat16 *half = reinterpret_cast<__nv_bfloat16 *>(x);
    if (threadIdx.x < 2) half[threadIdx.x] = from_float<__nv_bfloat16>(1);
    if (correct) __syncwarp();
    if (threadIdx.x == 2) x[1] = to_float(half[0]);
}
// Writes of neighbouring bytes are not a race; writes of the same byte are.
template <bool correct> static __global__ void race_on_bytes(float *x) {
    unsigned char *bytes = reinterpret_cast<unsigned char *>(x);
    bytes[correct ? threadIdx.x : threadIdx.x / 2] = 0;
}
// __syncwarp orders the lanes of its mask; a shuffle orders none.
template <bool correct> static __global__ void race_by_mask(float *x) {
    __shared__ float tile[32];
    unsigned half = threadIdx.x < 16 ? 0x0000ffffu : 0xffff0000u;
    tile[threadIdx.x] = 1;
    __syncwarp(half);
    x[threadIdx.x] = tile[threadIdx.x ^ (correct ? 15 : 16)];
}
static __global__ void race_after_shuffle(float *x) {
    __shared__ float tile[32];
    tile[threadIdx.x] = 1;
    float sum = warp_sum(1);
    x[threadIdx.x] = tile[threadIdx.x ^ 1] + sum;
}

// ---- cp.async -----------------------------------------------------------------------------------------------------
template <bool correct> static __global__ void missing_wait(float *x) {
    __shared__ __align__(16) float tile[32 * 4];
    cp_async_16(&tile[4 * threadIdx.x], &x[4 * threadIdx.x]);
    cp_async_commit();
    if (correct) cp_async_wait<0>();
    __syncthreads();
    float value = tile[4 * (threadIdx.x ^ 1)];
    x[threadIdx.x] = value;
}
template <bool correct> static __global__ void copy_over_readers(float *x) {
    __shared__ __align__(16) float tile[N * 4];
    float sum = 0;
    for (int i = 0; i < 2; i++) {
        cp_async_16(&tile[4 * threadIdx.x], &x[4 * threadIdx.x]);
        cp_async_commit();
        cp_async_wait<0>();
        __syncthreads();
        sum += tile[4 * (threadIdx.x ^ 32)];
        if (correct) __syncthreads();
    }
    x[4 * threadIdx.x] = sum;
}

// ---- Running one ----------------------------------------------------------------------------------------------------
typedef void Kernel(float *);
typedef struct Fault {
    const char *name;
    Kernel *kernel;
    dim3 grid, block;
    size_t shared_bytes;
} Fault;

static const Fault faults[] = {
    {"divergent_barrier", divergent_barrier, 1, 32, 0},
    {"lane_left_early", lane_left_early, 1, 32, 0},
    {"barrier_in_branch", barrier_in_branch, 1, 32, 0},
    {"mask_omits_caller", mask_omits_caller, 1, 32, 0},
    {"mask_differs", mask_differs, 1, 32, 0},
    {"mask_names_no_lane", mask_names_no_lane, 1, 40, 0},
    {"shuffle_from_outside", shuffle_from_outside, 1, 32, 0},
    {"endless_loop", (Kernel *)endless_loop, 1, 32, 0},
    {"uninitialised_shared", uninitialised_shared, 1, N, 0},
    {"uninitialised_dynamic", uninitialised_dynamic, 1, N, N * sizeof(float)},
    {"beyond_device", beyond_device, 4, N, 0},
    {"beyond_shared", beyond_shared, 1, N, 0},
    {"beyond_dynamic", beyond_dynamic, 1, N, N * sizeof(float)},
    {"misaligned", misaligned, 1, 32, 0},
    {"overflow", overflow, 1, 32, 0},
    {"block_too_large", fill, 1, 2048, 0},
    {"grid_too_large", fill, dim3(1, 70000), 32, 0},
    {"grid_empty", fill, 0, 32, 0},
    {"shared_not_allowed", fill, 1, 32, 64 << 10},
    {"race_in_warp", race_in_warp<false>, 1, 32, 0},
    {"race_in_warp_ok", race_in_warp<true>, 1, 32, 0},
    {"race_between_warps", race_between_warps<false>, 1, N, 0},
    {"race_between_warps_ok", race_between_warps<true>, 1, N, 0},
    {"race_on_reuse", race_on_reuse<false>, 1, N, 0},
    {"race_on_reuse_ok", race_on_reuse<true>, 1, N, 0},
    {"race_between_blocks", race_between_blocks<false>, 4, 32, 0},
    {"race_between_blocks_ok", race_between_blocks<true>, 4, 32, 0},
    {"race_last_block", race_last_block<false>, 9, N, 0},
    {"race_last_block_ok", race_last_block<true>, 9, N, 0},
    {"race_on_bytes", race_on_bytes<false>, 1, 64, 0},
    {"race_on_bytes_ok", race_on_bytes<true>, 1, 64, 0},
    {"race_on_halves", race_on_halves<false>, 1, 32, 0},
    {"race_on_halves_ok", race_on_halves<true>, 1, 32, 0},
    {"race_by_mask", race_by_mask<false>, 1, 32, 0},
    {"race_by_mask_ok", race_by_mask<true>, 1, 32, 0},
    {"race_after_shuffle", race_after_shuffle, 1, 32, 0},
    {"missing_wait", missing_wait<false>, 1, 32, 0},
    {"missing_wait_ok", missing_wait<true>, 1, 32, 0},
    {"copy_over_readers", copy_over_readers<false>, 1, N, 0},
    {"copy_over_readers_ok", copy_over_readers<true>, 1, N, 0},
};

// Exits with status 3 if a result is NaN, which is how a read of poisoned memory shows.
static int run_kernel(const Fault *fault) {
    enum { VALUES = 4 * N };
    float *x, h_x[VALUES] = {0};
    CUDA_CHECK(cudaMalloc(&x, sizeof h_x));
    CUDA_CHECK(cudaMemcpy(x, h_x, sizeof h_x, cudaMemcpyHostToDevice));
    LAUNCH((fault->kernel), fault->grid, fault->block, fault->shared_bytes, 0)(x);
    CUDA_CHECK(cudaGetLastError());
    CUDA_CHECK(cudaMemcpy(h_x, x, sizeof h_x, cudaMemcpyDeviceToHost));
    CUDA_CHECK(cudaFree(x));
    for (int i = 0; i < VALUES; i++) {
        if (h_x[i] == h_x[i]) continue;
        printf("result %d is NaN\n", i);
        return 3;
    }
    printf("all results are numbers\n");
    return 0;
}

// Errors of host code.
static int run_host(const char *name) {
    float *x, h_x[N] = {0};
    CUDA_CHECK(cudaMalloc(&x, sizeof h_x));
    if (!strcmp(name, "host_reads_device")) h_x[0] = *static_cast<volatile float *>(x);
    if (!strcmp(name, "host_reads_copied")) {
        CUDA_CHECK(cudaMemcpy(x, h_x, sizeof h_x, cudaMemcpyHostToDevice));
        h_x[0] = *static_cast<volatile float *>(x);
    }
    if (!strcmp(name, "copy_wrong_kind")) CUDA_CHECK(cudaMemcpy(x, h_x, sizeof h_x, cudaMemcpyDeviceToHost));
    if (!strcmp(name, "copy_too_long")) CUDA_CHECK(cudaMemcpy(h_x, x + 1, sizeof h_x, cudaMemcpyDeviceToHost));
    if (!strcmp(name, "free_twice")) CUDA_CHECK(cudaFree(x));
    if (!strcmp(name, "kernel_reads_null")) LAUNCH((fill), 1, 32, 0, 0)(static_cast<float *>(nullptr));
    if (!strcmp(name, "kernel_writes_host")) LAUNCH((fill), 1, N, 0, 0)(h_x);
    if (!strcmp(name, "used_after_free")) {
        CUDA_CHECK(cudaFree(x));
        LAUNCH((fill), 1, N, 0, 0)(x);
        return 0;
    }
    if (!strcmp(name, "read_before_wait")) { // NaN with CUDA_ON_CPU_STREAM=late: the copy has not happened yet
        float *pinned;
        CUDA_CHECK(cudaMallocHost(&pinned, sizeof h_x));
        pinned[0] = NAN;
        LAUNCH((fill), 1, N, 0, 0)(x);
        CUDA_CHECK(cudaMemcpyAsync(pinned, x, sizeof h_x, cudaMemcpyDeviceToHost, 0));
        printf(pinned[0] == pinned[0] ? "a number\n" : "read too early\n");
        CUDA_CHECK(cudaDeviceSynchronize());
        CUDA_CHECK(cudaFreeHost(pinned));
    }
    if (!strcmp(name, "reused_before_wait")) { // the kernel sees the new value: the copy has not happened yet
        float *pinned;
        CUDA_CHECK(cudaMallocHost(&pinned, sizeof(float)));
        pinned[0] = 1;
        CUDA_CHECK(cudaMemcpyAsync(x, pinned, sizeof(float), cudaMemcpyHostToDevice, 0));
        pinned[0] = 2;
        CUDA_CHECK(cudaMemcpy(h_x, x, sizeof(float), cudaMemcpyDeviceToHost));
        printf(h_x[0] == 1.0f ? "the value meant\n" : "reused too early\n");
        CUDA_CHECK(cudaFreeHost(pinned));
    }
    if (!strncmp(name, "stream_", 7)) { // one stream fills, another copies: before, without an event between them
        cudaStream_t fills, copies;
        cudaEvent_t filled;
        CUDA_CHECK(cudaStreamCreateWithFlags(&fills, cudaStreamNonBlocking));
        CUDA_CHECK(cudaStreamCreateWithFlags(&copies, cudaStreamNonBlocking));
        CUDA_CHECK(cudaEventCreateWithFlags(&filled, cudaEventDisableTiming));
        LAUNCH((fill), 1, N, 0, fills)(x);
        CUDA_CHECK(cudaEventRecord(filled, fills));
        if (!strcmp(name, "stream_waits")) CUDA_CHECK(cudaStreamWaitEvent(copies, filled, 0));
        CUDA_CHECK(cudaMemcpyAsync(h_x, x, sizeof h_x, cudaMemcpyDeviceToHost, copies));
        CUDA_CHECK(cudaStreamSynchronize(copies));
        printf(h_x[0] == h_x[0] ? "a number\n" : "copied too early\n");
        CUDA_CHECK(cudaEventDestroy(filled));
        CUDA_CHECK(cudaStreamDestroy(fills));
        CUDA_CHECK(cudaStreamDestroy(copies));
    }
    CUDA_CHECK(cudaFree(x));
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: faults NAME\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (!strcmp(argv[1], faults[i].name)) return run_kernel(&faults[i]);
    return run_host(argv[1]);
}
