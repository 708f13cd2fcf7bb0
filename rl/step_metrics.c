// Optional (metrics).
#include "rl/step_metrics.h"
#include <math.h>

static void add_adjusted(StepSums *s, const TokenAdjust *a, float logp) {
    double d = a ? (double)a->logp_ref - logp : NAN;
    s->kl_ref += exp(d) - 1 - d;
    s->adjusted += a ? a->factor == 0 || a->move != 0 : NAN;
}

void step_sums_add(StepSums *s, const TrainSequence *sequences, int count, const TokenResult *results, bool first) {
    const TokenResult *r = results;
    for (int j = 0; j < count; j++)
        for (int t = 0; t < sequences[j].n; t++, r++) {
            double d = (double)r->logp - sequences[j].sampled[t].logp;
            s->loss += sequences[j].weight * (double)r->loss;
            s->tokens += 1;
            s->kl += exp(d) - 1 - d; // Schulman's k3 estimator of KL(old || new), over samples of the old policy
            s->clipped += r->clipped;
            s->b_comp += r->b_comp;
            s->b_comp_low += r->b_comp < 0.95f;
            s->b_stab += r->b_stab;
            s->b_stab_low += r->b_stab < 0.95f;
            add_adjusted(s, sequences[j].adjust ? &sequences[j].adjust[t] : NULL, r->logp);
            s->ratio_max = fmax(s->ratio_max, r->ratio);
            if (first) s->logprob_diff_max = fmax(s->logprob_diff_max, fabs(d));
        }
}

void step_metrics_update(StepMetrics *m, StepSums *s, Comm *comm, int updates) {
    double sums[] = {s->loss, s->tokens, s->kl, s->clipped, s->b_comp, s->b_comp_low, s->b_stab, s->b_stab_low,
                     s->kl_ref, s->adjusted};
    double largest[] = {s->ratio_max, s->logprob_diff_max};
    comm_sum(comm, sums, sizeof sums / sizeof *sums);
    comm_max(comm, largest, 2);
    double tokens = sums[1] > 0 ? sums[1] : 1;
    m->loss = sums[0] / updates;
    m->kl_old = sums[2] / tokens;
    m->clip_frac = sums[3] / tokens;
    m->b_comp_mean = sums[4] / tokens, m->b_comp_low = sums[5] / tokens;
    m->kl_ref = sums[8] / tokens, m->adjusted = sums[9] / tokens;
    m->b_stab_mean = sums[6] / tokens, m->b_stab_low = sums[7] / tokens;
    m->ratio_max = largest[0], m->logprob_diff_max = largest[1];
}

void step_metrics_allocation(StepMetrics *m, const History *history, const Prompt *prompts, const int *n, int P) {
    for (int i = 0; i < P; i++) {
        double rate = history_pass_rate(history, prompts[i].problem);
        if (rate < 0) continue; // never seen: no bin
        m->alloc_prompts[pass_rate_bin(rate)]++;
        m->alloc_rollouts[pass_rate_bin(rate)] += n[i];
    }
}

// Whether every rollout of prompt i (rollouts [first, end)) got the same reward.
static bool no_spread(const Rollout *rollouts, int first, int end) {
    for (int j = first + 1; j < end; j++)
        if (rollouts[j].reward != rollouts[first].reward) return false;
    return true;
}

// The standard deviation (n - 1) of the rewards of rollouts [first, end); 0 of one.
static double reward_std(const Rollout *rollouts, int first, int end) {
    int n = end - first;
    double mean = 0, squares = 0;
    for (int j = first; j < end; j++) mean += (double)rollouts[j].reward / n;
    for (int j = first; j < end; j++) squares += (rollouts[j].reward - mean) * (rollouts[j].reward - mean);
    return n > 1 ? sqrt(squares / (n - 1)) : 0;
}

static void keep_undecided(StepMetrics *m, Trainer *t, const Rollout *r, int problem, const char *text, size_t len) {
    bool undecided = r->verdict == VERDICT_UNKNOWN || r->verdict == VERDICT_LIMIT;
    if (undecided && m->undecided_count < (int)(sizeof m->undecided / sizeof *m->undecided))
        grader_describe(t->grader, problem, text, len, m->undecided[m->undecided_count++], sizeof *m->undecided);
}

void step_metrics_rollouts(StepMetrics *m, Trainer *t, const Prompt *prompts) {
    m->n = t->batch.h_n, m->P = t->batch.P;
    const Rollout *rollouts = t->batch.rollouts;
    const int *starts = t->batch.h_starts;
    int count = t->batch.count;
    double reward = 0, tokens = 0, truncated = 0, right = 0, flat = 0, std = 0;
    double local[3] = {0}; // worked, entropy and tokens of this rank, which alone has the tokens
    for (int j = 0; j < count; j++) {
        const Rollout *r = &rollouts[j];
        reward += r->reward, tokens += r->n, truncated += r->truncated;
        right += r->verdict == VERDICT_CORRECT;
        m->verdicts[r->verdict]++;
        if (r->rank != comm_rank(t->comm)) continue;
        size_t len;
        char *text = response_text(t->tokenizer, r, &len);
        local[0] += task_is_worked(text, len);
        keep_undecided(m, t, r, prompts[r->prompt].problem, text, len);
        free(text);
        for (int k = 0; k < r->n; k++) local[1] += r->sampled[k].entropy;
        local[2] += r->n;
    }
    for (int i = 0; i < m->P; i++) {
        flat += no_spread(rollouts, starts[i], starts[i + 1]);
        std += reward_std(rollouts, starts[i], starts[i + 1]);
    }
    comm_sum(t->comm, local, 3);
    m->reward = reward / count, m->reward_std = std / m->P, m->pass_rate = right / count;
    m->worked = local[0] / count, m->entropy = local[1] / local[2];
    m->response_length = tokens / count, m->truncated = truncated / count;
    m->zero_spread = flat / m->P;
    m->tokens = tokens, m->tokens_per_s = tokens / m->sec_total;
}

void step_metrics_samples(Trainer *t, const Prompt *prompts, int count) {
    const TokenResult *results = t->results;
    int prompts_written = 0, last = -1, step = t->rl_done + 1;
    if (comm_rank(t->comm) != 0 || (step != 1 && step % t->config.sample_every != 0)) return;
    for (int j = 0; j < count; j++) {
        const TrainSequence *s = &t->sequences[j];
        const Rollout *r = &t->batch.rollouts[(s->tokens - t->batch.tokens) / t->batch.max_new];
        const Problem *problem = &t->train.problems.items[prompts[r->prompt].problem];
        if (r->prompt != last && ++prompts_written > 2) return;
        last = r->prompt;
        if (r->number < 6)
            metrics_write_rollout(&t->log, t->tokenizer, problem->prompt, problem->gold, step, r, results);
        results += s->n;
    }
}
