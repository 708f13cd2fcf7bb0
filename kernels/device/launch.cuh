// Optional (CUDA): every .cu file includes it. Launches, error checks, 128-bit memory access, reductions.
//
//   LAUNCH((my_kernel<256, true>), grid, block, shared_bytes, stream)(args...);
//
// Under nvcc this is plain CUDA. Under dev/cuda_on_cpu the same kernels run on the host: only the three macros below
// differ, and no .cu file may ask which of the two it is. Rules for kernels: blocks of whole warps; every lane that a
// mask names takes part; no lane returns before a later barrier or shuffle; 16-byte access by load128 and store128
// only; inline PTX in ptx.cuh only. Packed128 has its name and its idea from llm.c.
#ifndef KERNELS_DEVICE_LAUNCH_CUH
#define KERNELS_DEVICE_LAUNCH_CUH
#include "base/check.h"
#include <cuda_runtime.h>
#include <cuda_bf16.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAUNCH_NAME(...) __VA_ARGS__ // removes the parentheses from a kernel's name, which may contain commas

#ifdef CUDA_ON_CPU
#define LAUNCH(kernel, grid, block, shared_bytes, stream)                                                              \
    sim_launcher(LAUNCH_NAME kernel, #kernel, grid, block, shared_bytes, stream, __FILE__, __LINE__)
#define DYN_SHARED(type, name)   type *name = static_cast<type *>(sim_dynamic_shared())
#define CHECK_ALIGNED16(address) sim_check_aligned(address, 16)
#else
#define LAUNCH(kernel, grid, block, shared_bytes, stream) LAUNCH_NAME kernel<<<grid, block, shared_bytes, stream>>>
#define DYN_SHARED(type, name)                                                                                         \
    extern __shared__ __align__(128) unsigned char dyn_shared_bytes[];                                                 \
    type *name = reinterpret_cast<type *>(dyn_shared_bytes)
#define CHECK_ALIGNED16(address) ((void)0)
#endif

#define DEVICE_INLINE static __device__ __forceinline__

// Always on. On an error it prints file:line, the call, CUDA's name and text, and what to do, and exits with status 1.
#define CUDA_CHECK(call) cuda_check((call), #call, __FILE__, __LINE__)
static inline void cuda_check(cudaError_t error, const char *call, const char *file, int line) {
    if (error == cudaSuccess) return;
    const char *action = "an earlier asynchronous call may be the cause: run again with CUDA_LAUNCH_BLOCKING=1";
    if (error == cudaErrorMemoryAllocation) action = "use smaller micro-batches or a smaller KV cache, or free the GPU";
    if (error == cudaErrorNoDevice || error == cudaErrorInsufficientDriver)
        action = "look at nvidia-smi: a GPU and a driver as new as the toolkit are needed; `make` builds the C version";
    if (error == cudaErrorNoKernelImageForDevice || error == cudaErrorUnsupportedPtxVersion)
        action = "built for other GPUs, or by a toolkit newer than the driver: `make cuda CUDA_ARCH=90` for sm_90";
    if (error == cudaErrorInvalidConfiguration || error == cudaErrorInvalidValue)
        action = "print the sizes of this call: a zero, a negative or an oversized one is refused";
    if (error == cudaErrorIllegalAddress || error == cudaErrorLaunchFailure || error == cudaErrorMisalignedAddress)
        action = "a kernel touched memory it may not: run its test on the CPU harness (sim-asan) or compute-sanitizer";
    fprintf(stderr, "%s:%d: %s: %s (%s); %s\n", file, line, call, cudaGetErrorName(error), cudaGetErrorString(error),
            action);
    end_process();
}

template <class A, class B> __host__ __device__ constexpr auto ceil_div(A a, B b) { return (a + b - 1) / b; }

// A kernel is written for floatX and computes in fp32 in both precisions.
template <class T> DEVICE_INLINE float to_float(T x) { return float(x); }
template <class T> DEVICE_INLINE T from_float(float x) { return static_cast<T>(x); } // to nearest, ties to even

// ---- 16 bytes at once: 4 floats or 8 bf16. The address must be a multiple of 16 (the harness checks). --------
template <class T> struct alignas(16) Packed128 {
    static constexpr int size = 16 / sizeof(T);
    T value[size];
    __device__ __forceinline__ T &operator[](int i) { return value[i]; }
    __device__ __forceinline__ const T &operator[](int i) const { return value[i]; }
};

template <class T> DEVICE_INLINE Packed128<T> unpack128(int4 bits) {
    Packed128<T> packed;
    memcpy(&packed, &bits, sizeof bits);
    return packed;
}
template <class T> DEVICE_INLINE Packed128<T> load128(const T *from) {
    CHECK_ALIGNED16(from);
    return unpack128<T>(*reinterpret_cast<const int4 *>(from));
}
template <class T> DEVICE_INLINE void store128(T *to, const Packed128<T> &packed) {
    CHECK_ALIGNED16(to);
    int4 bits;
    memcpy(&bits, &packed, sizeof bits);
    *reinterpret_cast<int4 *>(to) = bits;
}

// ---- Reductions. Every lane gets the result. A sum is a fixed tree: the same bits in every run. ---------------------
DEVICE_INLINE float warp_sum(float value) {
    for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, offset);
    return value;
}
DEVICE_INLINE float warp_max(float value) {
    for (int offset = 16; offset > 0; offset /= 2) value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, offset));
    return value;
}

// Over all threads of a one-dimensional block of whole warps; all must call. After the last barrier `partial` is free.
template <float (*warp_reduce)(float)> DEVICE_INLINE float block_reduce(float value, float nothing) {
    __shared__ float partial[32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    value = warp_reduce(value);
    if (lane == 0) partial[warp] = value;
    __syncthreads();
    value = warp_reduce(lane < warps ? partial[lane] : nothing);
    __syncthreads();
    return value;
}
DEVICE_INLINE float block_sum(float value) { return block_reduce<warp_sum>(value, 0.0f); }
DEVICE_INLINE float block_max(float value) { return block_reduce<warp_max>(value, -INFINITY); }

#endif
