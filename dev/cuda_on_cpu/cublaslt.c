// Optional (CUDA on a CPU): cuBLASLt's API for D = alpha op(A) op(B) + beta C [+ bias]: plain loops that check every
// argument, so that tests run the project's wrapper.
//
//   types      A, B both bf16 or both fp32; C, D of one type, fp32 or (for bf16 A, B) bf16; computed in fp32
//   layouts    column or row order, strided batches; ld and every range checked against the device allocations
//   epilogues  default, and bias (one value per row of D, in D's type)
// Anything else returns CUBLAS_STATUS_NOT_SUPPORTED or _INVALID_VALUE, as the library does, with the reason on stderr.
// Each output is one sum in ascending k: no rounding of tensor cores, no split-K.
#include "dev/cuda_on_cpu/runtime.h"
#include <cublasLt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Desc { // cublasLtMatmulDesc_t
    int compute_type, scale_type, pointer_mode, transa, transb, transc, epilogue, bias_type;
    const void *bias;
    int64_t bias_stride;
} Desc;

typedef struct Layout { // cublasLtMatrixLayout_t
    unsigned type;
    int order, batch_count;
    uint64_t rows, cols;
    int64_t ld, stride;
} Layout;

typedef struct Preference { // cublasLtMatmulPreference_t
    uint64_t workspace_bytes;
} Preference;

typedef struct Product { // a checked call, as work on a stream
    Desc desc;
    Layout a, b, c, d;
    const char *A, *B, *C;
    char *D;
    float alpha, beta;
    uint64_t m, n, k;
} Product;

static cublasStatus_t refuse(cublasStatus_t status, const char *why) {
    fprintf(stderr, "cuda_on_cpu: cublasLt: %s\n", why);
    return status;
}
#define CHECK(cond, status, why)                                                                                       \
    do {                                                                                                               \
        if (!(cond)) return refuse(status, why);                                                                       \
    } while (0)

// ---- Handles and descriptors ---------------------------------------------------------------------------------------
static cublasStatus_t create(void **handle, size_t bytes) {
    *handle = calloc(1, bytes);
    return *handle ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_ALLOC_FAILED;
}
static cublasStatus_t destroy(void *handle) {
    free(handle);
    return CUBLAS_STATUS_SUCCESS;
}
static cublasStatus_t set(void *field, size_t field_bytes, const void *value, size_t bytes) {
    CHECK(field, CUBLAS_STATUS_NOT_SUPPORTED, "an attribute that the harness does not know");
    CHECK(value && bytes == field_bytes, CUBLAS_STATUS_INVALID_VALUE, "an attribute's size differs from its type's");
    memcpy(field, value, bytes);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) { return create((void **)handle, 1); }
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) { return destroy(handle); }
size_t cublasLtGetVersion(void) { return CUBLAS_VERSION; }

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *desc, cublasComputeType_t compute, cudaDataType_t scale) {
    Desc *d;
    CHECK(compute == CUBLAS_COMPUTE_32F && scale == CUDA_R_32F, CUBLAS_STATUS_NOT_SUPPORTED,
          "only CUBLAS_COMPUTE_32F with fp32 scale");
    if (create((void **)&d, sizeof *d)) return CUBLAS_STATUS_ALLOC_FAILED;
    *d = (Desc){
        .compute_type = (int)compute, .scale_type = (int)scale, .epilogue = CUBLASLT_EPILOGUE_DEFAULT, .bias_type = -1};
    *desc = (cublasLtMatmulDesc_t)(void *)d;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) { return destroy(desc); }
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t bytes) {
    Desc *d = (Desc *)(void *)desc;
    switch ((int)attribute) {
    case CUBLASLT_MATMUL_DESC_COMPUTE_TYPE: return set(&d->compute_type, sizeof d->compute_type, value, bytes);
    case CUBLASLT_MATMUL_DESC_SCALE_TYPE: return set(&d->scale_type, sizeof d->scale_type, value, bytes);
    case CUBLASLT_MATMUL_DESC_POINTER_MODE: return set(&d->pointer_mode, sizeof d->pointer_mode, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSA: return set(&d->transa, sizeof d->transa, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB: return set(&d->transb, sizeof d->transb, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSC: return set(&d->transc, sizeof d->transc, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE: return set(&d->epilogue, sizeof d->epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER: return set(&d->bias, sizeof d->bias, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE: return set(&d->bias_stride, sizeof d->bias_stride, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE: return set(&d->bias_type, sizeof d->bias_type, value, bytes);
    default: return set(NULL, 0, value, bytes);
    }
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType type, uint64_t rows,
                                          uint64_t cols, int64_t ld) {
    Layout *l;
    CHECK(type == CUDA_R_32F || type == CUDA_R_16BF, CUBLAS_STATUS_NOT_SUPPORTED, "only matrices of fp32 and bf16");
    if (create((void **)&l, sizeof *l)) return CUBLAS_STATUS_ALLOC_FAILED;
    *l = (Layout){
        .type = (unsigned)type, .order = CUBLASLT_ORDER_COL, .batch_count = 1, .rows = rows, .cols = cols, .ld = ld};
    *layout = (cublasLtMatrixLayout_t)(void *)l;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) { return destroy(layout); }
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attribute, const void *value,
                                                size_t bytes) {
    Layout *l = (Layout *)(void *)layout;
    switch ((int)attribute) {
    case CUBLASLT_MATRIX_LAYOUT_TYPE: return set(&l->type, sizeof l->type, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_ORDER: return set(&l->order, sizeof l->order, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_ROWS: return set(&l->rows, sizeof l->rows, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_COLS: return set(&l->cols, sizeof l->cols, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_LD: return set(&l->ld, sizeof l->ld, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT: return set(&l->batch_count, sizeof l->batch_count, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET: return set(&l->stride, sizeof l->stride, value, bytes);
    default: return set(NULL, 0, value, bytes);
    }
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference) {
    return create((void **)preference, sizeof(Preference));
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) { return destroy(preference); }
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, const void *value,
                                                    size_t bytes) {
    Preference *p = (Preference *)(void *)preference;
    if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
        return set(&p->workspace_bytes, sizeof p->workspace_bytes, value, bytes);
    return CUBLAS_STATUS_SUCCESS; // alignments, reduction schemes and search modes make no difference here
}

// ---- Checks --------------------------------------------------------------------------------------------------------
static size_t element_bytes(unsigned type) { return type == CUDA_R_32F ? 4 : 2; }

static cublasStatus_t check_layout(const Layout *l) {
    uint64_t leading = l->order == CUBLASLT_ORDER_COL ? l->rows : l->cols;
    CHECK(l->order == CUBLASLT_ORDER_COL || l->order == CUBLASLT_ORDER_ROW, CUBLAS_STATUS_NOT_SUPPORTED,
          "order is neither row nor column");
    CHECK(l->rows > 0 && l->cols > 0 && l->batch_count > 0, CUBLAS_STATUS_INVALID_VALUE,
          "a matrix without rows, columns or batch");
    CHECK(l->ld >= 0 && (uint64_t)l->ld >= leading, CUBLAS_STATUS_INVALID_VALUE,
          "ld is smaller than a column (row order: row)");
    return CUBLAS_STATUS_SUCCESS;
}

// Fills p's dims and layouts. C may be NULL for the heuristic.
static cublasStatus_t check_product(Product *p, const Desc *desc, const Layout *a, const Layout *b, const Layout *c,
                                    const Layout *d) {
    CHECK(desc && a && b && c && d, CUBLAS_STATUS_INVALID_VALUE, "a descriptor or layout is NULL");
    const Layout *all[] = {a, b, c, d};
    for (int i = 0; i < 4; i++) {
        cublasStatus_t status = check_layout(all[i]);
        if (status) return status;
        CHECK(all[i]->batch_count == d->batch_count, CUBLAS_STATUS_INVALID_VALUE, "batch counts differ");
    }
    *p = (Product){.desc = *desc, .a = *a, .b = *b, .c = *c, .d = *d, .m = d->rows, .n = d->cols};
    bool ta = desc->transa != CUBLAS_OP_N, tb = desc->transb != CUBLAS_OP_N;
    p->k = ta ? a->rows : a->cols;
    CHECK((ta ? a->cols : a->rows) == p->m, CUBLAS_STATUS_INVALID_VALUE, "op(A) and D differ in rows");
    CHECK((tb ? b->rows : b->cols) == p->n, CUBLAS_STATUS_INVALID_VALUE, "op(B) and D differ in columns");
    CHECK((tb ? b->cols : b->rows) == p->k, CUBLAS_STATUS_INVALID_VALUE, "op(A) and op(B) differ in k");
    CHECK(c->rows == p->m && c->cols == p->n && c->order == d->order, CUBLAS_STATUS_INVALID_VALUE,
          "C and D differ in shape");
    CHECK(a->type == b->type && c->type == d->type && (a->type == CUDA_R_16BF || d->type == CUDA_R_32F),
          CUBLAS_STATUS_NOT_SUPPORTED, "this mix of types");
    CHECK(desc->transc == CUBLAS_OP_N && desc->pointer_mode == CUBLASLT_POINTER_MODE_HOST, CUBLAS_STATUS_NOT_SUPPORTED,
          "a transposed C or a pointer mode other than host");
    CHECK(desc->epilogue == CUBLASLT_EPILOGUE_DEFAULT || desc->epilogue == CUBLASLT_EPILOGUE_BIAS,
          CUBLAS_STATUS_NOT_SUPPORTED, "an epilogue other than default and bias");
    CHECK(desc->bias_type == -1 || (unsigned)desc->bias_type == d->type, CUBLAS_STATUS_NOT_SUPPORTED,
          "the bias is not of D's type");
    return CUBLAS_STATUS_SUCCESS;
}

static void require_matrix(const void *start, const Layout *l, const char *what) {
    uint64_t lines = l->order == CUBLASLT_ORDER_COL ? l->cols : l->rows,
             length = l->order == CUBLASLT_ORDER_COL ? l->rows : l->cols;
    uint64_t last = (uint64_t)(l->batch_count - 1) * (uint64_t)l->stride + (lines - 1) * (uint64_t)l->ld + length;
    sim_check_aligned(start, element_bytes(l->type));
    sim_require_device(start, last * element_bytes(l->type), what);
}

// ---- The product ---------------------------------------------------------------------------------------------------
static float load(const char *base, unsigned type, uint64_t i) {
    float value;
    if (type == CUDA_R_32F) memcpy(&value, base + 4 * i, sizeof value);
    else {
        uint16_t half;
        memcpy(&half, base + 2 * i, sizeof half);
        uint32_t bits = (uint32_t)half << 16;
        memcpy(&value, &bits, sizeof value);
    }
    return value;
}

static void store(char *base, unsigned type, uint64_t i, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (type == CUDA_R_32F) memcpy(base + 4 * i, &value, sizeof value);
    else { // to nearest, ties to even; a NaN stays one
        uint16_t half = value == value ? (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16) : 0x7fff;
        memcpy(base + 2 * i, &half, sizeof half);
    }
}

static uint64_t place(const Layout *l, uint64_t row, uint64_t col) {
    return l->order == CUBLASLT_ORDER_COL ? row + col * (uint64_t)l->ld : col + row * (uint64_t)l->ld;
}

enum { M_BLOCK = 128, N_BLOCK = 4 };

// A block of up to M_BLOCK x N_BLOCK outputs; panel_a (k, M_BLOCK) and panel_b (k, N_BLOCK) are fp32, zero outside.
static void multiply_block(float sum[N_BLOCK][M_BLOCK], const float *panel_a, const float *panel_b, uint64_t k) {
    memset(sum, 0, sizeof(float) * N_BLOCK * M_BLOCK);
    for (uint64_t i = 0; i < k; i++)
        for (int j = 0; j < N_BLOCK; j++) {
            float b = panel_b[i * N_BLOCK + (uint64_t)j];
            for (int r = 0; r < M_BLOCK; r++) sum[j][r] += panel_a[i * M_BLOCK + (uint64_t)r] * b;
        }
}

static void write_block(const Product *p, uint64_t batch, float sum[N_BLOCK][M_BLOCK], uint64_t m0, uint64_t n0) {
    const char *C = p->C + batch * (uint64_t)p->c.stride * element_bytes(p->c.type);
    char *D = p->D + batch * (uint64_t)p->d.stride * element_bytes(p->d.type);
    for (uint64_t j = 0; j < N_BLOCK && n0 + j < p->n; j++)
        for (uint64_t r = 0; r < M_BLOCK && m0 + r < p->m; r++) {
            float value = p->alpha * sum[j][r];
            if (p->beta != 0) value += p->beta * load(C, p->c.type, place(&p->c, m0 + r, n0 + j));
            if (p->desc.epilogue == CUBLASLT_EPILOGUE_BIAS)
                value += load(p->desc.bias, p->d.type, batch * (uint64_t)p->desc.bias_stride + m0 + r);
            store(D, p->d.type, place(&p->d, m0 + r, n0 + j), value);
        }
}

static void multiply(const Product *p, uint64_t batch, float *panel_a, float *panel_b) {
    const char *A = p->A + batch * (uint64_t)p->a.stride * element_bytes(p->a.type);
    const char *B = p->B + batch * (uint64_t)p->b.stride * element_bytes(p->b.type);
    bool ta = p->desc.transa != CUBLAS_OP_N, tb = p->desc.transb != CUBLAS_OP_N;
    static float sum[N_BLOCK][M_BLOCK];
    for (uint64_t n = 0; n < p->n; n++) // the whole of op(B), in panels of N_BLOCK columns
        for (uint64_t k = 0; k < p->k; k++)
            panel_b[(n / N_BLOCK * p->k + k) * N_BLOCK + n % N_BLOCK] =
                load(B, p->b.type, tb ? place(&p->b, n, k) : place(&p->b, k, n));
    for (uint64_t m0 = 0; m0 < p->m; m0 += M_BLOCK) {
        for (uint64_t m = m0; m < p->m && m < m0 + M_BLOCK; m++)
            for (uint64_t k = 0; k < p->k; k++)
                panel_a[k * M_BLOCK + m - m0] = load(A, p->a.type, ta ? place(&p->a, k, m) : place(&p->a, m, k));
        for (uint64_t n0 = 0; n0 < p->n; n0 += N_BLOCK) {
            multiply_block(sum, panel_a, panel_b + n0 * p->k, p->k);
            write_block(p, batch, sum, m0, n0);
        }
    }
}

static void run_product(const void *work) {
    const Product *p = work;
    float *panel_a = calloc(p->k * M_BLOCK, sizeof *panel_a),
          *panel_b = calloc(p->k * (p->n + N_BLOCK), sizeof *panel_b);
    if (!panel_a || !panel_b) sim_die("no memory for a matrix product");
    sim_device_open();
    for (uint64_t batch = 0; batch < (uint64_t)p->d.batch_count; batch++) multiply(p, batch, panel_a, panel_b);
    sim_device_close();
    free(panel_a);
    free(panel_b);
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha, const void *A,
                              cublasLtMatrixLayout_t a, const void *B, cublasLtMatrixLayout_t b, const void *beta,
                              const void *C, cublasLtMatrixLayout_t c, void *D, cublasLtMatrixLayout_t d,
                              const cublasLtMatmulAlgo_t *algo, void *workspace, size_t workspace_bytes,
                              cudaStream_t stream) {
    Product p;
    CHECK(handle && alpha && beta && A && B && D, CUBLAS_STATUS_INVALID_VALUE, "an operand is NULL");
    cublasStatus_t status =
        check_product(&p, (const Desc *)(void *)desc, (const Layout *)(void *)a, (const Layout *)(void *)b,
                      (const Layout *)(void *)c, (const Layout *)(void *)d);
    if (status) return status;
    (void)algo;                                 // NULL: the library would choose one itself
    p.A = A, p.B = B, p.C = C ? C : D, p.D = D; // as the library: C is not read with beta = 0
    memcpy(&p.alpha, alpha, sizeof p.alpha);
    memcpy(&p.beta, beta, sizeof p.beta);
    CHECK(p.beta == 0 || C, CUBLAS_STATUS_INVALID_VALUE, "beta without C");
    CHECK(C != D || p.c.ld == p.d.ld, CUBLAS_STATUS_INVALID_VALUE, "C is D, but their layouts differ");
    require_matrix(A, &p.a, "cublasLtMatmul's A");
    require_matrix(B, &p.b, "cublasLtMatmul's B");
    require_matrix(D, &p.d, "cublasLtMatmul's D");
    if (p.beta != 0) require_matrix(C, &p.c, "cublasLtMatmul's C");
    if (workspace_bytes) sim_require_device(workspace, workspace_bytes, "cublasLtMatmul's workspace");
    if (p.desc.epilogue == CUBLASLT_EPILOGUE_BIAS) {
        Layout vector = {.type = p.d.type, .batch_count = p.d.batch_count, .rows = p.m, .cols = 1,
                         .ld = (int64_t)p.m, .stride = p.desc.bias_stride};
        CHECK(p.desc.bias, CUBLAS_STATUS_INVALID_VALUE, "a bias epilogue without a bias pointer");
        require_matrix(p.desc.bias, &vector, "cublasLtMatmul's bias");
    }
    sim_submit(stream, run_product, &p, sizeof p);
    return CUBLAS_STATUS_SUCCESS;
}

// ---- Algorithms: three that compute the same, so that a program can query, compare and pin them --------------------
enum { ALGORITHMS = 3 };

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int requested,
                                              cublasLtMatmulHeuristicResult_t *results, int *found) {
    Product p;
    CHECK(handle && preference && results && found && requested > 0, CUBLAS_STATUS_INVALID_VALUE,
          "an argument of the heuristic");
    *found = 0;
    cublasStatus_t status =
        check_product(&p, (const Desc *)(void *)desc, (const Layout *)(void *)a, (const Layout *)(void *)b,
                      (const Layout *)(void *)c, (const Layout *)(void *)d);
    if (status) return status;
    for (; *found < requested && *found < ALGORITHMS; ++*found) {
        results[*found] = (cublasLtMatmulHeuristicResult_t){.state = CUBLAS_STATUS_SUCCESS, .wavesCount = 1};
        results[*found].algo.data[CUBLASLT_ALGO_CONFIG_ID] = (uint64_t)*found;
        results[*found].algo.data[CUBLASLT_ALGO_CONFIG_SPLITK_NUM] = 1;
    }
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoConfigSetAttribute(cublasLtMatmulAlgo_t *algo,
                                                    cublasLtMatmulAlgoConfigAttributes_t attribute, const void *value,
                                                    size_t bytes) {
    CHECK((unsigned)attribute < 8 && bytes <= 8, CUBLAS_STATUS_NOT_SUPPORTED, "an algorithm's attribute");
    algo->data[attribute] = 0;
    memcpy(&algo->data[attribute], value, bytes);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t *algo,
                                                    cublasLtMatmulAlgoConfigAttributes_t attribute, void *value,
                                                    size_t bytes, size_t *written) {
    CHECK((unsigned)attribute < 8 && bytes <= 8, CUBLAS_STATUS_NOT_SUPPORTED, "an algorithm's attribute");
    memcpy(value, &algo->data[attribute], bytes);
    if (written) *written = bytes;
    return CUBLAS_STATUS_SUCCESS;
}

const char *cublasLtGetStatusName(cublasStatus_t status) {
    switch (status) {
    case CUBLAS_STATUS_SUCCESS: return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_ALLOC_FAILED: return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
    default: return "a status this harness does not name";
    }
}
const char *cublasLtGetStatusString(cublasStatus_t status) { return cublasLtGetStatusName(status); }
const char *cublasGetStatusName(cublasStatus_t status) { return cublasLtGetStatusName(status); }
const char *cublasGetStatusString(cublasStatus_t status) { return cublasLtGetStatusName(status); }
