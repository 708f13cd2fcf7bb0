// What is behind a Device in the CUDA build: one GPU, one stream. Everything the kernels do is put on that stream in the
// order of the calls, so nothing here waits for anything but where device.h says "done on return". Every .cu twin reads
// the stream from here; matmul.cu also the cuBLASLt handle and the workspace.
#ifndef KERNELS_DEVICE_CUDA_CUH
#define KERNELS_DEVICE_CUDA_CUH
#include "kernels/device/launch.cuh"
#include "kernels/device/device.h"
#include "kernels/device/nvtx.h"
#include "kernels/device/timer.h"
#include <cublasLt.h>

enum { DEVICE_WORKSPACE_BYTES = 32 << 20 }; // what cuBLASLt is best given on Hopper

struct MatmulPlans; // matmul.cu: the algorithms chosen so far, by shape

struct PhaseEvents {
    Timer phase;
    cudaEvent_t began, ended;
};
struct TimerClock { // phase.cu
    bool on;
    int count, capacity; // of events: in use, made
    PhaseEvents *events;
};

struct Device {
    cudaStream_t stream;
    TimerClock phases;
    cublasLtHandle_t cublas;
    void *workspace;     // DEVICE_WORKSPACE_BYTES: scratch within one call of an op, never kept across two
    MatmulPlans *plans;
    int ordinal;
    int processors;      // streaming multiprocessors
    size_t shared_max;   // bytes of shared memory that one block may ask for
    bool invariant;      // a token's bits may not depend on its batch: pinned products, no split contexts
    char name[320];
};

MatmulPlans *matmul_plans_new();
void matmul_plans_free(MatmulPlans *plans);
void phase_clock_free(TimerClock *clock);

// Lets a kernel ask for `bytes` of dynamic shared memory; more than 48 KiB must be asked for, once or more.
template <class Kernel> static inline void allow_shared(const Device *dev, Kernel kernel, size_t bytes) {
    REQUIRE(bytes <= dev->shared_max, "a block needs %zu bytes of shared memory, this GPU has %zu: use a smaller size",
            bytes, dev->shared_max);
    if (bytes > 48 << 10)
        CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)));
}

#endif
