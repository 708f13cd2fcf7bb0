// Where memory lives and what a "device" is: the host in the C build, one GPU in the CUDA build.
// Everything above kernels/ holds a Device * and device pointers, and never looks behind either.
//
// floatX is the type of weights and activations: float in the C build and in PRECISION=fp32, bfloat16 otherwise.
// Code above kernels/ only does pointer arithmetic on floatX; it never reads one.
#ifndef KERNELS_DEVICE_DEVICE_H
#define KERNELS_DEVICE_DEVICE_H
#include <stdbool.h>
#include <stddef.h>
#include "base/check.h"

#if !defined(PRECISION_BF16)
typedef float floatX;
#elif defined(__cplusplus)
#include <cuda_bf16.h>
typedef __nv_bfloat16 floatX;
#else
typedef struct {
    unsigned short bits;
} floatX;
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Device Device; // opaque: threads (C) or stream, handles and workspace (CUDA)

// Opens the device of this process. threads: OpenMP threads of the C build, 0 = all cores; ordinal: which GPU of the
// CUDA build. Returns NULL with the reason in err (no GPU, driver too old, ...).
Device *device_open(int threads, int ordinal, Error *err);
void device_close(Device *dev);
const char *device_name(const Device *dev);   // for the start-up table; owned by dev
int device_threads(const Device *dev);        // threads of the C build; 1 in the CUDA build
void device_set_invariant(Device *dev, bool on); // CUDA build: no bit of a token depends on its batch (slower); C build: always so
size_t device_memory_free(const Device *dev); // bytes that device_alloc can still give, as far as can be known

void *device_alloc(Device *dev, size_t bytes); // 128-byte aligned, NOT cleared; exits with a message if there is none
void device_free(Device *dev, void *memory);
void device_upload(Device *dev, void *to, const void *h_from, size_t bytes);   // host to device, done on return
void device_download(Device *dev, void *h_to, const void *from, size_t bytes); // device to host, done on return
void device_copy(Device *dev, void *to, const void *from, size_t bytes);       // within the device; no overlap
void device_zero(Device *dev, void *memory, size_t bytes);
void device_sync(Device *dev); // all work given to the device so far is done
void device_profile(Device *dev, bool on); // a profiler that waits for it records from on to off; C build: a line that says no

// Weights between files (fp32) and the device (floatX, rounded to nearest even). n values; the host side is fp32.
void device_upload_floats(Device *dev, floatX *to, const float *h_from, size_t n);
void device_download_floats(Device *dev, float *h_to, const floatX *from, size_t n);

#ifdef __cplusplus
}
#endif
#endif
