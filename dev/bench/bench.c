// Optional (benchmarks): `make bench` measures this machine's peak and the share of it that the C build reaches. The
// peak comes first, in the same run: independent fused multiply-adds in registers, on all threads. Compare figures of
// one run only: clocks and neighbours drift between runs.
#include "dev/bench/workload.h"
#include "kernels/matmul.h"
#include "kernels/tile.h"
#include <math.h>

static volatile float sink;

// Seconds of `rounds` rounds of multiply-adds on every thread, in 12 independent accumulators of one vector each.
static double multiply_add(int threads, long rounds) {
    double start = seconds_now();
#pragma omp parallel num_threads(threads)
    {
        tile_vec x = (tile_vec){0} + 1.0000001f, y = (tile_vec){0} + 1e-9f, acc[12], sum = {0};
        for (int i = 0; i < 12; i++) acc[i] = y * (float)i;
        for (long r = 0; r < rounds; r++) {
#pragma GCC unroll 12
            for (int i = 0; i < 12; i++) acc[i] = acc[i] * x + y;
            __asm__ volatile("" : "+x"(x), "+x"(y)); // keeps the loop as it is written
        }
        for (int i = 0; i < 12; i++) sum += acc[i];
        sink = sum[0];
    }
    return seconds_now() - start;
}

// GFLOP/s: the best of many short tries, since other programs disturb some of them.
static double measure_peak(Device *dev) {
    const long rounds = 3000000;
    int threads = device_threads(dev);
    double best = 1e30;
    for (int i = 0; i < 40; i++) best = fmin(best, multiply_add(threads, rounds));
    return 2.0 * 12 * TILE_LANES * (double)rounds * threads / best / 1e9;
}

static float *values(Device *dev, size_t n) {
    float *x = device_alloc(dev, n * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = (float)(i * 2654435761u % 1000) * 1e-3f - 0.5f;
    return x;
}

static double matmul_gflops(Device *dev, int kind, int N, int C, int OC) {
    float *x = values(dev, (size_t)N * C), *w = values(dev, (size_t)OC * C);
    float *y = values(dev, (size_t)N * OC), *dw = values(dev, (size_t)OC * C);
    double seconds;
    BENCH_SECONDS(dev, 3, seconds, {
        if (kind == 0) matmul_forward(dev, y, x, w, NULL, N, C, OC);
        if (kind == 1) matmul_backward_input(dev, x, y, w, N, C, OC);
        if (kind == 2) matmul_backward_weight(dev, dw, NULL, y, x, N, C, OC);
    });
    device_free(dev, x), device_free(dev, w), device_free(dev, y), device_free(dev, dw);
    return 2.0 * N * C * OC / seconds / 1e9;
}

static void bench_matmul(Device *dev, double peak) {
    const int shapes[][3] = {{2048, 256, 768},   {4096, 256, 1536}, {2048, 576, 1536}, {2048, 1536, 576},
                             {1024, 2048, 2048}, {64, 256, 1536},   {64, 576, 3072},   {64, 576, 49152},
                             {12, 576, 3072}};
    printf("matmul, GFLOP/s (share of peak)   y = x W^T        dx = dy W        dW += dy^T x\n");
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        printf("  N %5d  C %5d  OC %6d       ", shapes[s][0], shapes[s][1], shapes[s][2]);
        for (int kind = 0; kind < 3; kind++) {
            double gflops = matmul_gflops(dev, kind, shapes[s][0], shapes[s][1], shapes[s][2]);
            printf("  %6.1f (%2.0f %%)  ", gflops, 100 * gflops / peak);
        }
        printf("\n");
    }
}

static void print_rate(const char *what, const char *rule, double rate, double flops, double peak) {
    printf("  %-36s%9.0f tokens/s   %6.1f GFLOP/s by %-19s%3.0f %% of peak\n", what, rate, rate * flops / 1e9, rule,
           100 * rate * flops / 1e9 / peak);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

// A training step on a word problem in a chat template. The two ways alternate and their medians are compared, so that
// a neighbour on the machine disturbs both alike.
static void bench_shared_prompt(Gpt *gpt, const float *h_params) {
    enum { PAIRS = 5 };
    TrainingShape shape = {.prompts = 1, .each = 16, .n_prompt = 120, .T = 60};
    double seconds[2][PAIRS], ratio[PAIRS];
    for (int i = 0; i < PAIRS; i++) {
        for (int share = 0; share < 2; share++) {
            shape.share = share;
            seconds[share][i] = training_seconds(gpt, h_params, shape, 4096, 512, 1);
        }
        ratio[i] = seconds[0][i] / seconds[1][i];
    }
    for (int share = 0; share < 2; share++) qsort(seconds[share], PAIRS, sizeof(double), ascending);
    qsort(ratio, PAIRS, sizeof(double), ascending);
    printf("  training step, prompt of %d tokens, %d responses of %d: %.3f s; prompt shared: %.3f s; %.2f x faster "
           "(%.2f to %.2f)\n", shape.n_prompt, shape.each, shape.T, seconds[0][PAIRS / 2], seconds[1][PAIRS / 2],
           ratio[PAIRS / 2], ratio[0], ratio[PAIRS - 1]);
}

static void bench_model(Device *dev, const char *name, const ModelConfig *c, int B, int T, double peak) {
    Gpt *gpt = gpt_new(dev, c, 256);
    float *h = malloc(gpt->table.size * sizeof *h);
    REQUIRE(h, "out of memory");
    params_init(&gpt->table, 1, h);
    device_upload_floats(dev, gpt->params, h, gpt->table.size);
    int slots = 64, new_tokens = c->L > 10 ? 48 : 128; // long enough to see attention, short enough to wait for
    double N = (double)gpt->table.numbers, body = N - (double)c->V * c->C; // prefill: one row of logits
    double decode = slots * new_tokens / generation_seconds(gpt, slots, 1, new_tokens, 2);
    double prefill = B * T / generation_seconds(gpt, B, T, 1, 2);
    TrainingShape shape = {B, 1, 1, T, false};
    double training = B * T / training_seconds(gpt, h, shape, B * T < 4096 ? B * T : 4096, 512, 3);
    char what[64];
    printf("%s: L %d, C %d, NH %d, NKV %d, F %d, V %d; N = %.2f M parameters, tied head\n", name, c->L, c->C, c->NH,
           c->NKV, c->F, c->V, N / 1e6);
    snprintf(what, sizeof what, "training step, %2d x %d tokens", B, T);
    print_rate(what, "6 N a token", training, 6 * N, peak);
    snprintf(what, sizeof what, "prefill,       %2d x %d tokens", B, T);
    print_rate(what, "2 N without head", prefill, 2 * body, peak);
    snprintf(what, sizeof what, "decoding, %d slots, %d tokens each", slots, new_tokens);
    print_rate(what, "2 N a token", decode, 2 * N, peak);
    bench_shared_prompt(gpt, h);
    free(h);
    gpt_free(gpt);
}

int main(int argc, char **argv) {
    Error err;
    Device *dev = device_open(argc > 1 ? atoi(argv[1]) : 0, 0, &err);
    REQUIRE(dev, "%s", err.text);
    setvbuf(stdout, NULL, _IOLBF, 0);
    double peak = measure_peak(dev);
    printf("%s: measured peak %.1f GFLOP/s (fused multiply-adds in registers, %d lanes)\n\n", device_name(dev), peak,
           TILE_LANES);
    bench_matmul(dev, peak);
    ModelConfig small = {.architecture = "llama", .V = 512, .C = 256, .F = 768, .L = 6, .NH = 8, .NKV = 8, .HS = 32,
                         .T_max = 256, .eps = 1e-5f, .rope_theta = 1e4, .tied = true};
    ModelConfig smollm = {.architecture = "llama", .V = 49152, .C = 576, .F = 1536, .L = 30, .NH = 9, .NKV = 3,
                          .HS = 64, .T_max = 256, .eps = 1e-5f, .rope_theta = 1e5, .tied = true};
    printf("\n");
    bench_model(dev, "small", &small, 32, 128, peak);
    bench_model(dev, "SmolLM2-135M's shape", &smollm, 8, 128, peak);
    printf("\npeak again %.1f GFLOP/s: the drift during this run\n", measure_peak(dev));
    device_close(dev);
    return 0;
}
