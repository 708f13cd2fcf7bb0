// ptx.cuh: a matrix product by cp.async, ldmatrix and mma against plain loops, for sizes that are not multiples of a
// tile. On a GPU the same program checks what the harness cannot: that the layouts in ptx.cuh are the hardware's.
#include "kernels/device/ptx.cuh" // before cmocka, whose `fail` is a macro
extern "C" {
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
}

enum {
    TILE_M = 16,
    TILE_N = 16,
    TILE_K = 16,
    ROW = TILE_K + 8
}; // a row of 48 bytes keeps ldmatrix free of bank conflicts

// A tile of 16 rows of 16 values: lane l copies half of row l / 2. What lies beyond `rows` or beyond K (K % 8 == 0, so
// a copy is whole or absent) becomes 0.
static __device__ void load_tile(__nv_bfloat16 (*tile)[ROW], const __nv_bfloat16 *from, int row0, int rows, int k0,
                                 int K) {
    int row = threadIdx.x / 2, k = k0 + 8 * (threadIdx.x % 2);
    bool inside = row0 + row < rows && k < K;
    cp_async_16(&tile[row][8 * (threadIdx.x % 2)], inside ? from + static_cast<size_t>(row0 + row) * K + k : from,
                inside ? 16 : 0);
}

// y (M, N) = a (M, K) b^T with b (N, K), or with b (K, N) if transposed_b (then N % 8 == 0). K % 8 == 0. One warp, one
// 16 x 16 tile a block, two buffers: the copy of the next tile runs under the products of this one.
template <bool transposed_b>
static __global__ void product_kernel(float *y, const __nv_bfloat16 *a, const __nv_bfloat16 *b, int M, int N, int K) {
    __shared__ __align__(16) __nv_bfloat16 tile_a[2][TILE_M][ROW], tile_b[2][TILE_N][ROW];
    int m0 = blockIdx.y * TILE_M, n0 = blockIdx.x * TILE_N, lane = threadIdx.x;
    float d[2][4] = {};
    auto start = [&](int buffer, int k0) {
        load_tile(tile_a[buffer], a, m0, M, k0, K);
        if (transposed_b)
            load_tile(tile_b[buffer], b, k0, K, n0, N);
        else
            load_tile(tile_b[buffer], b, n0, N, k0, K);
        cp_async_commit();
    };
    start(0, 0);
    for (int k0 = 0, buffer = 0; k0 < K; k0 += TILE_K, buffer ^= 1) {
        if (k0 + TILE_K < K) {
            start(buffer ^ 1, k0 + TILE_K);
            cp_async_wait<1>();
        } else {
            cp_async_wait<0>();
        }
        __syncwarp();
        unsigned fa[4], fb[4];
        ldmatrix_x4(fa, &tile_a[buffer][lane % 16][8 * (lane / 16)]);
        if (transposed_b)
            ldmatrix_x4_trans(fb, &tile_b[buffer][lane % 16][8 * (lane / 16)]);
        else
            ldmatrix_x4(fb, &tile_b[buffer][lane % 8 + 8 * (lane / 16)][8 * (lane / 8 % 2)]);
        mma_m16n8k16(d[0], fa, fb[0], fb[1]);
        mma_m16n8k16(d[1], fa, fb[2], fb[3]);
        __syncwarp(); // the next copy overwrites this buffer
    }
    for (int j = 0; j < 2; j++)
        for (int i = 0; i < 4; i++) {
            int m = m0 + lane / 4 + 8 * (i / 2), n = n0 + 8 * j + 2 * (lane % 4) + i % 2;
            if (m < M && n < N) y[static_cast<size_t>(m) * N + n] = d[j][i];
        }
}

// pack_bf16, by one product of 16 x 16 with 16 x 8: of the two B that ldmatrix_x4 gives, the first.
static __global__ void pack_kernel(float *y, const __nv_bfloat16 *a, const __nv_bfloat16 *b, int transposed_b) {
    __shared__ __align__(16) __nv_bfloat16 tile_b[TILE_K][ROW];
    int lane = threadIdx.x, g = lane / 4, q = lane % 4;
    int columns = transposed_b ? 8 : 16;
    for (int i = lane; i < 128; i += 32) tile_b[i / columns][i % columns] = b[i];
    __syncwarp();
    unsigned fa[4], fb[4];
    for (int i = 0; i < 4; i++) {
        const __nv_bfloat16 *pair = a + 16 * (g + 8 * (i % 2)) + 2 * q + 8 * (i / 2);
        fa[i] = pack_bf16(to_float(pair[0]), to_float(pair[1]));
    }
    if (transposed_b)
        ldmatrix_x4_trans(fb, &tile_b[lane % 16][0]);
    else
        ldmatrix_x4(fb, &tile_b[lane % 8][8 * (lane / 8 % 2)]);
    float d[4] = {1, 1, 1, 1};
    mma_m16n8k16(d, fa, fb[0], fb[1]);
    for (int i = 0; i < 4; i++) y[8 * (g + 8 * (i / 2)) + 2 * q + i % 2] = d[i];
}

static __nv_bfloat16 value(int i) { return __float2bfloat16_rn(static_cast<float>(i * 7919 % 31 - 15) / 8); }

static __nv_bfloat16 *upload(const __nv_bfloat16 *h_x, size_t n) {
    __nv_bfloat16 *x;
    CUDA_CHECK(cudaMalloc(&x, n * sizeof *x));
    CUDA_CHECK(cudaMemcpy(x, h_x, n * sizeof *x, cudaMemcpyHostToDevice));
    return x;
}

// Products of multiples of 1/64 below 4 and their sums are exact in fp32: the answer has one value in any order.
static void check(const float *y, const __nv_bfloat16 *a, const __nv_bfloat16 *b, int M, int N, int K,
                  bool transposed_b, double start) {
    for (int m = 0; m < M; m++)
        for (int n = 0; n < N; n++) {
            double want = start;
            for (int k = 0; k < K; k++)
                want += static_cast<double>(__bfloat162float(a[m * K + k])) *
                        __bfloat162float(transposed_b ? b[k * N + n] : b[n * K + k]);
            if (!(fabs(y[m * N + n] - want) <= 1e-6))
                fail_msg("(%d, %d) of %d x %d x %d: got %g, want %g", m, n, M, N, K, static_cast<double>(y[m * N + n]),
                         want);
        }
}

static void test_product(void **) {
    enum { MAX = 64 * 64 };
    static __nv_bfloat16 h_a[MAX], h_b[MAX];
    static float h_y[MAX];
    const int sizes[][3] = {{16, 16, 16}, {1, 8, 8}, {17, 24, 40}, {33, 8, 56}, {7, 40, 24}, {40, 33, 16}, {5, 3, 8}};
    for (int i = 0; i < MAX; i++) h_a[i] = value(i), h_b[i] = value(3 * i + 1);
    for (const int *size : sizes)
        for (int transposed_b = 0; transposed_b < (size[1] % 8 ? 1 : 2); transposed_b++) {
            int M = size[0], N = size[1], K = size[2];
            __nv_bfloat16 *a = upload(h_a, static_cast<size_t>(M) * K), *b = upload(h_b, static_cast<size_t>(N) * K);
            float *y;
            CUDA_CHECK(cudaMalloc(&y, sizeof(float) * M * N));
            dim3 grid(ceil_div(N, static_cast<int>(TILE_N)), ceil_div(M, static_cast<int>(TILE_M)));
            if (transposed_b)
                LAUNCH((product_kernel<true>), grid, 32, 0, 0)(y, a, b, M, N, K);
            else
                LAUNCH((product_kernel<false>), grid, 32, 0, 0)(y, a, b, M, N, K);
            CUDA_CHECK(cudaGetLastError());
            CUDA_CHECK(cudaMemcpy(h_y, y, sizeof(float) * M * N, cudaMemcpyDeviceToHost));
            check(h_y, h_a, h_b, M, N, K, transposed_b, 0);
            CUDA_CHECK(cudaFree(y));
            CUDA_CHECK(cudaFree(a));
            CUDA_CHECK(cudaFree(b));
        }
}

static void test_pack(void **) {
    __nv_bfloat16 h_a[256], h_b[128];
    float *y, h_y[128];
    for (int i = 0; i < 256; i++) h_a[i] = value(i), h_b[i / 2] = value(5 * i + 2);
    __nv_bfloat16 *a = upload(h_a, 256), *b = upload(h_b, 128);
    CUDA_CHECK(cudaMalloc(&y, sizeof h_y));
    for (int transposed_b = 0; transposed_b < 2; transposed_b++) {
        LAUNCH((pack_kernel), 1, 32, 0, 0)(y, a, b, transposed_b);
        CUDA_CHECK(cudaGetLastError());
        CUDA_CHECK(cudaMemcpy(h_y, y, sizeof h_y, cudaMemcpyDeviceToHost));
        check(h_y, h_a, h_b, 16, 8, 16, transposed_b, 1);
    }
    CUDA_CHECK(cudaFree(y));
    CUDA_CHECK(cudaFree(a));
    CUDA_CHECK(cudaFree(b));
}

// A copy of fewer than 16 bytes leaves zeros behind it.
static __global__ void zero_fill_kernel(int *y, const int *x) {
    __shared__ __align__(16) int tile[32 * 4];
    int valid = threadIdx.x % 5 * 4;
    cp_async_16(&tile[4 * threadIdx.x], x + 4 * threadIdx.x, valid);
    cp_async_commit();
    cp_async_wait<0>();
    __syncwarp();
    for (int i = 0; i < 4; i++) y[4 * threadIdx.x + i] = tile[4 * threadIdx.x + i];
}

static void test_zero_fill(void **) {
    int h_x[128], h_y[128], *x, *y;
    for (int i = 0; i < 128; i++) h_x[i] = i + 1;
    CUDA_CHECK(cudaMalloc(&x, sizeof h_x));
    CUDA_CHECK(cudaMalloc(&y, sizeof h_y));
    CUDA_CHECK(cudaMemcpy(x, h_x, sizeof h_x, cudaMemcpyHostToDevice));
    LAUNCH((zero_fill_kernel), 1, 32, 0, 0)(y, x);
    CUDA_CHECK(cudaGetLastError());
    CUDA_CHECK(cudaMemcpy(h_y, y, sizeof h_y, cudaMemcpyDeviceToHost));
    for (int i = 0; i < 128; i++) assert_int_equal(h_y[i], i % 4 < i / 4 % 5 ? i + 1 : 0);
    CUDA_CHECK(cudaFree(x));
    CUDA_CHECK(cudaFree(y));
}

int main() {
    const CMUnitTest tests[] = {cmocka_unit_test(test_product), cmocka_unit_test(test_pack),
                                cmocka_unit_test(test_zero_fill)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
