// Optional (CUDA on a CPU): included (-include) before every .cu file, so that clang compiles it unchanged for the
// host. Types, bf16 arithmetic and the API's declarations come from the toolkit's headers. This file defines
// qualifiers, threadIdx and its like, __syncthreads and launches; the three headers at the end define intrinsics, warp
// operations and atomics.
#ifndef DEV_CUDA_ON_CPU_CUDA_ON_CPU_H
#define DEV_CUDA_ON_CPU_CUDA_ON_CPU_H
#define CUDA_ON_CPU 1
#ifndef __clang__
#error "dev/cuda_on_cpu needs clang: gcc cannot put the __shared__ arrays of templates into a section"
#endif
#include <cuda_runtime.h>
#include <cuda_bf16.h>
#include <math.h>
#include <string.h>
#include <tuple>
#include <type_traits>
#include "dev/cuda_on_cpu/runtime.h"

// ---- Qualifiers. One block runs at a time, so a __shared__ array is a static one; the section lets block.c poison it.
#undef __host__
#undef __device__
#undef __global__
#undef __shared__
#undef __constant__
#undef __launch_bounds__
#undef __forceinline__
#undef __noinline__
#define __host__
#define __device__
#define __global__
#define __constant__
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__    __attribute__((noinline))
#define __shared__      static __attribute__((section(".cuda_shared")))

// Marks functions whose accesses the race detector must not see: sim_touch reports them instead.
#define SIM_UNSEEN __attribute__((no_sanitize("thread")))
#define SIM_HERE   const char *file = __builtin_FILE(), int line = __builtin_LINE()

#define threadIdx (sim_self->thread)
#define blockIdx  (sim_self->block)
#define blockDim  (sim_self->block_dim)
#define gridDim   (sim_self->grid_dim)
#define warpSize  32

static inline void __syncthreads(SIM_HERE) { sim_barrier(0, file, line); }
static inline int __syncthreads_count(int predicate, SIM_HERE) { return sim_barrier(predicate, file, line); }
static inline int __syncthreads_or(int predicate, SIM_HERE) { return sim_barrier(predicate, file, line) != 0; }
static inline int __syncthreads_and(int predicate, SIM_HERE) { return sim_barrier(!predicate, file, line) == 0; }
static inline void __syncwarp(unsigned mask = 0xffffffffu, SIM_HERE) { sim_syncwarp(mask, file, line); }
static inline void __threadfence() { sim_fence(); }
static inline void __threadfence_block() {}
static inline void __threadfence_system() { sim_fence(); }
static inline void __trap() { sim_die("__trap()"); }

// ---- Launch: LAUNCH in kernels/device/launch.cuh makes a SimLauncher and calls it with the kernel's arguments. -----
template <class... P> struct SimLauncher {
    struct Args {
        void (*kernel)(P...);
        std::tuple<P...> values;
    };
    SimLaunch launch;
    cudaStream_t stream;
    void (*kernel)(P...);

    SIM_UNSEEN static void run(const void *args) {
        const Args *a = static_cast<const Args *>(args);
        std::apply(a->kernel, a->values);
    }
    void operator()(P... values) {
        static_assert((std::is_trivially_copyable<P>::value && ...), "a kernel's arguments are copied byte by byte");
        Args args = {kernel, std::tuple<P...>(values...)};
        launch.run = run;
        sim_launch(&launch, &args, sizeof args, stream);
    }
};
template <class... P>
SimLauncher<P...> sim_launcher(void (*kernel)(P...), const char *name, dim3 grid, dim3 block, size_t shared_bytes,
                               cudaStream_t stream, const char *file, int line) {
    return {{name, file, line, reinterpret_cast<const void *>(kernel), grid, block, shared_bytes, 0, nullptr},
            stream,
            kernel};
}

// nvcc's templates over kernel pointers, missing from the toolkit's headers on a plain host compiler.
template <class... P>
cudaError_t cudaFuncSetAttribute(void (*kernel)(P...), enum cudaFuncAttribute attribute, int value) {
    return ::cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel), attribute, value);
}
template <class... P>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void (*kernel)(P...), int threads,
                                                          size_t shared_bytes) {
    return ::cudaOccupancyMaxActiveBlocksPerMultiprocessor(blocks, reinterpret_cast<const void *>(kernel), threads,
                                                           shared_bytes);
}

#include "dev/cuda_on_cpu/intrinsics.h"
#include "dev/cuda_on_cpu/warp.h"
#include "dev/cuda_on_cpu/atomics.h"
#endif
