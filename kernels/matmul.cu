// Optional (CUDA): see matmul.h. Every product is one call of cuBLASLt, which is column-major: to it a row-major (rows,
// cols) array is a column-major (cols, rows) matrix, so each product is computed transposed:
//
//   y^T (OC, N)  = (w^T)^T x^T      dx^T (C, N) = w^T dy^T      dw^T (C, OC) += x^T (dy^T)^T
//
// The bias is the library's epilogue, accumulation its beta = 1. All sums are fp32, never TF32, and the parts of a
// split-K are added in fp32 (by default the library may first round each part to bf16, its output's type). The
// library's heuristic is asked once per shape. Its answer and the descriptors stay in a table of PLANS entries, in
// which a new shape replaces an older one of the same hash (the number of tokens differs between micro-batches).
//
// Invariant mode: one algorithm per weight, whatever N is: the one proposed for PINNED_TOKENS tokens, without split-K.
// Its tiles run over k in one order, so a token's result does not depend on the other tokens of its call.
#include "kernels/matmul.h"
#include "kernels/column_sum.cuh"
#include <stdint.h>

enum { PLANS = 1024, PINNED_TOKENS = 256 };

typedef struct Product { // D (m, n) = op(A) op(B) + beta D [+ bias], column-major; all of it decides the algorithm
    int m, n, k;
    int transa, transb;       // cublasOperation_t
    int out;                  // cudaDataType_t of D
    int bias, accumulate;     // 0 or 1
    unsigned align_a, align_b, align_d; // bytes
} Product;

typedef struct Plan {
    Product product;
    bool used;
    cublasLtMatmulDesc_t desc;
    cublasLtMatrixLayout_t a, b, d;
    cublasLtMatmulAlgo_t algo;
} Plan;

struct MatmulPlans { Plan plan[PLANS]; };

static const cudaDataType_t type_x = sizeof(floatX) == 2 ? CUDA_R_16BF : CUDA_R_32F;

// Attributes of descriptors, layouts and preferences.
#define SET(kind, object, attribute, value)                                                                            \
    CUBLAS_CHECK(cublasLt##kind##SetAttribute(object, attribute, &(value), sizeof(value)))
#define CUBLAS_CHECK(call) cublas_check((call), #call, __FILE__, __LINE__)
static void cublas_check(cublasStatus_t status, const char *call, const char *file, int line) {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    fprintf(stderr, "%s:%d: %s: cuBLASLt status %d; CUBLASLT_LOG_LEVEL=2 shows which argument it refuses\n", file, line,
            call, int(status));
    end_process();
}

MatmulPlans *matmul_plans_new() {
    MatmulPlans *plans = static_cast<MatmulPlans *>(calloc(1, sizeof *plans));
    REQUIRE(plans, "out of memory");
    return plans;
}

static void plan_clear(Plan *plan) {
    if (!plan->used) return;
    cublasLtMatrixLayoutDestroy(plan->a);
    cublasLtMatrixLayoutDestroy(plan->b);
    cublasLtMatrixLayoutDestroy(plan->d);
    cublasLtMatmulDescDestroy(plan->desc);
    plan->used = false;
}

void matmul_plans_free(MatmulPlans *plans) {
    for (int i = 0; i < PLANS; i++) plan_clear(&plans->plan[i]);
    free(plans);
}

// The bias is set again at every call, but the proposal may depend on whether there is one and on its alignment.
static void describe(Plan *plan, const Product *p, const void *bias) {
    cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
    CUBLAS_CHECK(cublasLtMatmulDescCreate(&plan->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    SET(MatmulDesc, plan->desc, CUBLASLT_MATMUL_DESC_TRANSA, p->transa);
    SET(MatmulDesc, plan->desc, CUBLASLT_MATMUL_DESC_TRANSB, p->transb);
    if (bias) SET(MatmulDesc, plan->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue);
    if (bias) SET(MatmulDesc, plan->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    bool ta = p->transa != CUBLAS_OP_N, tb = p->transb != CUBLAS_OP_N;
    CUBLAS_CHECK(cublasLtMatrixLayoutCreate(&plan->a, type_x, ta ? p->k : p->m, ta ? p->m : p->k, ta ? p->k : p->m));
    CUBLAS_CHECK(cublasLtMatrixLayoutCreate(&plan->b, type_x, tb ? p->n : p->k, tb ? p->k : p->n, tb ? p->n : p->k));
    CUBLAS_CHECK(cublasLtMatrixLayoutCreate(&plan->d, static_cast<cudaDataType_t>(p->out), p->m, p->n, p->m));
}

static void choose_algorithm(const Device *dev, Plan *plan, const Product *p) {
    cublasLtMatmulPreference_t preference;
    cublasLtMatmulHeuristicResult_t result;
    size_t workspace = DEVICE_WORKSPACE_BYTES;
    // What split-K may do; the library always allows NONE beside it.
    uint32_t reduction = dev->invariant ? CUBLASLT_REDUCTION_SCHEME_NONE : CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    int found = 0;
    CUBLAS_CHECK(cublasLtMatmulPreferenceCreate(&preference));
    SET(MatmulPreference, preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace);
    SET(MatmulPreference, preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, p->align_a);
    SET(MatmulPreference, preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, p->align_b);
    SET(MatmulPreference, preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, p->align_d);
    SET(MatmulPreference, preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, p->align_d);
    SET(MatmulPreference, preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, reduction);
    cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(dev->cublas, plan->desc, plan->a, plan->b, plan->d, plan->d,
                                                           preference, 1, &result, &found);
    REQUIRE(status == CUBLAS_STATUS_SUCCESS && found == 1 && result.state == CUBLAS_STATUS_SUCCESS,
            "cuBLASLt has no algorithm for %d x %d x %d (status %d): are the model's sizes multiples of 8?", p->m, p->n,
            p->k, int(status));
    plan->algo = result.algo;
    CUBLAS_CHECK(cublasLtMatmulPreferenceDestroy(preference));
}

static Plan *find_plan(Device *dev, const Product *p, const void *bias) {
    const unsigned *words = reinterpret_cast<const unsigned *>(p);
    unsigned hash = 2166136261u; // FNV-1a over the words of p
    for (size_t i = 0; i < sizeof *p / sizeof *words; i++) hash = (hash ^ words[i]) * 16777619u;
    Plan *plan = &dev->plans->plan[(hash ^ hash >> 16) % PLANS];
    if (plan->used && !memcmp(&plan->product, p, sizeof *p)) return plan;
    plan_clear(plan);
    describe(plan, p, bias);
    choose_algorithm(dev, plan, p);
    plan->product = *p;
    plan->used = true;
    return plan;
}

// The largest power of two that divides an address, at most 128, the alignment of an arena's tensors. So a shape has
// one plan, and in invariant mode one algorithm, at whatever addresses its operands are.
static unsigned alignment(const void *address) {
    unsigned low = unsigned(reinterpret_cast<uintptr_t>(address)) | 128u;
    return low & (0u - low);
}

static void multiply(Device *dev, void *D, const void *A, const void *B, const void *bias, Product p) {
    if (p.m == 0 || p.n == 0) return;
    p.bias = bias != NULL;
    p.align_a = alignment(A), p.align_b = alignment(B), p.align_d = alignment(D);
    bool pinned = dev->invariant && p.transb == CUBLAS_OP_N; // all products but dw: there n is the number of tokens
    uint64_t tokens = uint64_t(p.n);
    if (pinned) p.n = PINNED_TOKENS;
    Plan *plan = find_plan(dev, &p, bias);
    if (pinned) SET(MatrixLayout, plan->b, CUBLASLT_MATRIX_LAYOUT_COLS, tokens);
    if (pinned) SET(MatrixLayout, plan->d, CUBLASLT_MATRIX_LAYOUT_COLS, tokens);
    float one = 1.0f, beta = p.accumulate ? 1.0f : 0.0f;
    if (bias) SET(MatmulDesc, plan->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    CUBLAS_CHECK(cublasLtMatmul(dev->cublas, plan->desc, &one, A, plan->a, B, plan->b, &beta, D, plan->d, D, plan->d,
                                &plan->algo, dev->workspace, DEVICE_WORKSPACE_BYTES, dev->stream));
}

extern "C" void matmul_forward(Device *dev, floatX *y, const floatX *x, const floatX *w, const floatX *bias, int N,
                               int C, int OC) {
    CUDA_OP();
    multiply(dev, y, w, x, bias, {OC, N, C, CUBLAS_OP_T, CUBLAS_OP_N, type_x, 0, 0, 0, 0, 0});
}

extern "C" void matmul_logits(Device *dev, float *y, const floatX *x, const floatX *w, int N, int C, int OC) {
    CUDA_OP();
    multiply(dev, y, w, x, NULL, {OC, N, C, CUBLAS_OP_T, CUBLAS_OP_N, CUDA_R_32F, 0, 0, 0, 0, 0});
}

extern "C" void matmul_backward_input(Device *dev, floatX *dx, const floatX *dy, const floatX *w, int N, int C,
                                      int OC) {
    CUDA_OP();
    multiply(dev, dx, w, dy, NULL, {C, N, OC, CUBLAS_OP_N, CUBLAS_OP_N, type_x, 0, 0, 0, 0, 0});
}

// ---- dbias: sums over pieces of the rows, so that the whole device takes part, then over the pieces, in order -------
enum { WARPS = 16, PIECES = 64, PIECE_MIN = 128 };

static void column_sums(Device *dev, float *dbias, const floatX *dy, int N, int OC) {
    int piece = max(ceil_div(N, PIECES), int(PIECE_MIN)), pieces = ceil_div(N, piece);
    float *partial = static_cast<float *>(dev->workspace);
    dim3 grid(ceil_div(OC, 32), pieces);
    REQUIRE(OC <= DEVICE_WORKSPACE_BYTES / int(PIECES * sizeof *partial), "workspace too small for a bias of %d", OC);
    RUN(dev, (column_sum_kernel<WARPS, floatX>), grid, 32 * WARPS)(partial, dy, N, OC, piece, false);
    RUN(dev, (column_sum_kernel<WARPS, float>), grid.x, 32 * WARPS)(dbias, partial, pieces, OC, pieces, true);
}

extern "C" void matmul_backward_weight(Device *dev, float *dw, float *dbias, const floatX *dy, const floatX *x, int N,
                                       int C, int OC) {
    CUDA_OP();
    multiply(dev, dw, x, dy, NULL, {C, OC, N, CUBLAS_OP_N, CUBLAS_OP_T, CUDA_R_32F, 0, 1, 0, 0, 0});
    if (dbias) column_sums(dev, dbias, dy, N, OC);
}
