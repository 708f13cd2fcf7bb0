// What lets the C and the CUDA twin of an op share a header: C linkage in both, and functions that both compile.
#ifndef KERNELS_TWIN_H
#define KERNELS_TWIN_H

#ifdef __cplusplus
#define EXTERN_C_BEGIN extern "C" {
#define EXTERN_C_END   }
#else
#define EXTERN_C_BEGIN
#define EXTERN_C_END
#endif

#ifdef __CUDACC__
#define TWIN_INLINE static inline __host__ __device__
#else
#define TWIN_INLINE static inline
#endif

#define UNUSED __attribute__((unused)) // an argument that only the other twin uses
#endif
