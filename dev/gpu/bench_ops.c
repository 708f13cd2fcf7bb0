// Optional (benchmarks): single ops. Bytes that must move count once; attention's FLOPs are the causal half.
#include "dev/gpu/bench.h"
#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/matmul.h"
#include "kernels/policy_loss.h"
#include "kernels/rmsnorm.h"
#include "kernels/rope.h"
#include "kernels/sample.h"
#include "kernels/swiglu.h"
#include <string.h>

#define TIME(seconds, WORK) BENCH_SECONDS(b->dev, b->trials, seconds, WORK)

static void *zeros(Bench *b, size_t bytes) {
    void *memory = device_alloc(b->dev, bytes);
    device_zero(b->dev, memory, bytes);
    return memory;
}

static void give_back(Bench *b, void **memory, int count) {
    for (int i = 0; i < count; i++) device_free(b->dev, memory[i]);
}

static void bench_products(Bench *b, int N, int C, int OC, const char *name) {
    double forward, input, weight, flops = 2.0 * N * C * OC / 1e12;
    floatX *x = bench_values(b, (size_t)N * C), *w = bench_values(b, (size_t)OC * C);
    floatX *y = bench_values(b, (size_t)N * OC);
    float *dw = zeros(b, (size_t)OC * C * sizeof *dw);
    TIME(forward, matmul_forward(b->dev, y, x, w, NULL, N, C, OC));
    TIME(input, matmul_backward_input(b->dev, x, y, w, N, C, OC));
    TIME(weight, matmul_backward_weight(b->dev, dw, NULL, y, x, N, C, OC));
    bench_row(b, flops / forward, "TFLOP/s", b->gemm, "%s, N %d, C %d, OC %d", name, N, C, OC);
    bench_row(b, flops / input, "TFLOP/s", b->gemm, "  dx");
    bench_row(b, flops / weight, "TFLOP/s", b->gemm, "  dW");
    give_back(b, (void *[]){x, w, y, dw}, 4);
}

static void bench_rows_of(Bench *b, const ModelConfig *c, int N) { // what memory bounds
    size_t n = (size_t)N * c->C, f = (size_t)N * c->F, X = sizeof(floatX);
    double s;
    floatX *x = bench_values(b, n), *delta = bench_values(b, n), *sum = bench_values(b, n), *y = bench_values(b, n);
    floatX *w = bench_values(b, (size_t)c->C), *gate_up = bench_values(b, 2 * f), *act = bench_values(b, f);
    float *rstd = zeros(b, (size_t)N * sizeof *rstd), *dw = zeros(b, (size_t)c->C * sizeof *dw);
    void *workspace = zeros(b, rmsnorm_workspace_bytes(N, 1, c->C) + 128);
    TIME(s, rmsnorm_residual_forward(b->dev, sum, y, rstd, x, delta, w, N, c->C, c->eps));
    bench_row(b, 4.0 * (double)(n * X) / s / 1e9, "GB/s", b->copy, "rmsnorm_residual_forward, N %d, C %d", N, c->C);
    TIME(s, rmsnorm_backward(b->dev, y, dw, delta, sum, x, w, rstd, N, 1, c->C, c->C, c->C, c->C, workspace));
    bench_row(b, 4.0 * (double)(n * X) / s / 1e9, "GB/s", b->copy, "rmsnorm_backward");
    TIME(s, swiglu_forward(b->dev, act, gate_up, N, c->F));
    bench_row(b, 3.0 * (double)(f * X) / s / 1e9, "GB/s", b->copy, "swiglu_forward, F %d", c->F);
    TIME(s, swiglu_backward(b->dev, gate_up, act, gate_up, N, c->F));
    bench_row(b, 5.0 * (double)(f * X) / s / 1e9, "GB/s", b->copy, "swiglu_backward");
    give_back(b, (void *[]){x, delta, w, sum, y, gate_up, act, rstd, dw, workspace}, 10);
}

static void bench_optimizer(Bench *b, size_t n) {
    double s;
    AdamW a = {1e-4f, 0.9f, 0.95f, 1e-8f, 0.1f, 1, 1};
    float *m = zeros(b, n * 4), *v = zeros(b, n * 4), *g = zeros(b, n * 4), *master = zeros(b, n * 4);
    floatX *param = sizeof(floatX) == sizeof(float) ? (floatX *)master : bench_values(b, n);
    TIME(s, adamw_update(b->dev, param, master, m, v, g, n, &a));
    double bytes = (double)n * (28 + (sizeof(floatX) == 2 ? 2 : 0));
    bench_row(b, bytes / s / 1e9, "GB/s", b->copy, "adamw_update, %zu parameters", n);
    if ((void *)param != (void *)master) device_free(b->dev, param);
    give_back(b, (void *[]){m, v, g, master}, 4);
}

static void bench_attention(Bench *b, const ModelConfig *c, int B, int T) {
    int N = B * T, Q = (c->NH + 2 * c->NKV) * c->HS, *h_starts = malloc((size_t)(B + 1) * sizeof *h_starts);
    AttentionShape shape = {N, B, T, c->NH, c->NKV, c->HS, Q, Q, Q};
    double s, flops = 2.0 * B * T * (double)T * c->NH * c->HS / 1e12; // q k and p v, half of the square each
    REQUIRE(h_starts, "out of memory");
    for (int i = 0; i <= B; i++) h_starts[i] = i * T;
    floatX *qkv = bench_values(b, (size_t)N * Q), *o = bench_values(b, (size_t)N * c->NH * c->HS);
    floatX *d_o = bench_values(b, (size_t)N * c->NH * c->HS), *d = bench_values(b, (size_t)N * Q);
    float *lse = zeros(b, (size_t)N * c->NH * sizeof *lse);
    int *starts = device_alloc(b->dev, (size_t)(B + 1) * sizeof *starts), k = c->NH * c->HS, v = k + c->NKV * c->HS;
    void *workspace = zeros(b, attention_workspace_bytes(b->dev, &shape) + 128);
    device_upload(b->dev, starts, h_starts, (size_t)(B + 1) * sizeof *starts);
    TIME(s, attention_forward(b->dev, o, lse, qkv, qkv + k, qkv + v, starts, NULL, &shape, workspace));
    bench_row(b, flops / s, "TFLOP/s", b->gemm, "attention_forward, %d x %d tokens, NH %d, HS %d", B, T, c->NH, c->HS);
    TIME(s, attention_backward(b->dev, d, d + k, d + v, d_o, qkv, qkv + k, qkv + v, o, lse, starts, NULL, &shape,
                               workspace));
    bench_row(b, 2.5 * flops / s, "TFLOP/s", b->gemm, "attention_backward");
    free(h_starts);
    give_back(b, (void *[]){qkv, o, d_o, d, lse, starts, workspace}, 7);
}

static void bench_vocabulary(Bench *b, int V, int M) {
    double s;
    size_t n = (size_t)M * V;
    float *h = malloc(n * sizeof *h), *logits = zeros(b, n * sizeof *logits), *one = zeros(b, (size_t)M * sizeof *one);
    REQUIRE(h, "out of memory");
    for (size_t i = 0; i < n; i++) h[i] = (float)(i * 2654435761u % 2001) * 4e-3f - 4.0f;
    device_upload(b->dev, logits, h, n * sizeof *h);
    floatX *dlogits = zeros(b, n * sizeof *dlogits);
    int *target = zeros(b, (size_t)M * sizeof *target);
    TokenResult *result = zeros(b, (size_t)M * sizeof *result);
    SampleKey *key = zeros(b, (size_t)M * sizeof *key);
    Sampled *sampled = zeros(b, (size_t)M * sizeof *sampled);
    PolicyTargets targets = {target, one, one, one, NULL, NULL};
    PolicyObjective o = {.inv_temp = 1, .eps_low = 0.2f, .eps_high = 0.2f, .comp = 0.4f, .stab = 0.4f,
                         .stab_gamma = 50, .stab_tau = 0.9f, .entropy_max = 1, .delta_max = 1};
    SampleConfig h_c = {1, 0, 1, 1, 1}, *c = zeros(b, sizeof *c);
    device_upload(b->dev, c, &h_c, sizeof h_c);
    TIME(s, policy_loss(b->dev, result, dlogits, logits, &targets, &o, M, V));
    bench_row(b, (double)n * (8 + sizeof(floatX)) / s / 1e9, "GB/s", b->copy,
              "policy_loss, %d rows of %d logits, read twice, written once", M, V);
    TIME(s, sample_forward(b->dev, sampled, logits, key, c, M, V));
    bench_row(b, (double)n * 4 / s / 1e9, "GB/s", b->copy, "sample_forward, counted as one read");
    free(h);
    give_back(b, (void *[]){logits, one, dlogits, target, result, key, c, sampled}, 8);
}

void bench_ops(Bench *b) {
    ModelConfig c = bench_model_config(b);
    int N = b->small ? 48 : 8192;
    bench_products(b, N, c.C, 2 * c.F, "gate and up");
    bench_products(b, N, c.F, c.C, "down");
    bench_products(b, b->small ? 8 : 256, c.C, 2 * c.F, "gate and up in decoding");
    bench_rows_of(b, &c, N);
    bench_optimizer(b, b->small ? 4096 : 100 << 20);
    bench_attention(b, &c, b->small ? 1 : 8, b->small ? 48 : 1024);
    bench_vocabulary(b, c.V, b->small ? 8 : 512);
}
