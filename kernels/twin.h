// TWIN_INLINE marks a function that the C and the CUDA twin of an op share: nvcc compiles it for the device too.
#ifndef KERNELS_TWIN_H
#define KERNELS_TWIN_H

#ifdef __CUDACC__
#define TWIN_INLINE static inline __host__ __device__
#else
#define TWIN_INLINE static inline
#endif

#endif
