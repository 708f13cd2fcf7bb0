// Optional (benchmarks): the whole model: a training step in packed micro-batches, generation at several numbers of
// slots, and prefill. FLOPs count as 6 N a trained and 2 N a generated token, N parameters; attention is not counted.
#include "dev/gpu/bench.h"

static double step_seconds(Bench *b, Gpt *gpt, const float *h_params, TrainingShape shape) {
    return training_seconds(gpt, h_params, shape, b->small ? 64 : 16384, b->small ? 32 : 4096, b->trials);
}

static void bench_training(Bench *b, Gpt *gpt, const float *h_params, int B, int T) {
    double rate = B * T / step_seconds(b, gpt, h_params, (TrainingShape){B, 1, 1, T, false});
    bench_row(b, rate, "tokens/s", 0, "training step, %d x %d tokens", B, T);
    bench_row(b, 6.0 * (double)gpt->table.numbers * rate / 1e12, "TFLOP/s", b->gemm, "  by 6 N a token");
}

// Word problems in a chat template, with prompts shared and not.
static void bench_shared_prompts(Bench *b, Gpt *gpt, const float *h_params) {
    TrainingShape shape = b->small ? (TrainingShape){2, 3, 9, 5, false} : (TrainingShape){32, 16, 120, 60, false};
    for (int share = 0; share < 2; share++) {
        shape.share = share;
        double seconds = step_seconds(b, gpt, h_params, shape);
        bench_row(b, shape.prompts * shape.each / seconds, "rollouts/s", 0, "training step, %d x %d x (%d + %d)%s",
                  shape.prompts, shape.each, shape.n_prompt, shape.T, share ? ", prompts shared" : "");
    }
}

static void bench_generation(Bench *b, Gpt *gpt, int slots, int new_tokens) {
    double seconds = generation_seconds(gpt, slots, 1, new_tokens, b->trials);
    double tokens = (double)slots * new_tokens, weights = (double)gpt->table.size * sizeof(floatX) * new_tokens;
    bench_row(b, tokens / seconds, "tokens/s", 0, "generation, %d slots, %d tokens each", slots, new_tokens);
    bench_row(b, weights / seconds / 1e9, "GB/s", b->copy / 2, "  weights read, against half the copy");
}

static void bench_prefill(Bench *b, Gpt *gpt, int prompts, int n) {
    double rate = (double)prompts * n / generation_seconds(gpt, prompts, n, 1, b->trials);
    double body = (double)gpt->table.numbers - (double)gpt->config.V * gpt->config.C;
    bench_row(b, rate, "tokens/s", 0, "prefill, %d prompts of %d tokens", prompts, n);
    bench_row(b, 2.0 * body * rate / 1e12, "TFLOP/s", b->gemm, "  by 2 N a token without the head");
}

void bench_whole(Bench *b) {
    ModelConfig config = bench_model_config(b);
    Gpt *gpt = gpt_new(b->dev, &config, b->small ? 64 : 1200);
    float *h = malloc(gpt->table.size * sizeof *h);
    REQUIRE(h, "out of memory");
    params_init(&gpt->table, 1, h);
    device_upload_floats(b->dev, gpt->params, h, gpt->table.size);
    printf("\nL %d, C %d, NH %d, NKV %d, F %d, V %d: %.1f M parameters\n", config.L, config.C, config.NH, config.NKV,
           config.F, config.V, (double)gpt->table.numbers / 1e6);
    bench_training(b, gpt, h, b->small ? 2 : 32, b->small ? 24 : 1024);
    bench_shared_prompts(b, gpt, h);
    free(h);
    for (int slots = b->small ? 2 : 16; slots <= (b->small ? 2 : 1024); slots *= 4)
        bench_generation(b, gpt, slots, b->small ? 4 : 256);
    bench_prefill(b, gpt, b->small ? 3 : 64, b->small ? 20 : 256);
    gpt_free(gpt);
}
