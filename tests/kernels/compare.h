// How a test of a kernel compares. The test computes the op in double, as the formula reads, and passes Sums: a value,
// and the sum of the magnitudes of its terms, which is the scale of its rounding errors. `allowed` bounds those errors.
#ifndef TESTS_KERNELS_COMPARE_H
#define TESTS_KERNELS_COMPARE_H
#include "kernels/device/device.h"
#include "kernels/philox.h"
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

// uniform in [-1, 1), a function of (stream, i)
static inline double random_at(uint32_t stream, size_t i) {
    return 2.0 * philox_uniform(philox(20260, stream, 0, (uint32_t)i, (uint32_t)(i >> 32)).word[0]) - 1.0;
}

typedef struct Sum {
    double value, magnitude; // of the terms added
} Sum;

static inline void sum_add(Sum *s, double term) {
    s->value += term;
    s->magnitude += fabs(term);
}

// The unit roundoff of the two types, half a unit in the last place of 1: bf16 has 8 significant bits, fp32 24.
static const double UNIT_FP32 = 0x1p-24;
static inline double unit_floatX(void) { return sizeof(floatX) == 2 ? 0x1p-8 : 0x1p-24; }

// The largest allowed error of a Sum's value. The error of a chain of `terms` rounded fp32 operations on values of the
// given magnitude is at most lambda sqrt(terms) u magnitude with probability 1 - 2 exp(-lambda^2 / 2) (Higham and Mary,
// SIAM J. Sci. Comput. 41, 2019); lambda = 6 leaves 3e-8. `inner` intermediate values may be stored in floatX, and each
// such rounding may affect a whole term. The result is rounded to its own type, of unit `unit`; 1e-30 allows underflow.
static inline double allowed(Sum want, double terms, int inner, double unit) {
    return unit * fabs(want.value) + (inner * unit_floatX() + 6 * sqrt(terms) * UNIT_FP32) * want.magnitude + 1e-30;
}

static inline bool near(double got, double want, double tolerance) { return fabs(got - want) <= tolerance; }

// The first of n values that is not what it should be; n where all are.
static inline size_t first_wrong(const float *got, const Sum *want, size_t n, double terms, int inner, double unit) {
    for (size_t i = 0; i < n; i++)
        if (!near(got[i], want[i].value, allowed(want[i], terms, inner, unit))) return i;
    return n;
}

static inline void check_values(const char *what, const float *got, const Sum *want, size_t n, double terms, int inner,
                                double unit) {
    size_t i = first_wrong(got, want, n, terms, inner, unit);
    if (i < n)
        fail_msg("%s [%zu] is %.9g, want %.9g within %.3g", what, i, got[i], want[i].value,
                 allowed(want[i], terms, inner, unit));
}

// ---- Finite differences of a double-precision reference -------------------------------------------------------------
// Central, with step h = 1e-5: the error is h^2/6 |f'''| + 2^-52 |f| / h = 2e-11 (|f'''| + |f|). In the references both
// are below 1e3.
typedef double (*Scalar)(const double *x, void *context);

static inline size_t first_wrong_slope(Scalar f, void *context, double *x, const double *dx, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double keep = x[i], h = 1e-5;
        x[i] = keep + h;
        double up = f(x, context);
        x[i] = keep - h;
        double slope = (up - f(x, context)) / (2 * h);
        x[i] = keep;
        if (!near(dx[i], slope, 4e-8 * (1 + fabs(slope)))) return i;
    }
    return n;
}

static inline void check_slopes(const char *what, Scalar f, void *context, double *x, const double *dx, size_t n) {
    size_t i = first_wrong_slope(f, context, x, dx, n);
    if (i < n) fail_msg("%s: the reference's derivative [%zu] is %.9g, not the finite difference", what, i, dx[i]);
}

#endif
