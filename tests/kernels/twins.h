// Every CUDA twin against its C twin, on the same inputs at odd shapes. The C twins are in a shared object,
// build/cpu/twins.so (dev/cuda_on_cpu/sim.mk) or the file that TWINS_SO names; dlopen with RTLD_LOCAL keeps their
// symbols apart. They compute in fp32 from inputs rounded to floatX, so in bf16 the difference is the effect of storing
// in bf16.
//
// Each side may have the error `allowed` (compare.h): rounding errors of a sum of `terms` terms, whose scale is the
// largest value of the output unless a case gives another. `inner` counts the intermediate values that the CUDA twin
// stores in floatX. Values that are only moved or counted must be equal.
#ifndef TESTS_KERNELS_TWINS_H
#define TESTS_KERNELS_TWINS_H
#include "tests/kernels/kernel_test.h"
#include <dlfcn.h>

typedef struct Twins {
    KernelTest t;
    void *handle;
    Device *c; // the C twins' device: its memory is the host's
} Twins;

static inline void *c_symbol(Twins *w, const char *name) {
    void *symbol = dlsym(w->handle, name);
    if (!symbol) fail_msg("twins.so has no %s", name);
    return symbol;
}
#define C(name) ((__typeof__(&name))c_symbol(w, #name))

static inline void open_twins(Twins *w) {
    const char *named = getenv("TWINS_SO"), *path = named ? named : "build/cpu/twins.so";
    *w = (Twins){.t = test_open(), .handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)};
    if (!w->handle) fail_msg("%s: make build/cpu/twins.so", dlerror());
    if (c_symbol(w, "device_open") == (void *)device_open) fail_msg("these are the C twins themselves");
    w->c = C(device_open)(1, 0, NULL);
}

static inline void close_twins(Twins *w) {
    test_close(&w->t);
    C(device_close)(w->c);
}

static inline double largest(const float *x, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
    return most;
}

static inline void agree(Twins *w, const char *what, const float *got, const float *c_want, size_t n, double scale,
                         double terms, int inner, double unit) {
    Sum *want = HOST(&w->t, Sum, n);
    if (!(scale > 0)) scale = largest(c_want, n);
    for (size_t i = 0; i < n; i++) want[i] = (Sum){c_want[i], scale};
    check_values(what, got, want, n, 2 * terms, inner, unit);
}
static inline void agree_floatX(Twins *w, const char *what, const floatX *got, const float *want, size_t n,
                                double scale, double terms, int inner) {
    agree(w, what, download_floats(&w->t, got, n), want, n, scale, terms, inner, unit_floatX());
}
static inline void agree_fp32(Twins *w, const char *what, const float *got, const float *want, size_t n, double scale,
                              double terms) {
    agree(w, what, DOWNLOAD(&w->t, got, n), want, n, scale, terms, 0, UNIT_FP32);
}

// A random input on both sides: h on the host, *d on the device.
static inline float *input(Twins *w, floatX **d, size_t n, uint32_t stream, double scale) {
    float *h = random_floats(&w->t, n, stream, scale);
    *d = upload_rounded(&w->t, h, n);
    return h;
}
#define IN(n, stream, scale, d) floatX *d; float *h_##d = input(w, &d, (size_t)(n), stream, scale)
#define OUT(n, d) floatX *d = DEVICE(&w->t, floatX, n); float *h_##d = HOST(&w->t, float, n)
#define SUM(n, stream, d)                                                                                              \
    float *h_##d = random_floats(&w->t, (size_t)(n), stream, 1), *d = UPLOAD(&w->t, h_##d, n) // fp32, accumulated into
#define X(h) ((void *)(h)) // the C twins' floatX is float
static inline Device *dev_of(Twins *w) { return w->t.dev; }

static inline int *random_ids(Twins *w, int **d, int n, int V, uint32_t stream) {
    int *h = HOST(&w->t, int, n);
    for (int i = 0; i < n; i++) h[i] = (int)((random_at(stream, i) + 1) * 0.499999 * V);
    *d = UPLOAD(&w->t, h, n);
    return h;
}

// Opens both sides, makes the call, which finds them in w, and closes them.
#define TWINS(call)                                                                                                    \
    do {                                                                                                               \
        Twins opened, *w = &opened;                                                                                    \
        open_twins(w);                                                                                                 \
        call;                                                                                                          \
        close_twins(w);                                                                                                \
    } while (0)

#endif
