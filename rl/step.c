// The RL step of DynaMO (arXiv 2602.19208). Where we depart from the authors' release, and why:
//   1. A rollout carries its prompt id from birth to reward and every hand-over checks it. (The release repeats rollouts
//      by n_i but answers and groups by a constant n, so from its second epoch on most are judged against another's.)
//   2. History counts are updated after every step, by prompt id.     3. They are saved in the checkpoint.
//   4. eps_high is what the command line says.
//   5. E of Eq. 29 is the exact sum over the vocabulary, taken in the pass that computes the softmax.
//   6. H_max, H_min and max |dH| run over all response tokens of the batch on all ranks.
//   7. The loss divisor is the global count, so the gradient does not depend on micro-batches or ranks.
//   8. `entropy-loss` differentiates the full-vocabulary entropy, not -log p of the sampled token.
// The authors' way for 5 and 6 remains available as the control --modulation authors-compat.
#include "rl/step.h"
#include "base/clock.h"
#include "kernels/advantage.h"
#include "kernels/allocate.h"
#include "kernels/device/nvtx.h"
#include "rl/methods.h"
#include "rl/step_metrics.h"
#include <math.h>
#include <string.h>

// Chooses the step's prompts and how many rollouts each gets. problem (P), n (P) on the host.
static void allocate(Trainer *t, Prompt *prompts, int *n, StepMetrics *m) {
    RANGE("allocate");
    const TrainConfig *c = &t->config;
    int P = c->prompts, problem[P];
    double k[P], G[P];
    Error err;
    REQUIRE(problems_batch(&t->train.problems, (uint64_t)c->seed, t->rl_done, P, problem, &err), "%s", err.text);
    for (int i = 0; i < P; i++) {
        prompts[i] = t->train.prompts[problem[i]];
        REQUIRE(prompts[i].id == t->history.id[problem[i]], "prompt %d and its history do not belong together", i);
        k[i] = t->history.correct[problem[i]];
        G[i] = t->history.verified[problem[i]];
    }
    device_upload(t->dev, t->arrays.correct, k, sizeof k);
    device_upload(t->dev, t->arrays.verified, G, sizeof G);
    AllocateConfig config = {(AllocateKind)c->allocation, c->rollouts, c->rollouts_low, c->rollouts_high, c->explore, c->mastered};
    allocate_rollouts(t->dev, t->arrays.n, NULL, t->arrays.correct, t->arrays.verified, P, &config);
    device_download(t->dev, n, t->arrays.n, (size_t)P * sizeof *n);
    step_metrics_allocation(m, &t->history, prompts, n, P);
}

// The step's rollouts, n[i] for prompt i, dealt to the ranks: each goes to the rank with the least to do, by the response
// length that the history expects. Every rank computes the same deal, and what a rollout says does not depend on it.
static void deal(Trainer *t, const Prompt *prompts, const int *n) {
    int ranks = comm_size(t->comm);
    double load[ranks];
    memset(load, 0, sizeof load);
    t->pool.count = 0;
    for (int i = 0; i < t->config.prompts; i++)
        for (int number = 0; number < n[i]; number++) {
            double expected = t->history.length[prompts[i].problem];
            int least = 0;
            for (int w = 1; w < ranks; w++)
                if (load[w] < load[least]) least = w;
            rollout_batch_add(&t->pool, prompts, i, number, least);
            load[least] += expected > 0 ? expected : t->pool.max_new / 2.0;
        }
}

// Gives every rank the reward, length and verdict of every rollout (their tokens stay where they were made).
static void broadcast_rewards(Trainer *t) {
    int count = t->pool.count, rank = comm_rank(t->comm);
    double *table = calloc((size_t)count * 4, sizeof *table);
    REQUIRE(table, "out of memory");
    for (int j = 0; j < count; j++) {
        const Rollout *r = &t->pool.rollouts[j];
        if (r->rank != rank) continue;
        table[4 * j] = r->reward, table[4 * j + 1] = r->n, table[4 * j + 2] = r->verdict, table[4 * j + 3] = r->truncated;
    }
    comm_sum(t->comm, table, (size_t)count * 4);
    for (int j = 0; j < count; j++) {
        Rollout *r = &t->pool.rollouts[j];
        r->reward = (float)table[4 * j], r->n = (int)table[4 * j + 1], r->verdict = (int)table[4 * j + 2], r->truncated = table[4 * j + 3] != 0;
    }
    free(table);
}

// Group advantages by the kernel, and the history's visit. Rollouts stand prompt by prompt.
static void advantages(Trainer *t, const Prompt *prompts, const int *n) {
    RANGE("advantages");
    const TrainConfig *c = &t->config;
    int P = c->prompts, count = t->pool.count, *starts = malloc((size_t)(P + 1) * sizeof *starts);
    float *reward = malloc((size_t)count * sizeof *reward);
    REQUIRE(starts && reward, "out of memory");
    starts[0] = 0;
    for (int i = 0; i < P; i++) {
        double length = 0;
        int k = 0;
        starts[i + 1] = starts[i] + n[i];
        for (int j = starts[i]; j < starts[i + 1]; j++) {
            const Rollout *r = &t->pool.rollouts[j];
            REQUIRE(r->prompt == i && r->prompt_id == prompts[i].id, "rollout %d stands in another prompt's group", j);
            reward[j] = r->reward;
            length += r->n;
            k += r->verdict == VERDICT_CORRECT;
        }
        history_visit(&t->history, prompts[i].problem, prompts[i].id, n[i], k, length / n[i], c->history_decay);
    }
    AdvantageKind kind = c->advantage == ADVANTAGE_METHOD ? methods[c->method].advantage : (AdvantageKind)c->advantage;
    device_upload(t->dev, t->arrays.starts, starts, (size_t)(P + 1) * sizeof *starts);
    device_upload(t->dev, t->arrays.reward, reward, (size_t)count * sizeof *reward);
    group_advantage(t->dev, t->arrays.advantage, t->arrays.reward, t->arrays.starts, P, kind);
    device_download(t->dev, reward, t->arrays.advantage, (size_t)count * sizeof *reward);
    for (int j = 0; j < count; j++) t->pool.rollouts[j].advantage = reward[j];
    free(starts);
    free(reward);
}

static PolicyObjective objective(const TrainConfig *c) {
    bool comp = c->modulation == MODULATION_COMP || c->modulation == MODULATION_BOTH || c->modulation == MODULATION_AUTHORS_COMPAT;
    bool stab = c->modulation == MODULATION_STAB || c->modulation == MODULATION_BOTH || c->modulation == MODULATION_AUTHORS_COMPAT;
    bool paper = c->constants == CONSTANTS_PAPER;
    return (PolicyObjective){
        .inv_temp = 1.0f / (float)c->temp, // as the sampler inverts it: the same bits
        .eps_low = (float)c->eps_low,
        .eps_high = (float)c->eps_high,
        .dual_clip = (float)c->dual_clip,
        .entropy_coef = (float)c->entropy_coef,
        .comp = comp ? (paper ? 0.4f : 0.2f) : 0.0f,
        .stab = stab ? 0.4f : 0.0f,
        .stab_gamma = 50.0f,
        .stab_tau = paper ? 0.9f : 0.99f,
        .const_boost = c->modulation == MODULATION_CONST ? (float)c->const_boost : 0.0f,
    };
}

static bool trained(const TrainConfig *c, const Rollout *r) { return !(r->truncated && c->truncated == TRUNCATED_MASK); }

// The weight of each token of rollouts [first, end) in the mean that --loss-mean asks for. All counts are global: every rank
// knows the length of every rollout.
static void token_weights(const TrainConfig *c, const Rollout *rollouts, int first, int end, float *weight) {
    double tokens = 0, sequences = 0, prompts = 0, group_tokens = 0;
    for (int j = first, last = -1; j < end; j++) {
        if (!trained(c, &rollouts[j])) continue;
        tokens += rollouts[j].n;
        sequences++;
        prompts += rollouts[j].prompt != last; // one of which nothing is trained does not count
        last = rollouts[j].prompt;
    }
    for (int j = first; j < end; j++) {
        const Rollout *r = &rollouts[j];
        if (j == first || r->prompt != rollouts[j - 1].prompt) {
            group_tokens = 0;
            for (int i = j; i < end && rollouts[i].prompt == r->prompt; i++) group_tokens += trained(c, &rollouts[i]) ? rollouts[i].n : 0;
        }
        double divisor = c->loss_mean == MEAN_TOKEN      ? tokens
                         : c->loss_mean == MEAN_SEQUENCE ? sequences * r->n
                         : c->loss_mean == MEAN_PROMPT   ? prompts * group_tokens
                                                         : sequences * c->max_tokens;
        weight[j - first] = trained(c, r) && divisor > 0 ? (float)(1.0 / divisor) : 0.0f;
    }
}

// This rank's rollouts of [first, end) as training sequences; returns how many. A rollout without weight is left out.
static int sequences_of(Trainer *t, const Prompt *prompts, int first, int end) {
    int count = 0, rank = comm_rank(t->comm);
    float *weight = malloc((size_t)(end - first) * sizeof *weight);
    REQUIRE(weight, "out of memory");
    token_weights(&t->config, t->pool.rollouts, first, end, weight);
    for (int j = first; j < end; j++) {
        const Rollout *r = &t->pool.rollouts[j];
        const Prompt *p = &prompts[r->prompt];
        if (r->rank != rank || weight[j - first] == 0) continue;
        REQUIRE(r->prompt_id == p->id, "a rollout of prompt %lld was about to be trained behind another prompt", (long long)r->prompt_id);
        t->sequences[count++] = (TrainSequence){p->tokens, r->tokens, r->sampled, p->n, r->n, r->advantage, weight[j - first]};
    }
    free(weight);
    return count;
}

// Rollouts of the prompts of mini-batch u: the step's prompts are cut into `updates` runs of equal size, to within one.
static int first_rollout(const TrainConfig *c, const int *n, int u) {
    int rollout = 0, prompts = (int)((long long)c->prompts * u / c->updates);
    for (int i = 0; i < prompts; i++) rollout += n[i];
    return rollout;
}

static void update(Trainer *t, const Prompt *prompts, const int *n, StepMetrics *m) {
    RANGE("update");
    const TrainConfig *c = &t->config;
    PolicyObjective o = objective(c);
    OptimizerConfig optimizer = {(float)c->beta1, (float)c->beta2, (float)c->adam_eps, (float)c->weight_decay, (float)c->grad_clip};
    StepSums sums = {0};
    double norm = 0;
    bool compat = c->modulation == MODULATION_AUTHORS_COMPAT;
    updater_norms(t->updater, t->comm, &o, t->sequences, sequences_of(t, prompts, 0, t->pool.count));
    m->lr = learning_rate(c->lr, t->rl_done, c->steps, c->warmup, c->schedule == SCHEDULE_COSINE);
    for (int epoch = 0; epoch < c->epochs; epoch++)
        for (int u = 0; u < c->updates; u++) {
            int count = sequences_of(t, prompts, first_rollout(c, n, u), first_rollout(c, n, u + 1));
            updater_gradient(t->updater, &t->grads, t->results, t->sequences, count, &o, compat);
            norm += optimizer_step(t->gpt, &t->opt, &t->grads, &optimizer, (float)m->lr);
            step_sums_add(&sums, t->sequences, count, t->results, epoch == 0 && u == 0);
            if (epoch == 0 && u == 0 && comm_rank(t->comm) == 0 && ((t->rl_done + 1) % c->sample_every == 0 || t->rl_done == 0))
                step_metrics_samples(t, prompts, count);
        }
    step_metrics_update(m, &sums, t->comm, c->updates * c->epochs);
    m->grad_norm = norm / (c->updates * c->epochs);
    m->entropy_min = o.entropy_min, m->entropy_max = o.entropy_max, m->delta_max = o.delta_max;
    m->skipped = t->opt.skipped;
}

void rl_step(Trainer *t, StepMetrics *m) {
    RANGE("step");
    const TrainConfig *c = &t->config;
    const Method *method = &methods[c->method];
    Prompt prompts[c->prompts];
    int *n = t->arrays.h_n;
    double start = seconds_now();
    timers_start(t->dev);
    allocate(t, prompts, n, m);
    deal(t, prompts, n);
    SampleConfig sample = {(float)c->temp, 0, 1.0f, (uint64_t)c->seed, (uint32_t)t->rl_done};
    generator_run(t->generator, t->pool.rollouts, t->pool.count, comm_rank(t->comm), prompts, c->prompts, c->max_tokens, &sample);
    double generated = seconds_now();
    grade_rollouts(t->grader, t->tokenizer, prompts, c->prompts, t->pool.rollouts, t->pool.count, comm_rank(t->comm),
                   method->reward_right, method->reward_wrong);
    broadcast_rewards(t);
    double verified = seconds_now();
    advantages(t, prompts, n);
    update(t, prompts, n, m);
    timers_stop(t->dev, m->sec_timer);
    double end = seconds_now();
    m->sec_generate = generated - start, m->sec_verify = verified - generated, m->sec_update = end - verified, m->sec_total = end - start;
    step_metrics_rollouts(m, t, prompts);
    t->rl_done++;
}
