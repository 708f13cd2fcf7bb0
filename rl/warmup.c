// Supervised warm-up. Supervised learning is the policy loss with advantage 1 and ratio 1, so it shares its code with
// reinforcement learning. Example e of the seed's endless sequence is problem e of the tasks (held-out prompts are
// skipped), answered by the teacher: worked out with probability --sft-worked, and wrong with probability --sft-error.
#include "rl/step.h"
#include "base/clock.h"
#include "kernels/device/nvtx.h"
#include "kernels/philox.h"
#include <math.h>
#include <string.h>

enum { WARMUP_STREAM = 0x5f000000 }; // a Philox counter that no sampling uses

// Writes the example's tokens and returns its sequence (weight still 0). The question is put as in reinforcement
// learning, and the response ends in a token that ends generation: the newline itself, with the tasks' tokenizer.
static TrainSequence example(Trainer *t, uint64_t e, int *tokens) {
    const TrainConfig *c = &t->config;
    TaskProblem problem;
    Error err;
    char response[TASK_RESPONSE_MAX + 1];
    uint64_t index = e;
    do { // far indices replace held-out prompts: no example repeats another's
        task_problem(&problem, &t->tasks, (uint64_t)c->seed, index);
        index += (uint64_t)1 << 40;
    } while (task_is_heldout(problem.prompt));
    Philox bits = philox((uint64_t)c->seed, WARMUP_STREAM, 0, (uint32_t)e, (uint32_t)(e >> 32));
    bool worked = philox_uniform(bits.word[0]) < c->sft_worked;
    int length = task_response(&problem, worked, c->sft_error, (uint64_t)c->seed, e, response, sizeof response);
    char *prompt = prompt_template_render(&t->template, problem.prompt, &err);
    int n_prompt = prompt ? tokenizer_encode_prompt(t->tokenizer, prompt, strlen(prompt), t->template.chat, tokens,
                                                     t->T, &err) : 0;
    free(prompt);
    REQUIRE(n_prompt > 0, "%s", err.text);
    int n = tokenizer_encode(t->tokenizer, response, (size_t)length, tokens + n_prompt, t->T - n_prompt - 1, &err);
    REQUIRE(n > 0, "%s", err.text);
    if (!model_config_is_eos(&t->gpt->config, tokens[n_prompt + n - 1])) tokens[n_prompt + n++] = t->gpt->config.eos[0];
    return (TrainSequence){.prompt = tokens, .tokens = tokens + n_prompt, .n_prompt = n_prompt, .n = n};
}

// This rank's share of the step's examples, with the token-mean's weight.
static int examples(Trainer *t) {
    int rank = comm_rank(t->comm), ranks = comm_size(t->comm), count = 0;
    double total = 0;
    for (int b = 0; b < t->config.sft_batch; b++) {
        uint64_t e = (uint64_t)t->sft_done * (uint64_t)t->config.sft_batch + (uint64_t)b;
        TrainSequence s = example(t, e, t->warmup_tokens + (size_t)count * t->T);
        total += s.n; // every rank makes every example to know the global count, and keeps its own
        if (b % ranks == rank) t->sequences[count++] = s;
    }
    for (int j = 0; j < count; j++) t->sequences[j].weight = (float)(1.0 / total);
    return count;
}

void warmup_step(Trainer *t, StepMetrics *m) {
    RANGE("warm-up step");
    const TrainConfig *c = &t->config;
    OptimizerConfig optimizer = optimizer_config(c);
    PolicyObjective plain = {.inv_temp = 1.0f};
    double start = seconds_now(), sums[2] = {0};
    timers_start(t->dev);
    int count = examples(t), k = 0;
    updater_gradient(t->updater, &t->grads, t->results, t->sequences, count, &plain, false);
    m->lr = learning_rate(c->sft_lr, t->sft_done, c->sft_steps, c->warmup, true);
    m->grad_norm = optimizer_step(t->gpt, &t->opt, &t->grads, &optimizer, (float)m->lr);
    for (int j = 0; j < count; j++)
        for (int i = 0; i < t->sequences[j].n; i++) sums[0] += t->sequences[j].weight * (double)t->results[k++].loss;
    sums[1] = k;
    comm_sum(t->comm, sums, 2);
    m->loss = sums[0], m->tokens = sums[1];
    timers_stop(t->dev, m->sec_timer);
    m->sec_total = seconds_now() - start;
    m->tokens_per_s = sums[1] / m->sec_total;
    m->skipped = (double)t->opt.skipped;
    t->sft_done++;
}
