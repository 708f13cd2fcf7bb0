// host only: exp and log of the C build. libm picks a variant per CPU; these have the same bits on every CPU and in
// every loop, vectorised or not. exp spells every multiply-add as mul_add: the compiler has no choice; log rounds once.
#ifndef KERNELS_EXP_LOG_H
#define KERNELS_EXP_LOG_H
#include <stdint.h>
#include <string.h>

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
static inline float mul_add(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#else
static inline float mul_add(float a, float b, float c) { return a * b + c; }
#endif

static inline float bits_to_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static inline uint32_t float_to_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

// e^x, with an error below 1.5 units in the last place (tests/kernels/test_exp_log.c). x = n ln2 + r with |r| <= ln2/2;
// e^r is its Taylor series to r^7 (relative remainder 4e-9), and 2^n goes into the exponent bits. Below -87 the result
// is exactly 0, so a masked score of -inf has weight 0; above 88 it is +inf. NaN gives NaN.
static inline float exp_f32(float x) {
    const float round_shift = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer, held in the low mantissa bits
    float shifted = mul_add(x, 1.44269504f, round_shift);
    float n = shifted - round_shift;
    float r = mul_add(n, -0.693145752f, x); // ln2 in two parts; the first has few bits, so n * part is exact
    r = mul_add(n, -1.42860677e-6f, r);
    float p = 1.98412698e-4f;
    p = mul_add(p, r, 1.38888889e-3f);
    p = mul_add(p, r, 8.33333333e-3f);
    p = mul_add(p, r, 4.16666667e-2f);
    p = mul_add(p, r, 1.66666667e-1f);
    p = mul_add(p, r, 0.5f);
    p = mul_add(p, r, 1.0f);
    p = mul_add(p, r, 1.0f);
    float scale = bits_to_float((float_to_bits(shifted) - float_to_bits(round_shift) + 127u) << 23);
    float y = p * scale;
    y = x < -87.0f ? 0.0f : y;
    return x > 88.0f ? __builtin_inff() : y;
}

// ln x for finite x > 0: x = m 2^e with m in [sqrt(1/2), sqrt 2), and ln m = 2 artanh(s), s = (m-1)/(m+1), by its
// series to s^15 (remainder below 1e-13). Basic arithmetic in double, rounded once to float. NaN and inf give NaN.
static inline float log_f32(float x) {
    uint32_t bits = float_to_bits(x);
    int e = 0;
    if (bits < 0x00800000u) { // subnormal
        bits = float_to_bits(x * 8388608.0f);
        e = -23;
    }
    uint32_t above_sqrt_half = bits - 0x3f3504f3u;
    e += (int32_t)above_sqrt_half >> 23;
    double m = (double)bits_to_float((above_sqrt_half & 0x007fffffu) + 0x3f3504f3u);
    double s = (m - 1.0) / (m + 1.0), z = s * s;
    double tail = 1.0 / 9 + z * (1.0 / 11 + z * (1.0 / 13 + z / 15));
    double series = 1.0 + z * (1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * tail)));
    return (float)(e * 0.69314718055994530942 + 2.0 * s * series) + (x - x);
}

#endif
