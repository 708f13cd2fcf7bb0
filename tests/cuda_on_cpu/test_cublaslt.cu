// The harness's cublasLtMatmul against plain loops: every transposition, both orders, odd sizes, ld larger than needed,
// batches, alpha and beta, bias, both mixes of types; and what it must refuse. With nvcc and -lcublasLt the same test
// checks the library (the tolerances allow for its order of summation, and for bf16 outputs).
#include "kernels/device/launch.cuh" // before cmocka, whose `fail` is a macro
extern "C" {
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
}
#include <cublasLt.h>

enum { MAX = 1 << 15 };

typedef struct Case {
    int m, n, k, batch;
    cublasOperation_t ta, tb;
    cudaDataType_t in, out;
    float alpha, beta;
    bool bias, row_order;
    int slack; // ld beyond what is needed
} Case;

static void require_status(cublasStatus_t status) { assert_int_equal(status, CUBLAS_STATUS_SUCCESS); }

typedef struct Matrix {
    double h[MAX];
    void *data;
    cublasLtMatrixLayout_t layout;
    int ld, stride;
    bool row_order;
} Matrix;

static size_t bytes_of(cudaDataType_t type) { return type == CUDA_R_32F ? 4 : 2; }
static size_t at(const Matrix *x, int batch, int row, int col) {
    return static_cast<size_t>(batch) * x->stride +
           (x->row_order ? static_cast<size_t>(row) * x->ld + col : static_cast<size_t>(col) * x->ld + row);
}

static void matrix_create(Matrix *x, cudaDataType_t type, int rows, int cols, const Case *c, int seed) {
    static unsigned char bytes[4 * MAX];
    x->row_order = c->row_order;
    x->ld = (c->row_order ? cols : rows) + c->slack;
    x->stride = x->ld * (c->row_order ? rows : cols);
    int n = x->stride * c->batch;
    assert_true(n <= MAX);
    for (int i = 0; i < n; i++) {
        float value = static_cast<float>((i * 31 + seed * 17) % 41 - 20) / 16;
        __nv_bfloat16 half = __float2bfloat16_rn(value);
        x->h[i] = static_cast<double>(value); // a multiple of 1/16 below 2: exact in bf16 too
        memcpy(bytes + bytes_of(type) * i, type == CUDA_R_32F ? static_cast<void *>(&value) : &half, bytes_of(type));
    }
    CUDA_CHECK(cudaMalloc(&x->data, n * bytes_of(type)));
    CUDA_CHECK(cudaMemcpy(x->data, bytes, n * bytes_of(type), cudaMemcpyHostToDevice));
    require_status(cublasLtMatrixLayoutCreate(&x->layout, type, rows, cols, x->ld));
    cublasLtOrder_t order = c->row_order ? CUBLASLT_ORDER_ROW : CUBLASLT_ORDER_COL;
    int64_t stride = x->stride;
    require_status(cublasLtMatrixLayoutSetAttribute(x->layout, CUBLASLT_MATRIX_LAYOUT_ORDER, &order, sizeof order));
    require_status(
        cublasLtMatrixLayoutSetAttribute(x->layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &c->batch, sizeof c->batch));
    require_status(cublasLtMatrixLayoutSetAttribute(x->layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride,
                                                    sizeof stride));
}

static void matrix_destroy(Matrix *x) {
    require_status(cublasLtMatrixLayoutDestroy(x->layout));
    CUDA_CHECK(cudaFree(x->data));
}

static void compare(const Case *c, const Matrix *a, const Matrix *b, const Matrix *d, const Matrix *bias) {
    static unsigned char bytes[4 * MAX];
    size_t size = bytes_of(c->out);
    CUDA_CHECK(cudaMemcpy(bytes, d->data, size * d->stride * c->batch, cudaMemcpyDeviceToHost));
    for (int batch = 0; batch < c->batch; batch++)
        for (int m = 0; m < c->m; m++)
            for (int n = 0; n < c->n; n++) {
                double want = 0, got;
                for (int k = 0; k < c->k; k++)
                    want += (c->ta ? a->h[at(a, batch, k, m)] : a->h[at(a, batch, m, k)]) *
                            (c->tb ? b->h[at(b, batch, n, k)] : b->h[at(b, batch, k, n)]);
                want = static_cast<double>(c->alpha) * want + static_cast<double>(c->beta) * d->h[at(d, batch, m, n)] +
                       (c->bias ? bias->h[m] : 0);
                const unsigned char *from = bytes + size * at(d, batch, m, n);
                float wide;
                __nv_bfloat16 half;
                memcpy(&wide, from, 4);
                memcpy(&half, from, 2);
                got = static_cast<double>(c->out == CUDA_R_32F ? wide : __bfloat162float(half));
                double tolerance = c->out == CUDA_R_32F ? 1e-5 : 1.0 / 256;
                if (!(fabs(got - want) <= tolerance + tolerance * fabs(want)))
                    fail_msg("(%d, %d) of batch %d, %d x %d x %d: got %g, want %g", m, n, batch, c->m, c->n, c->k, got,
                             want);
            }
}

static cublasLtMatmulDesc_t describe(const Case *c, const Matrix *bias) {
    cublasLtMatmulDesc_t desc;
    require_status(cublasLtMatmulDescCreate(&desc, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    require_status(cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_TRANSA, &c->ta, sizeof c->ta));
    require_status(cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_TRANSB, &c->tb, sizeof c->tb));
    if (c->bias) {
        cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
        require_status(cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue));
        require_status(
            cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias->data, sizeof bias->data));
    }
    return desc;
}

// Returns the heuristic's status if it refuses; otherwise runs and compares.
static cublasStatus_t run(const Case *c) {
    static Matrix a, b, d, bias;
    Case vector = *c;
    vector.batch = 1, vector.slack = 0, vector.row_order = false;
    matrix_create(&a, c->in, c->ta ? c->k : c->m, c->ta ? c->m : c->k, c, 1);
    matrix_create(&b, c->in, c->tb ? c->n : c->k, c->tb ? c->k : c->n, c, 2);
    matrix_create(&d, c->out, c->m, c->n, c, 3);
    matrix_create(&bias, c->out, c->m, 1, &vector, 4);
    cublasLtHandle_t handle;
    cublasLtMatmulPreference_t preference;
    cublasLtMatmulHeuristicResult_t result;
    int found = 0;
    size_t workspace_bytes = 1 << 20;
    void *workspace;
    CUDA_CHECK(cudaMalloc(&workspace, workspace_bytes));
    require_status(cublasLtCreate(&handle));
    cublasLtMatmulDesc_t desc = describe(c, &bias);
    require_status(cublasLtMatmulPreferenceCreate(&preference));
    require_status(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                        &workspace_bytes, sizeof workspace_bytes));
    cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(handle, desc, a.layout, b.layout, d.layout, d.layout,
                                                           preference, 1, &result, &found);
    if (status == CUBLAS_STATUS_SUCCESS) {
        assert_int_equal(found, 1);
        require_status(cublasLtMatmul(handle, desc, &c->alpha, a.data, a.layout, b.data, b.layout, &c->beta, d.data,
                                      d.layout, d.data, d.layout, &result.algo, workspace, workspace_bytes, 0));
        CUDA_CHECK(cudaDeviceSynchronize());
        compare(c, &a, &b, &d, &bias);
    }
    require_status(cublasLtMatmulPreferenceDestroy(preference));
    require_status(cublasLtMatmulDescDestroy(desc));
    require_status(cublasLtDestroy(handle));
    CUDA_CHECK(cudaFree(workspace));
    for (Matrix *x : {&a, &b, &d, &bias}) matrix_destroy(x);
    return status;
}

static void test_products(void **) {
    const int sizes[][3] = {{1, 1, 1}, {130, 5, 7}, {3, 67, 33}, {64, 64, 64}};
    for (const int *size : sizes)
        for (int form = 0; form < 8; form++) {
            Case c = {size[0],
                      size[1],
                      size[2],
                      1,
                      form & 1 ? CUBLAS_OP_T : CUBLAS_OP_N,
                      form & 2 ? CUBLAS_OP_T : CUBLAS_OP_N,
                      CUDA_R_32F,
                      CUDA_R_32F,
                      1,
                      0,
                      (form & 4) != 0,
                      false,
                      0};
            require_status(run(&c));
            c.alpha = 0.5f, c.beta = 1, c.slack = 3;
            require_status(run(&c));
            c.beta = 0, c.bias = false, c.row_order = true;
            require_status(run(&c));
        }
}

static void
test_bf16(void **) { // the library wants 16-byte alignment of bf16 rows for most of its kernels: ld % 8 == 0
    for (int form = 0; form < 4; form++)
        for (cudaDataType_t out : {CUDA_R_32F, CUDA_R_16BF}) {
            Case c = {40,
                      24,
                      72,
                      1,
                      form & 1 ? CUBLAS_OP_T : CUBLAS_OP_N,
                      form & 2 ? CUBLAS_OP_T : CUBLAS_OP_N,
                      CUDA_R_16BF,
                      out,
                      1,
                      0,
                      false,
                      false,
                      8};
            require_status(run(&c));
            c.bias = true;
            require_status(run(&c));
            c.bias = false, c.beta = 1, c.batch = 3;
            require_status(run(&c));
        }
}

static void test_refusals(void **) {
    Case c = {8, 8, 8, 1, CUBLAS_OP_N, CUBLAS_OP_N, CUDA_R_32F, CUDA_R_16BF, 1, 0, false, false, 0};
    assert_int_not_equal(run(&c), CUBLAS_STATUS_SUCCESS); // fp32 in, bf16 out
    c.out = CUDA_R_32F, c.slack = -1;
    assert_int_not_equal(run(&c), CUBLAS_STATUS_SUCCESS); // ld too small
}

int main() {
    const CMUnitTest tests[] = {cmocka_unit_test(test_products), cmocka_unit_test(test_bf16),
                                cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
