// `make bench`: what this machine can do, and what share of it the program gets. The peak is measured first, in the same
// run: independent fused multiply-adds in registers, on all threads. Figures of one run compare with each other; figures
// of different runs need not (clocks and neighbours drift).
#include "base/clock.h"
#include "kernels/matmul.h"
#include "kernels/tile.h"
#include "model/files/gpt_files.h"
#include "model/optimizer.h"
#include "rl/generate.h"
#include "rl/metrics.h"
#include "rl/update.h"
#include <math.h>
#include <string.h>

static volatile float sink;

// Seconds of `rounds` rounds of nothing but multiply-adds on every thread: 12 independent accumulators of one vector each
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

// GFLOP/s, the best of many short tries: a try in which another program took a core says nothing about the machine
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

// The best of a few repetitions that together take at least a fifth of a second, as GFLOP/s
static double rate(Device *dev, int kind, int N, int C, int OC) {
    float *x = values(dev, (size_t)N * C), *w = values(dev, (size_t)OC * C), *y = values(dev, (size_t)N * OC), *dw = values(dev, (size_t)OC * C);
    double flops = 2.0 * N * C * OC, best = 0;
    for (int trial = 0; trial < 3; trial++) {
        int done = 0;
        double start = seconds_now(), end;
        do {
            if (kind == 0) matmul_forward(dev, y, x, w, NULL, N, C, OC);
            if (kind == 1) matmul_backward_input(dev, x, y, w, N, C, OC);
            if (kind == 2) matmul_backward_weight(dev, dw, NULL, y, x, N, C, OC);
            done++;
            end = seconds_now();
        } while (end - start < 0.1);
        best = flops * done / (end - start) > best ? flops * done / (end - start) : best;
    }
    device_free(dev, x), device_free(dev, w), device_free(dev, y), device_free(dev, dw);
    return best / 1e9;
}

static void bench_matmul(Device *dev, double peak) {
    const int shapes[][3] = {{2048, 256, 768}, {4096, 256, 1536}, {2048, 576, 1536}, {2048, 1536, 576}, {1024, 2048, 2048}, {64, 256, 1536}, {64, 576, 3072}, {64, 576, 49152}, {12, 576, 3072}};
    printf("matmul, GFLOP/s (share of peak)   y = x W^T        dx = dy W        dW += dy^T x\n");
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        printf("  N %5d  C %5d  OC %6d       ", shapes[s][0], shapes[s][1], shapes[s][2]);
        for (int kind = 0; kind < 3; kind++) {
            double gflops = rate(dev, kind, shapes[s][0], shapes[s][1], shapes[s][2]);
            printf("  %6.1f (%2.0f %%)  ", gflops, 100 * gflops / peak);
        }
        printf("\n");
    }
}

static double bench_training(Gpt *gpt, int B, int T) {
    TrainSequence *sequences = calloc((size_t)B, sizeof *sequences);
    TokenResult *results = malloc((size_t)B * (size_t)T * sizeof *results);
    int *tokens = malloc((size_t)B * (size_t)(T + 1) * sizeof *tokens);
    Arena arena = {.name = "bench"};
    Gradients grads;
    Optimizer opt;
    OptimizerConfig config = {0.9f, 0.95f, 1e-8f, 0.1f, 1.0f};
    PolicyObjective plain = {.inv_temp = 1};
    REQUIRE(sequences && results && tokens, "out of memory");
    for (int i = 0; i < B * (T + 1); i++) tokens[i] = (int)(i * 2654435761u % (unsigned)gpt->config.V);
    for (int b = 0; b < B; b++) // T rows a sequence: one prompt token and T response tokens
        sequences[b] = (TrainSequence){.prompt = tokens + b * (T + 1), .tokens = tokens + b * (T + 1) + 1, .n_prompt = 1, .n = T, .weight = 1.0f / (float)(B * T)};
    Updater *updater = updater_new(gpt, B * T < 4096 ? B * T : 4096, T + 1, 512);
    Buckets whole = buckets_make(&gpt->table, NULL, false);
    gradients_plan(gpt, &grads, &arena, &whole);
    optimizer_plan(&opt, &arena, &whole);
    arena_commit(&arena, gpt->dev);
    float *h = malloc(gpt->table.size * sizeof *h);
    REQUIRE(h, "out of memory");
    params_init(&gpt->table, 1, h);
    optimizer_start(gpt, &opt, h);
    double best = 1e30;
    for (int trial = 0; trial < 4; trial++) { // the first touches the memory
        double start = seconds_now();
        updater_gradient(updater, &grads, results, sequences, B, &plain, false);
        optimizer_step(gpt, &opt, &grads, &config, 1e-4f);
        if (trial > 0 && seconds_now() - start < best) best = seconds_now() - start;
    }
    updater_free(updater);
    arena_free(&arena, gpt->dev);
    free(sequences), free(results), free(tokens), free(h);
    return B * T / best;
}

// A response of T tokens to each of `slots` prompts of n tokens. Returns tokens a second, of both.
static double bench_generation(Gpt *gpt, int slots, int n, int T) {
    int tokens[n];
    Prompt prompts[slots];
    for (int i = 0; i < n; i++) tokens[i] = 1 + i % 7;
    for (int s = 0; s < slots; s++) prompts[s] = (Prompt){.id = s, .tokens = tokens, .n = n};
    RolloutBatch batch;
    rollout_batch_plan(&batch, 0, slots, T); rollout_batch_commit(&batch, NULL);
    Generator *generator = generator_new(gpt, slots, n + T);
    SampleConfig sample = {1.0f, 0, 1.0f, 1, 0};
    double best = 1e30;
    for (int trial = 0; trial < 2; trial++) {
        batch.count = 0;
        for (int s = 0; s < slots; s++) rollout_batch_add(&batch, prompts, s, 0, 0);
        double start = seconds_now();
        generator_run(generator, batch.rollouts, batch.count, 0, prompts, slots, T, &sample);
        best = seconds_now() - start < best ? seconds_now() - start : best;
    }
    generator_free(generator);
    rollout_batch_free(&batch, NULL);
    return slots * (n - 1 + T) / best;
}

static void bench_model(Device *dev, const char *name, const ModelConfig *config, int B, int T, double peak) {
    Gpt *gpt = gpt_new(dev, config, 256);
    float *h = malloc(gpt->table.size * sizeof *h);
    REQUIRE(h, "out of memory");
    params_init(&gpt->table, 1, h);
    device_upload_floats(dev, gpt->params, h, gpt->table.size);
    free(h);
    int new_tokens = config->L > 10 ? 48 : 128; // long enough to see attention, short enough to wait for
    double N = (double)gpt->table.numbers, decode = bench_generation(gpt, 64, 1, new_tokens), training = bench_training(gpt, B, T);
    double prefill = bench_generation(gpt, B, T, 1), body = N - (double)config->V * config->C; // a prompt has no logits but its last
    printf("%s: L %d, C %d, NH %d, NKV %d, F %d, V %d; N = %.2f M parameters, tied head\n", name, config->L, config->C, config->NH, config->NKV, config->F, config->V, N / 1e6);
    printf("  training step, %2d x %d tokens       %8.0f tokens/s   %6.1f GFLOP/s by 6 N a token   %2.0f %% of peak\n", B, T, training, 6 * N * training / 1e9, 100 * 6 * N * training / 1e9 / peak);
    printf("  prefill,      %2d x %d tokens       %8.0f tokens/s   %6.1f GFLOP/s by 2 N without head  %2.0f %% of peak\n", B, T, prefill, 2 * body * prefill / 1e9, 100 * 2 * body * prefill / 1e9 / peak);
    printf("  decoding, 64 slots, %d tokens each   %8.0f tokens/s   %6.1f GFLOP/s by 2 N a token   %2.0f %% of peak\n", new_tokens, decode, 2 * N * decode / 1e9, 100 * 2 * N * decode / 1e9 / peak);
    gpt_free(gpt);
}

int main(int argc, char **argv) {
    Error err;
    Device *dev = device_open(argc > 1 ? atoi(argv[1]) : 0, 0, &err);
    REQUIRE(dev, "%s", err.text);
    setvbuf(stdout, NULL, _IOLBF, 0);
    double peak = measure_peak(dev);
    printf("%s: measured peak %.1f GFLOP/s (fused multiply-adds in registers, %d lanes)\n\n", device_name(dev), peak, TILE_LANES);
    bench_matmul(dev, peak);
    ModelConfig small = {.architecture = "llama", .V = 512, .C = 256, .F = 768, .L = 6, .NH = 8, .NKV = 8, .HS = 32, .T_max = 256, .eps = 1e-5f, .rope_theta = 1e4, .tied = true};
    ModelConfig smollm = {.architecture = "llama", .V = 49152, .C = 576, .F = 1536, .L = 30, .NH = 9, .NKV = 3, .HS = 64, .T_max = 256, .eps = 1e-5f, .rope_theta = 1e5, .tied = true};
    printf("\n");
    bench_model(dev, "small", &small, 32, 128, peak);
    bench_model(dev, "SmolLM2-135M's shape", &smollm, 8, 128, peak);
    printf("\npeak again %.1f GFLOP/s: the drift during this run\n", measure_peak(dev));
    device_close(dev);
    return 0;
}
