// Optional (benchmarks): what the CPU's and the GPU's benchmark both time: training and generation with random weights.
#ifndef DEV_BENCH_WORKLOAD_H
#define DEV_BENCH_WORKLOAD_H
#include "base/clock.h"
#include "model/files/gpt_files.h"
#include "model/optimizer.h"
#include "rl/generate.h"
#include "rl/update.h"

// Seconds of one call of WORK: the best of `trials` runs, each of as many calls as take a tenth of a second (if trials
// is 1, of one call), after one call to warm up.
#define BENCH_SECONDS(dev, trials, seconds, WORK)                                                                      \
    do {                                                                                                               \
        int calls_ = 1;                                                                                                \
        (seconds) = 1e30;                                                                                              \
        for (int trial_ = -1; trial_ < (trials); trial_++) {                                                           \
            device_sync(dev);                                                                                          \
            double start_ = seconds_now();                                                                             \
            for (int call_ = 0; call_ < calls_; call_++) { WORK; }                                                     \
            device_sync(dev);                                                                                          \
            double took_ = (seconds_now() - start_) / calls_;                                                          \
            if (trial_ < 0) calls_ = (trials) == 1 || took_ > 0.1 ? 1 : (int)(0.1 / took_) + 1;                        \
            else if (took_ < (seconds)) (seconds) = took_;                                                             \
        }                                                                                                              \
    } while (0)

// What a training step is on: `each` responses of T tokens to every one of some prompts of n_prompt tokens.
typedef struct TrainingShape {
    int prompts, each, n_prompt, T;
    bool share; // a prompt runs once for all its responses
} TrainingShape;

// Its seconds, in micro-batches of at most max_tokens.
static inline double training_seconds(Gpt *gpt, const float *h_params, TrainingShape x, int max_tokens, int max_rows,
                                      int trials) {
    int count = x.prompts * x.each, group = x.n_prompt + x.each * x.T, numbers = x.prompts * group;
    TrainSequence *sequences = calloc((size_t)count, sizeof *sequences);
    TokenResult *results = malloc((size_t)count * (size_t)x.T * sizeof *results);
    int *tokens = malloc((size_t)numbers * sizeof *tokens);
    Arena arena = {.name = "bench"};
    Gradients grads;
    Optimizer opt;
    OptimizerConfig config = {0.9f, 0.95f, 1e-8f, 0.1f, 1.0f};
    PolicyObjective plain = {.inv_temp = 1};
    double seconds;
    REQUIRE(sequences && results && tokens, "out of memory");
    for (int i = 0; i < numbers; i++) tokens[i] = (int)(i * 2654435761u % (unsigned)gpt->config.V);
    for (int i = 0; i < count; i++) {
        int *prompt = tokens + i / x.each * group, *response = prompt + x.n_prompt + i % x.each * x.T;
        sequences[i] = (TrainSequence){.prompt = prompt, .tokens = response, .n_prompt = x.n_prompt, .n = x.T,
                                       .weight = 1.0f / (float)(count * x.T)};
    }
    Updater *updater = updater_new(gpt, max_tokens, x.n_prompt + x.T, max_rows, x.share);
    Buckets whole = buckets_make(&gpt->table, NULL, false);
    gradients_plan(gpt, &grads, &arena, &whole);
    optimizer_plan(&opt, &arena, &whole);
    arena_commit(&arena, gpt->dev);
    optimizer_start(gpt, &opt, h_params);
    BENCH_SECONDS(gpt->dev, trials, seconds,
                  updater_gradient(updater, &grads, results, sequences, count, &plain, false);
                  optimizer_step(gpt, &opt, &grads, &config, 1e-5f));
    updater_free(updater);
    arena_free(&arena, gpt->dev);
    free(sequences), free(results), free(tokens);
    return seconds;
}

// One response of new_tokens to each of `slots` prompts of n tokens.
static inline double generation_seconds(Gpt *gpt, int slots, int n, int new_tokens, int trials) {
    int tokens[n];
    Prompt prompts[slots];
    for (int i = 0; i < n; i++) tokens[i] = 1 + i % 7;
    RolloutBatch batch;
    rollout_batch_plan(&batch, 0, slots, new_tokens);
    rollout_batch_commit(&batch, NULL);
    Generator *generator = generator_new(gpt, slots, n + new_tokens);
    SampleConfig sample = {1.0f, 0, 1.0f, 1, 0};
    double seconds;
    for (int s = 0; s < slots; s++) {
        prompts[s] = (Prompt){.id = s, .tokens = tokens, .n = n};
        rollout_batch_add(&batch, prompts, s, 0, 0);
    }
    BENCH_SECONDS(gpt->dev, trials, seconds,
                  generator_run(generator, batch.rollouts, slots, 0, prompts, slots, new_tokens, &sample));
    generator_free(generator);
    rollout_batch_free(&batch, NULL);
    return seconds;
}

#endif
