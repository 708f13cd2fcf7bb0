// Optional (CUDA): the device of the CUDA build: opening it, its memory, copies, fp32 files to floatX weights and back.
#include "kernels/device/device.h"
#include "kernels/device/vector.cuh"
#include <cuda_profiler_api.h>

// Writes *p. False where the GPU cannot be opened: err then says why, in one line that ends in what to do.
static bool check_device(int ordinal, cudaDeviceProp *p, Error *err) {
    int count = 0;
    cudaError_t error = cudaGetDeviceCount(&count);
    if (error == cudaErrorInsufficientDriver)
        return fail(err, "the NVIDIA driver is missing or too old for CUDA %d.%d: update it (see nvidia-smi), or use "
                    "the C build, `make`", CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    if (error == cudaErrorNoDevice || (error == cudaSuccess && count == 0))
        return fail(err, "no CUDA device: look at nvidia-smi and CUDA_VISIBLE_DEVICES, or use the C build, `make`");
    if (error != cudaSuccess)
        return fail(err, "no CUDA device: %s (%s): look at nvidia-smi, or use the C build, `make`",
                    cudaGetErrorName(error), cudaGetErrorString(error));
    if (ordinal < 0 || ordinal >= count)
        return fail(err, "GPU %d asked for, but there are %d: start one rank a GPU, and look at CUDA_VISIBLE_DEVICES",
                    ordinal, count);
    error = cudaGetDeviceProperties(p, ordinal);
    if (error != cudaSuccess)
        return fail(err, "GPU %d does not answer: %s (%s): look at nvidia-smi", ordinal, cudaGetErrorName(error),
                    cudaGetErrorString(error));
    if (p->major < 8)
        return fail(err, "GPU %d, %s, is sm_%d%d: tensor cores in bf16 need sm_80 (Ampere) or later; use the C build",
                    ordinal, p->name, p->major, p->minor);
    return true;
}

static bool open_parts(Device *dev, Error *err) {
    cudaError_t error = cudaSetDevice(dev->ordinal);
    if (error == cudaSuccess) error = cudaStreamCreateWithFlags(&dev->stream, cudaStreamNonBlocking);
    if (error == cudaSuccess) error = cudaMalloc(&dev->workspace, DEVICE_WORKSPACE_BYTES);
    if (error != cudaSuccess)
        return fail(err, "GPU %d cannot be opened: %s (%s): another process may hold it or its memory, see nvidia-smi",
                    dev->ordinal, cudaGetErrorName(error), cudaGetErrorString(error));
    cublasStatus_t status = cublasLtCreate(&dev->cublas);
    if (status != CUBLAS_STATUS_SUCCESS)
        return fail(err, "cuBLASLt does not start (status %d): its version must be that of the toolkit, CUDA %d.%d",
                    int(status), CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    dev->plans = matmul_plans_new();
    return true;
}

extern "C" Device *device_open(int, int ordinal, Error *err) {
    cudaDeviceProp p;
    if (!check_device(ordinal, &p, err)) return NULL;
    Device *dev = static_cast<Device *>(calloc(1, sizeof *dev));
    REQUIRE(dev, "out of memory");
    dev->ordinal = ordinal;
    dev->processors = p.multiProcessorCount;
    dev->shared_max = p.sharedMemPerBlockOptin;
    snprintf(dev->name, sizeof dev->name, "GPU %d, %s, sm_%d%d, %d SMs, %zu GiB, %s", ordinal, p.name, p.major, p.minor,
             dev->processors, p.totalGlobalMem >> 30, sizeof(floatX) == 2 ? "bf16" : "fp32");
    if (open_parts(dev, err)) return dev;
    device_close(dev);
    return NULL;
}

extern "C" void device_close(Device *dev) {
    timer_events_free(&dev->timers);
    if (dev->plans) matmul_plans_free(dev->plans);
    if (dev->cublas) cublasLtDestroy(dev->cublas);
    if (dev->workspace) cudaFree(dev->workspace);
    if (dev->stream) cudaStreamDestroy(dev->stream);
    free(dev);
}

extern "C" const char *device_name(const Device *dev) { return dev->name; }
extern "C" int device_threads(const Device *) { return 1; }
extern "C" void device_set_invariant(Device *dev, bool on) { dev->invariant = on; }

// 1/32 of the memory, 2.5 GiB of 80, is held back for what CUDA allocates later: kernels on first use, graphs, NCCL.
extern "C" size_t device_memory_free(const Device *) {
    size_t free_bytes = 0, total = 0;
    CUDA_CHECK(cudaMemGetInfo(&free_bytes, &total));
    return free_bytes > total / 32 ? free_bytes - total / 32 : 0;
}

// ---- Memory ---------------------------------------------------------------------------------------------------------
extern "C" void *device_alloc(Device *dev, size_t bytes) {
    void *memory = NULL;
    cudaError_t error = cudaMalloc(&memory, bytes ? bytes : 128); // on 256-byte boundaries
    REQUIRE(error == cudaSuccess, "%zu MiB asked for, %zu MiB of GPU memory free (%s): use smaller micro-batches, "
            "fewer slots or a smaller model", bytes >> 20, device_memory_free(dev) >> 20, cudaGetErrorName(error));
    return memory;
}

extern "C" void device_free(Device *, void *memory) { CUDA_CHECK(cudaFree(memory)); }

static void copy(Device *dev, void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
    if (bytes) CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, kind, dev->stream));
}

extern "C" void device_upload(Device *dev, void *to, const void *h_from, size_t bytes) {
    copy(dev, to, h_from, bytes, cudaMemcpyHostToDevice);
    device_sync(dev); // h_from may be changed on return
}

extern "C" void device_download(Device *dev, void *h_to, const void *from, size_t bytes) {
    copy(dev, h_to, from, bytes, cudaMemcpyDeviceToHost);
    device_sync(dev);
}

extern "C" void device_copy(Device *dev, void *to, const void *from, size_t bytes) {
    copy(dev, to, from, bytes, cudaMemcpyDeviceToDevice);
}

extern "C" void device_zero(Device *dev, void *memory, size_t bytes) {
    if (bytes) CUDA_CHECK(cudaMemsetAsync(memory, 0, bytes, dev->stream));
}

extern "C" void device_profile(Device *, bool on) { CUDA_CHECK(on ? cudaProfilerStart() : cudaProfilerStop()); }
extern "C" void device_sync(Device *dev) { CUDA_CHECK(cudaStreamSynchronize(dev->stream)); }

// ---- fp32 on the host, floatX on the device -------------------------------------------------------------------------
// CONVERT_PIECE values at a time pass through the workspace.
enum { BLOCK = 256, CONVERT_PIECE = DEVICE_WORKSPACE_BYTES / sizeof(float) };

template <class To, class From> static __global__ void convert_kernel(To *to, const From *from, size_t n) {
    size_t i = blockIdx.x * size_t(blockDim.x) + threadIdx.x;
    if (i < n) to[i] = from_float<To>(to_float(from[i]));
}

template <class To, class From> static void convert(Device *dev, To *to, const From *from, size_t n) {
    RUN(dev, (convert_kernel<To, From>), blocks_of(n, BLOCK), BLOCK)(to, from, n);
    CUDA_CHECK(cudaGetLastError());
}

extern "C" void device_upload_floats(Device *dev, floatX *to, const float *h_from, size_t n) {
    float *staged = static_cast<float *>(dev->workspace);
    for (size_t at = 0; at < n; at += CONVERT_PIECE) {
        size_t piece = n - at < CONVERT_PIECE ? n - at : size_t(CONVERT_PIECE);
        copy(dev, staged, h_from + at, piece * sizeof(float), cudaMemcpyHostToDevice);
        convert(dev, to + at, staged, piece);
    }
    device_sync(dev);
}

extern "C" void device_download_floats(Device *dev, float *h_to, const floatX *from, size_t n) {
    float *staged = static_cast<float *>(dev->workspace);
    for (size_t at = 0; at < n; at += CONVERT_PIECE) {
        size_t piece = n - at < CONVERT_PIECE ? n - at : size_t(CONVERT_PIECE);
        convert(dev, staged, from + at, piece);
        copy(dev, h_to + at, staged, piece * sizeof(float), cudaMemcpyDeviceToHost);
    }
    device_sync(dev);
}
