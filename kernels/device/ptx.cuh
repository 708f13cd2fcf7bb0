// Optional (CUDA): the only inline PTX of the project: tensor cores (ldmatrix, mma), asynchronous copies (cp.async),
// ex2. It needs sm_80. Source of all layouts: NVIDIA, Parallel Thread Execution ISA, sections on mma.m16n8k16 (bf16),
// ldmatrix and cp.async. Each function has a second body for dev/cuda_on_cpu that computes the same from these layouts.
//
// lane = threadIdx.x % 32, g = lane / 4, q = lane % 4. A register holds two bf16, the lower index in the lower half.
//   A (16 x 16, m x k)   a[0]: row g,     k 2q, 2q+1       a[1]: row g + 8, k 2q, 2q+1
//                        a[2]: row g,     k 2q+8, 2q+9     a[3]: row g + 8, k 2q+8, 2q+9
//   B (16 x 8,  k x n)   b[0]: k 2q, 2q+1, column g        b[1]: k 2q+8, 2q+9, column g
//   D (16 x 8,  m x n)   d[0], d[1]: row g, columns 2q, 2q+1      d[2], d[3]: row g + 8, columns 2q, 2q+1
//
// All 32 lanes call ldmatrix and mma together. ldmatrix reads 8 x 8 tiles of bf16 from shared memory: lane 8 i + r
// passes the address of row r of tile i (8 values, 16-byte aligned). Register i of a lane receives elements 2q, 2q+1 of
// row g of tile i; with .trans, rows 2q and 2q+1 of column g. So, for a row-major tile:
//   * A from (m, k):  ldmatrix_x4, lane l addresses row m = l % 16, k 8 (l / 16).
//   * two neighbouring B, the first in r[0], r[1], from (n, k), a weight:  ldmatrix_x4, lane l addresses row
//     n = l % 8 + 8 (l / 16), k 8 (l / 8 % 2); from (k, n):  ldmatrix_x4_trans, row k = l % 16, n 8 (l / 16).
#ifndef KERNELS_DEVICE_PTX_CUH
#define KERNELS_DEVICE_PTX_CUH
#include "kernels/device/launch.cuh"

// Two floats as the pair of bf16 in one fragment register: `low` has the lower index. Rounds to nearest even.
DEVICE_INLINE unsigned pack_bf16(float low, float high) {
    __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    unsigned bits;
    memcpy(&bits, &pair, sizeof bits);
    return bits;
}

// Stores two neighbouring values at once.
DEVICE_INLINE void store_pair(__nv_bfloat16 *to, const float *x, float scale) {
    *reinterpret_cast<unsigned *>(to) = pack_bf16(x[0] * scale, x[1] * scale);
}
DEVICE_INLINE void store_pair(float *to, const float *x, float scale) {
    *reinterpret_cast<float2 *>(to) = make_float2(x[0] * scale, x[1] * scale);
}

#ifdef CUDA_ON_CPU
DEVICE_INLINE void ldmatrix_x4(unsigned (&r)[4], const void *row) { sim_ldmatrix(r, 4, false, row); }
DEVICE_INLINE void ldmatrix_x4_trans(unsigned (&r)[4], const void *row) { sim_ldmatrix(r, 4, true, row); }
DEVICE_INLINE void mma_m16n8k16(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    sim_mma_m16n8k16(d, a, b0, b1);
}
DEVICE_INLINE float exp2_approx(float x) { return exp2f(x); }
DEVICE_INLINE void cp_async_16(void *to, const void *from, int valid = 16) { sim_cp_async_16(to, from, valid); }
DEVICE_INLINE void cp_async_commit() { sim_cp_async_commit(); }
template <int pending> DEVICE_INLINE void cp_async_wait() { sim_cp_async_wait(pending); }
#else
DEVICE_INLINE unsigned shared_address(const void *p) { return unsigned(__cvta_generic_to_shared(p)); }

#define LDMATRIX_X4(variant, r, row)                                                                                   \
    asm volatile("ldmatrix.sync.aligned.m8n8.x4" variant ".shared.b16 {%0, %1, %2, %3}, [%4];"                         \
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])                                                      \
                 : "r"(shared_address(row))                                                                            \
                 : "memory")
DEVICE_INLINE void ldmatrix_x4(unsigned (&r)[4], const void *row) { LDMATRIX_X4("", r, row); }
DEVICE_INLINE void ldmatrix_x4_trans(unsigned (&r)[4], const void *row) { LDMATRIX_X4(".trans", r, row); }

// d += A B, bf16 products, fp32 accumulation.
DEVICE_INLINE void mma_m16n8k16(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// 2^x with a relative error of 2^-22; 0 where 2^x is below 2^-126. One instruction; exp2f needs three more for those.
DEVICE_INLINE float exp2_approx(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// Starts a copy of 16 bytes from global to shared memory, both 16-byte aligned. Only the first `valid` bytes (0..16)
// are read; the rest becomes zero. The copy is done after cp_async_wait, and other threads see it after a barrier.
DEVICE_INLINE void cp_async_16(void *to, const void *from, int valid = 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(valid)
                 : "memory");
}

// Makes one group of the copies that this thread has started since its last commit.
DEVICE_INLINE void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most the `pending` latest groups of this thread are unfinished.
template <int pending> DEVICE_INLINE void cp_async_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}
#endif
#endif
