// Optional (CUDA): loads and stores W values at once as floats. W is a template argument of a kernel, which has one
// body for both of its values: WIDE (16 bytes of floatX) where the shapes and addresses of the call allow it, else 1.
// The sum over a row rounds differently under another W; all rows of a tensor have the same W.
#ifndef KERNELS_DEVICE_VECTOR_CUH
#define KERNELS_DEVICE_VECTOR_CUH
#include "kernels/device/device_cuda.cuh"
#include <stdint.h>
#include <type_traits>

enum { WIDE = Packed128<floatX>::size };

// In bf16 an fp32 operand takes two loads of 16 bytes.
template <int W, class T> DEVICE_INLINE void load_floats(float (&x)[W], const T *from) {
    if constexpr (W == 1) {
        x[0] = to_float(*from);
    } else {
        for (int i = 0; i < W; i += Packed128<T>::size) {
            Packed128<T> packed = load128(from + i);
            for (int j = 0; j < Packed128<T>::size; j++) x[i + j] = to_float(packed[j]);
        }
    }
}

template <int W, class T> DEVICE_INLINE void store_floats(T *to, const float (&x)[W]) {
    if constexpr (W == 1) {
        *to = from_float<T>(x[0]);
    } else {
        for (int i = 0; i < W; i += Packed128<T>::size) {
            Packed128<T> packed;
            for (int j = 0; j < Packed128<T>::size; j++) packed[j] = from_float<T>(x[i + j]);
            store128(to + i, packed);
        }
    }
}

template <int W, class T> DEVICE_INLINE void copy_floats(T *to, const T *from) {
    float x[W];
    load_floats(x, from);
    store_floats(to, x);
}

template <class... Pointers> static inline bool aligned16(const Pointers *...at) {
    return ((reinterpret_cast<uintptr_t>(at) % 16 == 0) && ...);
}

template <class... Sizes> static inline bool fit_wide(Sizes... n) { return ((n % WIDE == 0) && ...); }

// Calls launch(W) with W as a constant, unless there is nothing to do, n = 0, for which CUDA refuses the empty grid:
// by_width(n, fit_wide(C) && aligned16(x, y), [&](auto W) { ... k<W> ... });
template <class Launch> static inline void by_width(size_t n, bool wide, Launch launch) {
    if (n == 0) return;
    if (wide) launch(std::integral_constant<int, WIDE>());
    else launch(std::integral_constant<int, 1>());
}

// Calls launch(HS) with HS as a constant, if attention has a kernel on tiles for it; else returns false.
template <class Launch> static inline bool by_head_size(int HS, Launch launch) {
    switch (HS) {
    case 16: launch(std::integral_constant<int, 16>()); return true;
    case 32: launch(std::integral_constant<int, 32>()); return true;
    case 64: launch(std::integral_constant<int, 64>()); return true;
    case 128: launch(std::integral_constant<int, 128>()); return true;
    default: return false;
    }
}

// The blocks of a kernel whose blocks each take `each` of n values.
static inline unsigned blocks_of(size_t n, size_t each) { return unsigned(ceil_div(n, each)); }

#endif
