// What all tests of kernels share. The same sources link against the C twins and the CUDA twins, in fp32 and in bf16,
// so a test accesses device memory through device.h only and takes every tolerance from compare.h.
#ifndef TESTS_KERNELS_KERNEL_TEST_H
#define TESTS_KERNELS_KERNEL_TEST_H
#include "kernels/device/device.h"
#include "tests/kernels/compare.h"
#include <string.h>

// A device buffer lies between two guards, which must be intact when the test closes. Guards and fresh memory are bytes
// of 0xff, a NaN in either precision, so a value read before it is written, or beyond the end, passes no comparison.
enum { GUARD = 128, BUFFERS_MAX = 64 };
typedef struct KernelTest {
    Device *dev;
    char *device[BUFFERS_MAX];
    size_t bytes[BUFFERS_MAX];
    void *host[BUFFERS_MAX];
    int n_device, n_host;
} KernelTest;

static inline KernelTest test_open_threads(int threads) {
    Error err = {""};
    KernelTest t = {.dev = device_open(threads, 0, &err)};
    if (!t.dev) fail_msg("no device: %s", err.text);
    return t;
}
static inline KernelTest test_open(void) { return test_open_threads(2); }

static inline void *host_array(KernelTest *t, size_t count, size_t size) {
    assert_true(t->n_host < BUFFERS_MAX);
    void *memory = t->host[t->n_host++] = calloc(count ? count : 1, size);
    assert_non_null(memory);
    return memory;
}
static inline void host_release(KernelTest *t, int mark) { // all host arrays taken since n_host was `mark`
    while (t->n_host > mark) free(t->host[--t->n_host]);
}
#define HOST(t, type, count) ((type *)host_array(t, (size_t)(count), sizeof(type)))

static inline void *device_array(KernelTest *t, size_t bytes) {
    assert_true(t->n_device < BUFFERS_MAX);
    char *fill = malloc(bytes + 2 * GUARD), *memory = device_alloc(t->dev, bytes + 2 * GUARD);
    assert_non_null(fill);
    memset(fill, 0xff, bytes + 2 * GUARD);
    device_upload(t->dev, memory, fill, bytes + 2 * GUARD);
    free(fill);
    t->device[t->n_device] = memory;
    t->bytes[t->n_device++] = bytes;
    return memory + GUARD;
}
#define DEVICE(t, type, count) ((type *)device_array(t, (size_t)(count) * sizeof(type)))

static inline bool guards_whole(KernelTest *t) {
    unsigned char guard[GUARD];
    for (int i = 0; i < t->n_device; i++)
        for (int side = 0; side < 2; side++) {
            device_download(t->dev, guard, t->device[i] + (side ? GUARD + t->bytes[i] : 0), GUARD);
            for (int k = 0; k < GUARD; k++)
                if (guard[k] != 0xff) return false;
        }
    return true;
}

// Where the GPU is played on a CPU (dev/cuda_on_cpu) a launch takes milliseconds: repetitions are fewer there.
static inline bool is_slow(const KernelTest *t) { return strstr(device_name(t->dev), "CUDA on CPU") != NULL; }

static inline void test_close(KernelTest *t) {
    if (!guards_whole(t)) fail_msg("a kernel wrote outside of its buffers");
    for (int i = 0; i < t->n_device; i++) device_free(t->dev, t->device[i]);
    for (int i = 0; i < t->n_host; i++) free(t->host[i]);
    device_close(t->dev);
}

// Copies n elements of a host array to the device.
static inline void *upload(KernelTest *t, const void *h, size_t n, size_t size) {
    void *memory = device_array(t, n * size);
    device_upload(t->dev, memory, h, n * size);
    return memory;
}
#define UPLOAD(t, h, count) upload(t, h, (size_t)(count), sizeof *(h))

// The same as floatX. h is written with the values as rounded, so that the reference starts from what the kernel reads.
static inline floatX *upload_rounded(KernelTest *t, float *h, size_t n) {
    floatX *memory = DEVICE(t, floatX, n);
    device_upload_floats(t->dev, memory, h, n);
    device_download_floats(t->dev, h, memory, n);
    return memory;
}

static inline void *download(KernelTest *t, const void *memory, size_t n, size_t size) {
    void *h = host_array(t, n, size);
    device_download(t->dev, h, memory, n * size);
    return h;
}
#define DOWNLOAD(t, memory, count) ((__typeof__(*(memory)) *)download(t, memory, (size_t)(count), sizeof *(memory)))

static inline float *download_floats(KernelTest *t, const floatX *memory, size_t n) {
    float *h = HOST(t, float, n);
    device_download_floats(t->dev, h, memory, n);
    return h;
}

static inline float *random_floats(KernelTest *t, size_t n, uint32_t stream, double scale) {
    float *h = HOST(t, float, n);
    for (size_t i = 0; i < n; i++) h[i] = (float)(scale * random_at(stream, i));
    return h;
}

static inline void check_floatX(KernelTest *t, const char *what, const floatX *got, const Sum *want, size_t n,
                                double terms, int inner) {
    check_values(what, download_floats(t, got, n), want, n, terms, inner, unit_floatX());
}

static inline void check_fp32(KernelTest *t, const char *what, const float *got, const Sum *want, size_t n,
                              double terms, int inner) {
    check_values(what, DOWNLOAD(t, got, n), want, n, terms, inner, UNIT_FP32);
}

#endif
