#include "rl/evaluate.h"
#include "rl/estimate.h"

typedef struct Tally { // of one prompt
    double correct, worked, tokens;
} Tally;

// Samples and judges prompts [first, end) of the held-out set with the training pool's memory.
static void evaluate_part(Trainer *t, int first, int end, int samples, Tally *tally) {
    RolloutPool *pool = &t->pool;
    const Prompt *prompts = t->heldout.prompts;
    int rank = comm_rank(t->comm), ranks = comm_size(t->comm), P = t->heldout.problems.count;
    pool->count = 0;
    for (int i = first; i < end; i++)
        for (int s = 0; s < samples; s++) {
            Rollout *r = &pool->rollouts[pool->count];
            *r = (Rollout){.prompt_id = prompts[i].id, .prompt = i, .number = s, .rank = i % ranks,
                           .tokens = pool->tokens + (size_t)pool->count * pool->max_new,
                           .sampled = pool->sampled + (size_t)pool->count * pool->max_new};
            pool->count++;
        }
    SampleConfig sample = {(float)t->config.temp, 0, 1.0f, (uint64_t)t->config.seed, (uint32_t)EVALUATE_STREAM};
    generator_run(t->generator, pool->rollouts, pool->count, rank, prompts, P, pool->max_new, &sample);
    judge_rollouts(t->heldout_judge, t->tokenizer, prompts, P, pool->rollouts, pool->count, rank, 1, 0);
    for (int j = 0; j < pool->count; j++) {
        const Rollout *r = &pool->rollouts[j];
        if (r->rank != rank) continue;
        size_t len;
        char *text = response_text(t->tokenizer, r, &len);
        tally[r->prompt].correct += r->verdict == VERDICT_CORRECT;
        tally[r->prompt].worked += task_is_worked(text, len);
        tally[r->prompt].tokens += r->n;
        free(text);
    }
}

void evaluate_heldout(Trainer *t, int samples, bool histogram, StepMetrics *m) {
    int P = t->heldout.problems.count, most = t->pool.capacity / samples;
    Tally *tally = calloc((size_t)P, sizeof *tally);
    double *rate = malloc((size_t)P * sizeof *rate), worked = 0, tokens = 0;
    REQUIRE(tally && rate, "out of memory");
    REQUIRE(most >= 1, "--eval-samples %d is more than the %d rollouts of a step", samples, t->pool.capacity);
    for (int first = 0; first < P; first += most) evaluate_part(t, first, first + most < P ? first + most : P, samples, tally);
    comm_sum(t->comm, (double *)tally, (size_t)P * sizeof *tally / sizeof(double));
    for (int i = 0; i < P; i++) {
        rate[i] = tally[i].correct / samples;
        worked += tally[i].worked, tokens += tally[i].tokens;
        if (histogram) m->pass_hist[pass_rate_bin(rate[i])]++;
    }
    Estimate e = bootstrap_mean(rate, (size_t)P, 1);
    m->heldout_pass1 = e.mean, m->heldout_low = e.low, m->heldout_high = e.high;
    m->heldout_worked = worked / P / samples, m->heldout_length = tokens / P / samples;
    m->has_pass_hist = histogram;
    free(tally);
    free(rate);
}
