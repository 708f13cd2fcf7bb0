// Optional (CUDA on a CPU): device properties and the last error. There is one device, of architecture sm_90.
#include "dev/cuda_on_cpu/runtime.h"
#include <cuda_profiler_api.h>
#include <stdio.h>
#include <string.h>

static cudaError_t last_error;

enum { PROCESSORS = 4, THREADS_PER_PROCESSOR = 2048 };

cudaError_t cudaGetDeviceCount(int *count) {
    *count = 1;
    return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return device ? sim_set_error(cudaErrorInvalidDevice) : cudaSuccess; }
cudaError_t cudaGetDevice(int *device) {
    *device = 0;
    return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int device) {
    if (device) return sim_set_error(cudaErrorInvalidDevice);
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "CUDA on CPU");
    size_t free_bytes;
    cudaMemGetInfo(&free_bytes, &p->totalGlobalMem);
    p->major = 9;
    p->warpSize = SIM_WARP;
    p->multiProcessorCount = PROCESSORS;
    p->maxThreadsPerBlock = SIM_BLOCK_MAX;
    p->maxThreadsPerMultiProcessor = THREADS_PER_PROCESSOR;
    p->maxBlocksPerMultiProcessor = 32;
    p->sharedMemPerBlock = SIM_SHARED_DEFAULT;
    p->sharedMemPerBlockOptin = p->sharedMemPerMultiprocessor = SIM_SHARED_MAX;
    p->regsPerBlock = p->regsPerMultiprocessor = 65536;
    p->l2CacheSize = 4 << 20;
    return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device) {
    if (device) return sim_set_error(cudaErrorInvalidDevice);
    switch (attribute) {
    case cudaDevAttrMultiProcessorCount: *value = PROCESSORS; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = SIM_SHARED_MAX; break;
    case cudaDevAttrMaxThreadsPerBlock: *value = SIM_BLOCK_MAX; break;
    case cudaDevAttrMaxThreadsPerMultiProcessor: *value = THREADS_PER_PROCESSOR; break;
    case cudaDevAttrComputeCapabilityMajor: *value = 9; break;
    case cudaDevAttrComputeCapabilityMinor: *value = 0; break;
    default:
        sim_die("cudaDeviceGetAttribute(%d) is not part of the harness: add it in device.c", (int)attribute);
    }
    return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void *kernel, enum cudaFuncAttribute attribute, int value) {
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
    return sim_set_error(value < 0 ? cudaErrorInvalidValue : sim_allow_shared(kernel, (size_t)value));
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *kernel, int threads, size_t shared) {
    (void)kernel; // registers are unknown here: threads and shared memory alone bound the answer
    if (threads < 1 || threads > SIM_BLOCK_MAX) return sim_set_error(cudaErrorInvalidValue);
    *blocks = THREADS_PER_PROCESSOR / threads;
    if (shared && (size_t)*blocks > SIM_SHARED_MAX / shared) *blocks = (int)(SIM_SHARED_MAX / shared);
    return cudaSuccess;
}
cudaError_t cudaProfilerStart(void) {
    fprintf(stderr, "cuda_on_cpu: a profiler starts\n");
    return cudaSuccess;
}
cudaError_t cudaProfilerStop(void) {
    fprintf(stderr, "cuda_on_cpu: a profiler stops\n");
    return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int *version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int *version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}

// ---- Errors --------------------------------------------------------------------------------------------------------
cudaError_t sim_set_error(cudaError_t error) {
    if (error) last_error = error;
    return error;
}
cudaError_t cudaPeekAtLastError(void) { return last_error; }
cudaError_t cudaGetLastError(void) {
    cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}

static const struct {
    cudaError_t error;
    const char *name, *text;
} errors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalState, "cudaErrorIllegalState", "the operation cannot be performed in the present state"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported", "operation not permitted during capture"},
    {cudaErrorStreamCaptureImplicit, "cudaErrorStreamCaptureImplicit", "operation would depend on a capturing stream"},
};

const char *cudaGetErrorName(cudaError_t error) {
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].error == error) return errors[i].name;
    return "an error this harness does not name";
}

const char *cudaGetErrorString(cudaError_t error) {
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].error == error) return errors[i].text;
    return "see cudaError in the toolkit's driver_types.h";
}
