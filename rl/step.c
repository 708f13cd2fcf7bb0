// The RL step of DynaMO (arXiv 2602.19208). Where we depart from the authors' release, and why:
//   1. A rollout carries its prompt's id from creation to training; each stage checks that it matches before using it.
//      (The release repeats rollouts by n_i but answers and groups by a constant n. Its n_i differ from the second
//      epoch on, when prompts have a history; most responses are then judged against another prompt's answer.)
//   2. History counts are updated after every step, by prompt id.     3. They are saved in the checkpoint.
//   4. eps_high is what the command line says.
//   5. E of Eq. 29 is the exact sum over the vocabulary, computed in the pass that computes the softmax.
//   6. H_max, H_min and max |dH| are taken over all response tokens of the batch on all ranks: taken over one
//      micro-batch, they would give a token another b_comp and b_stab for every way to pack it.
//   7. The loss divisor is the global count, so the gradient does not depend on micro-batches or ranks.
//   8. `entropy-loss` differentiates the entropy over the full vocabulary, not -log p of the sampled token.
// The authors' way for 5 and 6 remains available as the control --modulation authors-compat.
#include "rl/step.h"
#include "base/clock.h"
#include "kernels/device/nvtx.h"
#include "rl/methods.h"
#include "rl/oracle.h"
#include "rl/overlong.h"
#include "rl/resample.h"
#include "rl/step_metrics.h"

// The step's P prompts: epoch by epoch through the training set, each epoch in its own random order.
static void choose_prompts(Trainer *t, Prompt *prompts) {
    const TrainConfig *c = &t->config;
    int problem[c->prompts];
    Error err;
    bool ok = problems_batch(&t->train.problems, (uint64_t)c->seed, t->rl_done, c->prompts, problem, &err);
    REQUIRE(ok, "%s", err.text);
    for (int i = 0; i < c->prompts; i++) prompts[i] = t->train.prompts[problem[i]];
}

// Chooses the prompts of the step's next round of rollouts; false: it has all. There is one, except that dynamic
// sampling replaces groups without spread by other prompts.
static bool next_round(Trainer *t, Prompt *prompts, int round, StepMetrics *m) {
    if (t->config.dynamic_sampling > 0) return resample(t, prompts, round, m);
    if (round == 0) choose_prompts(t, prompts);
    return round == 0;
}

// Adds this round's rollouts to the history of their prompts.
static void record_history(Trainer *t, const Prompt *prompts) {
    const RolloutBatch *b = &t->batch;
    for (int i = b->first; i < b->P; i++) {
        double length = 0;
        int correct = 0;
        for (int j = b->h_starts[i]; j < b->h_starts[i + 1]; j++) {
            length += b->rollouts[j].n;
            correct += b->rollouts[j].verdict == VERDICT_CORRECT;
        }
        history_visit(&t->history, prompts[i].problem, prompts[i].id, b->h_n[i], correct, length / b->h_n[i],
                      t->config.history_decay);
    }
}

static PolicyObjective objective(const TrainConfig *c) {
    bool both = c->modulation == MODULATION_BOTH || c->modulation == MODULATION_AUTHORS_COMPAT;
    bool comp = both || c->modulation == MODULATION_COMP, stab = both || c->modulation == MODULATION_STAB;
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
        .shaping = methods[c->method].shaping, .shaping_most = methods[c->method].shaping_most,
        .kl_coef = (float)c->kl_coef, .kl = (KlEstimator)c->kl,
    };
}

static bool trained(const TrainConfig *c, const Rollout *r) {
    return !(r->truncated && c->truncated == TRUNCATED_MASK);
}

// Response tokens that are trained among the rollouts from j on, up to `end`, that share j's prompt.
static double group_tokens(const TrainConfig *c, const Rollout *rollouts, int j, int end) {
    double tokens = 0;
    for (int prompt = rollouts[j].prompt; j < end && rollouts[j].prompt == prompt; j++)
        if (trained(c, &rollouts[j])) tokens += rollouts[j].n;
    return tokens;
}

// Writes the weight in the loss of each token of rollout j in [first, end) to weight[j - first]: 1 over the divisor of
// the mean that --loss-mean asks for. Every rank knows the length of every rollout, so the counts are global. Groups
// without spread have advantage 0 but count in the divisor.
static void token_weights(const TrainConfig *c, const Rollout *rollouts, int first, int end, float *weight) {
    double tokens = 0, sequences = 0, prompts = 0, group = 0;
    for (int j = first; j < end; j++) {
        bool opens = j == first || rollouts[j].prompt != rollouts[j - 1].prompt;
        if (opens) prompts += group_tokens(c, rollouts, j, end) > 0;
        tokens += trained(c, &rollouts[j]) ? rollouts[j].n : 0;
        sequences += trained(c, &rollouts[j]);
    }
    for (int j = first; j < end; j++) {
        const Rollout *r = &rollouts[j];
        double divisor = tokens; // MEAN_TOKEN
        if (j == first || r->prompt != rollouts[j - 1].prompt) group = group_tokens(c, rollouts, j, end);
        if (c->loss_mean == MEAN_SEQUENCE) divisor = sequences * r->n;
        if (c->loss_mean == MEAN_PROMPT) divisor = prompts * group;
        if (c->loss_mean == MEAN_CONSTANT) divisor = sequences * c->max_tokens;
        weight[j - first] = trained(c, r) && divisor > 0 ? (float)(1.0 / divisor) : 0.0f;
    }
}

// This rank's rollouts of [first, end) as training sequences; returns how many. Those of weight 0 are left out.
static int sequences_of(Trainer *t, const Prompt *prompts, int first, int end) {
    const RolloutBatch *b = &t->batch;
    int count = 0, rank = comm_rank(t->comm);
    token_weights(&t->config, b->rollouts, first, end, t->weights);
    for (int j = first; j < end; j++) {
        const Rollout *r = &b->rollouts[j];
        const Prompt *p = &prompts[r->prompt];
        if (r->rank != rank || t->weights[j - first] == 0) continue;
        REQUIRE(r->prompt_id == p->id, "a rollout of prompt %lld was about to be trained with another prompt",
                (long long)r->prompt_id);
        t->sequences[count++] = (TrainSequence){.prompt = p->tokens, .tokens = r->tokens, .sampled = r->sampled,
                                                .n_prompt = p->n, .n = r->n, .advantage = r->advantage,
                                                .weight = t->weights[j - first]};
    }
    return count;
}

// The prompts are cut into `cuts` mini-batches of equal size (to within one): the first rollout of mini-batch u.
static int first_rollout(const RolloutBatch *b, int u, int cuts) { return b->h_starts[(long long)b->P * u / cuts]; }

// Updates the policy, mini-batch by mini-batch.
static void update(Trainer *t, const Prompt *prompts, StepMetrics *m) {
    RANGE("update");
    const TrainConfig *c = &t->config;
    const RolloutBatch *b = &t->batch;
    PolicyObjective o = objective(c);
    OptimizerConfig optimizer = optimizer_config(c);
    StepSums sums = {0};
    int cuts = b->P < c->updates ? b->P : c->updates, updates = c->epochs * cuts; // dynamic sampling may keep fewer
    double norm = 0;
    bool compat = c->modulation == MODULATION_AUTHORS_COMPAT;
    updater_norms(t->updater, t->comm, &o, t->sequences, sequences_of(t, prompts, 0, b->count));
    m->lr = learning_rate(c->lr, t->rl_done, c->steps, c->warmup, c->schedule == SCHEDULE_COSINE);
    for (int i = 0; i < updates; i++) {
        int u = i % cuts; // of this epoch
        int first = first_rollout(b, u, cuts), end = first_rollout(b, u + 1, cuts);
        int count = sequences_of(t, prompts, first, end);
        adjust_tokens(t, first, end, count, i, &o);
        updater_gradient(t->updater, &t->grads, t->results, t->sequences, count, &o, compat);
        norm += optimizer_step(t->gpt, &t->opt, &t->grads, &optimizer, (float)m->lr);
        step_sums_add(&sums, t->sequences, count, t->results, i == 0);
        if (i == 0) step_metrics_samples(t, prompts, count);
    }
    step_metrics_update(m, &sums, t->comm, updates);
    m->grad_norm = norm / updates;
    m->entropy_min = o.entropy_min, m->entropy_max = o.entropy_max, m->delta_max = o.delta_max;
    m->skipped = (double)t->opt.skipped;
}

void rl_step(Trainer *t, StepMetrics *m) {
    RANGE("step");
    const TrainConfig *c = &t->config;
    const Method *method = &methods[c->method];
    RolloutBatch *b = &t->batch;
    int rank = comm_rank(t->comm);
    Prompt prompts[c->prompts];
    double start = seconds_now(), verify = 0;
    timers_start(t->dev);
    b->P = c->prompts, b->first = 0;
    for (int round = 0; next_round(t, prompts, round, m); round++) {
        // Allocate: how many rollouts each prompt gets, by the variance of its rewards so far
        AllocateConfig allocation = {(AllocateKind)c->allocation, c->rollouts,  c->rollouts_low,
                                     c->rollouts_high,            c->explore, c->mastered};
        const History *history = allocation.kind == ALLOCATE_ORACLE ? oracle_history(t, prompts, m) : &t->history;
        rollout_batch_allocate(b, t->dev, prompts, history, &allocation);
        rollout_batch_deal(b, prompts, &t->history, comm_size(t->comm));
        step_metrics_allocation(m, &t->history, prompts + b->first, b->h_n + b->first, b->P - b->first);

        // Generate: every rank samples its rollouts from the current policy
        Rollout *rollouts = b->rollouts + b->h_starts[b->first];
        int count = b->count - b->h_starts[b->first];
        SampleConfig sample = {(float)c->temp, .top_p = 1.0f, .seed = (uint64_t)c->seed, .step = (uint32_t)t->rl_done};
        generator_run(t->generator, rollouts, count, rank, prompts, b->P, c->max_tokens, &sample);

        // Verify: a verdict and a reward for each response
        double generated = seconds_now();
        grade_rollouts(t->grader, t->tokenizer, prompts, b->P, rollouts, count, rank, method->reward_right,
                       method->reward_wrong);
        rollout_batch_broadcast(b, t->comm);
        punish_overlong(rollouts, count, c->max_tokens, c->overlong);
        record_history(t, prompts);
        verify += seconds_now() - generated;
    }
    double verified = seconds_now();

    // Learn: compare each rollout with its group, then raise or lower the log-probability of its tokens
    if (b->P > 0) rollout_batch_advantages(b, t->dev, prompts, (AdvantageKind)c->advantage);
    if (b->P > 0) update(t, prompts, m); // else dynamic sampling found no group to learn from

    timers_stop(t->dev, m->sec_timer);
    double end = seconds_now();
    m->sec_generate = verified - start - verify, m->sec_verify = verify;
    m->sec_update = end - verified, m->sec_total = end - start;
    step_metrics_rollouts(m, t, prompts);
    t->rl_done++;
}
