// Optional (CUDA): the Device of the CUDA build, one GPU and one stream. All work goes on that stream in the order of
// the calls, so the host waits only where device.h says "done on return". Every .cu twin reads the stream from here;
// matmul.cu also reads the cuBLASLt handle and the workspace.
#ifndef KERNELS_DEVICE_DEVICE_CUDA_CUH
#define KERNELS_DEVICE_DEVICE_CUDA_CUH
#include "kernels/device/launch.cuh"
#include "kernels/device/device.h"
#include "kernels/device/nvtx.h"
#include "kernels/device/timer.h"
#include <cublasLt.h>

enum { DEVICE_WORKSPACE_BYTES = 32 << 20 }; // the size that cuBLASLt recommends on Hopper

struct MatmulPlans; // matmul.cu: the algorithms chosen so far, by shape

struct TimerEvents {
    Timer timer;
    cudaEvent_t began, ended;
};
struct TimerState { // timer.cu
    bool on;
    int count, capacity; // event pairs in use and created
    TimerEvents *events;
};

struct Device {
    cudaStream_t stream;
    TimerState timers;
    cublasLtHandle_t cublas;
    void *workspace;     // DEVICE_WORKSPACE_BYTES: scratch of one call of an op, never kept until the next
    MatmulPlans *plans;
    int ordinal;
    int processors;      // streaming multiprocessors
    size_t shared_max;   // bytes of shared memory that one block may request
    bool invariant;      // a token's bits must not depend on its batch: pinned products, no split contexts
    char name[320];
};

// CUDA_OP() is the first line of every op: it names the op on a profiler's time line and checks its launches on return.
struct LaunchCheck {
    const char *op, *file;
    int line;
    ~LaunchCheck() { cuda_check(cudaGetLastError(), op, file, line); }
};
#define CUDA_OP()                                                                                                      \
    OP_RANGE();                                                                                                        \
    LaunchCheck launch_check = {__func__, __FILE__, __LINE__}

// Launches a kernel without dynamic shared memory on the device's stream: RUN(dev, (kernel<W>), grid, block)(args...).
#define RUN(dev, kernel, grid, block) LAUNCH(kernel, grid, block, 0, (dev)->stream)

MatmulPlans *matmul_plans_new();
void matmul_plans_free(MatmulPlans *plans);
void timer_events_free(TimerState *timers);

// Lets a kernel use `bytes` of dynamic shared memory; CUDA wants to be asked for more than 48 KiB.
template <class Kernel> static inline void allow_shared(const Device *dev, Kernel kernel, size_t bytes) {
    REQUIRE(bytes <= dev->shared_max, "a block needs %zu bytes of shared memory, this GPU has %zu: use a smaller size",
            bytes, dev->shared_max);
    if (bytes > 48 << 10)
        CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(bytes)));
}

#endif
