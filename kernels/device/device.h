// The device that computes, and its memory: the host in the C build, one GPU in the CUDA build; the linker selects.
// Code above kernels/ is device-agnostic: it passes a Device * and device pointers on and dereferences neither.
//
// floatX is the type of weights and activations: float in the C build and with PRECISION=fp32, bfloat16 otherwise. Code
// above kernels/ only does pointer arithmetic on it.
#ifndef KERNELS_DEVICE_DEVICE_H
#define KERNELS_DEVICE_DEVICE_H
#include <stdbool.h>
#include <stddef.h>
#include "base/check.h"
#include "kernels/twin.h"

#if !defined(PRECISION_BF16)
typedef float floatX;
#elif defined(__cplusplus)
#include <cuda_bf16.h>
typedef __nv_bfloat16 floatX;
#else
typedef struct { unsigned short bits; } floatX;
#endif
EXTERN_C_BEGIN

typedef struct Device Device; // device_threads.h (C): threads; device_cuda.cuh (CUDA): stream, handles, workspace

// Opens the device of this process. threads: OpenMP threads of the C build, 0 = all cores; ordinal: which GPU the CUDA
// build opens. Returns NULL with the reason in err (no GPU, driver too old, ...).
Device *device_open(int threads, int ordinal, Error *err);
void device_close(Device *dev);
const char *device_name(const Device *dev);   // for the start-up table; owned by dev
int device_threads(const Device *dev);        // threads of the C build; 1 in the CUDA build
size_t device_memory_free(const Device *dev); // bytes that device_alloc can still provide, an estimate
// CUDA build: with `on`, no bit of a token depends on the other tokens of its batch (slower). C build: always so.
void device_set_invariant(Device *dev, bool on);

void *device_alloc(Device *dev, size_t bytes); // 128-byte aligned, NOT cleared; exits with a message if it fails
void device_free(Device *dev, void *memory);
void device_upload(Device *dev, void *to, const void *h_from, size_t bytes);   // host to device, done on return
void device_download(Device *dev, void *h_to, const void *from, size_t bytes); // device to host, done on return
void device_copy(Device *dev, void *to, const void *from, size_t bytes);       // within the device; no overlap
void device_zero(Device *dev, void *memory, size_t bytes);
void device_sync(Device *dev);             // waits until all work given to the device so far is done
void device_profile(Device *dev, bool on); // starts and stops a profiler that waits for this; C build: a message only

// Copy n values between fp32 on the host and floatX on the device, rounded to nearest even. Done on return.
void device_upload_floats(Device *dev, floatX *to, const float *h_from, size_t n);
void device_download_floats(Device *dev, float *h_to, const floatX *from, size_t n);
EXTERN_C_END
#endif
