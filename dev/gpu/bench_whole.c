// The model as a whole: a training step in packed micro-batches, and generation at several numbers of slots. Operations are
// counted as 6 N a trained and 2 N a generated token, N parameters; attention comes on top and is not counted.
#include "dev/gpu/bench.h"
#include "model/optimizer.h"
#include "rl/generate.h"
#include "rl/update.h"

static void bench_training(Bench *b, Gpt *gpt, const float *h_params, int B, int T) {
    TrainSequence *sequences = calloc((size_t)B, sizeof *sequences);
    TokenResult *results = malloc((size_t)B * (size_t)T * sizeof *results);
    int *tokens = malloc((size_t)B * (size_t)(T + 1) * sizeof *tokens);
    Arena arena = {.name = "bench"};
    Gradients grads;
    Optimizer opt;
    OptimizerConfig config = {0.9f, 0.95f, 1e-8f, 0.1f, 1.0f};
    PolicyObjective plain = {.inv_temp = 1};
    double seconds;
    REQUIRE(sequences && results && tokens, "out of memory");
    for (int i = 0; i < B * (T + 1); i++) tokens[i] = (int)(i * 2654435761u % (unsigned)gpt->config.V);
    for (int s = 0; s < B; s++)
        sequences[s] = (TrainSequence){.prompt = tokens + s * (T + 1), .tokens = tokens + s * (T + 1) + 1, .n_prompt = 1, .n = T,
                                       .weight = 1.0f / (float)(B * T)};
    Updater *updater = updater_new(gpt, b->small ? 64 : 16384, T + 1, b->small ? 32 : 4096);
    Buckets whole = buckets_make(&gpt->table, NULL, false);
    gradients_plan(gpt, &grads, &arena, &whole);
    optimizer_plan(&opt, &arena, &whole);
    arena_commit(&arena, gpt->dev);
    optimizer_start(gpt, &opt, h_params);
    BENCH_SECONDS(b, seconds, updater_gradient(updater, &grads, results, sequences, B, &plain, false);
                  optimizer_step(gpt, &opt, &grads, &config, 1e-5f));
    double rate = B * T / seconds;
    bench_row(b, rate, "tokens/s", 0, "training step, %d x %d tokens", B, T);
    bench_row(b, 6.0 * (double)gpt->table.numbers * rate / 1e12, "TFLOP/s", b->gemm, "  by 6 N a token");
    updater_free(updater);
    arena_free(&arena, gpt->dev);
    free(sequences), free(results), free(tokens);
}

// A response of new_tokens to each of `slots` prompts of n tokens: seconds.
static double generate(Bench *b, Gpt *gpt, int slots, int n, int new_tokens) {
    int tokens[n];
    Prompt prompts[slots];
    for (int i = 0; i < n; i++) tokens[i] = 1 + i % 7;
    RolloutBatch batch;
    rollout_batch_plan(&batch, 0, slots, new_tokens); rollout_batch_commit(&batch, NULL);
    Generator *generator = generator_new(gpt, slots, n + new_tokens);
    SampleConfig sample = {1.0f, 0, 1.0f, 1, 0};
    double seconds;
    for (int s = 0; s < slots; s++) {
        prompts[s] = (Prompt){.id = s, .tokens = tokens, .n = n};
        rollout_batch_add(&batch, prompts, s, 0, 0);
    }
    BENCH_SECONDS(b, seconds, generator_run(generator, batch.rollouts, slots, 0, prompts, slots, new_tokens, &sample));
    generator_free(generator);
    rollout_batch_free(&batch, NULL);
    return seconds;
}

static void bench_generation(Bench *b, Gpt *gpt, int slots, int new_tokens) {
    double seconds = generate(b, gpt, slots, 1, new_tokens);
    double tokens = (double)slots * new_tokens, weights = (double)gpt->table.size * sizeof(floatX) * new_tokens;
    bench_row(b, tokens / seconds, "tokens/s", 0, "generation, %d slots, %d tokens each", slots, new_tokens);
    bench_row(b, weights / seconds / 1e9, "GB/s", b->copy / 2, "  weights read, against half the copy (a copy also writes)");
}

static void bench_prefill(Bench *b, Gpt *gpt, int prompts, int n) {
    double rate = (double)prompts * n / generate(b, gpt, prompts, n, 1);
    bench_row(b, rate, "tokens/s", 0, "prefill, %d prompts of %d tokens", prompts, n);
    bench_row(b, 2.0 * ((double)gpt->table.numbers - (double)gpt->config.V * gpt->config.C) * rate / 1e12, "TFLOP/s", b->gemm, "  by 2 N a token without the head");
}

void bench_whole(Bench *b) {
    ModelConfig config = bench_model_config(b);
    Gpt *gpt = gpt_new(b->dev, &config, b->small ? 64 : 1200);
    float *h = malloc(gpt->table.size * sizeof *h);
    REQUIRE(h, "out of memory");
    params_init(&gpt->table, 1, h);
    device_upload_floats(b->dev, gpt->params, h, gpt->table.size);
    printf("\nL %d, C %d, NH %d, NKV %d, F %d, V %d: %.1f M parameters\n", config.L, config.C, config.NH, config.NKV, config.F, config.V,
           (double)gpt->table.numbers / 1e6);
    bench_training(b, gpt, h, b->small ? 2 : 32, b->small ? 24 : 1024);
    free(h);
    for (int slots = b->small ? 2 : 16; slots <= (b->small ? 2 : 1024); slots *= 4) bench_generation(b, gpt, slots, b->small ? 4 : 256);
    bench_prefill(b, gpt, b->small ? 3 : 64, b->small ? 20 : 256);
    gpt_free(gpt);
}
