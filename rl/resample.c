// Optional (dynamic sampling).
#include "rl/resample.h"
#include <string.h>

// The problem at a position of the order of all epochs, one after another.
static int problem_at(const Trainer *t, int64_t position) {
    const ProblemSet *set = &t->train.problems;
    return problems_at(set, (uint64_t)t->config.seed, position / set->count, (int)(position % set->count));
}

// Whether this step has drawn the problem at `position` before: never within one epoch.
static bool drawn_before(const Trainer *t, int64_t position) {
    int problem = problem_at(t, position);
    int64_t first = t->prompts_before, epoch = position / t->train.problems.count * t->train.problems.count;
    for (int64_t i = first; i < epoch; i++)
        if (problem_at(t, i) == problem) return true;
    return false;
}

// Appends prompts until the batch has --prompts or the step has drawn every problem.
static void append_prompts(Trainer *t, Prompt *prompts, StepMetrics *m) {
    RolloutBatch *b = &t->batch;
    while (b->P < t->config.prompts && m->groups_generated < t->train.problems.count) {
        int64_t position = t->prompts_done++;
        if (drawn_before(t, position)) continue;
        prompts[b->P++] = t->train.prompts[problem_at(t, position)];
        m->groups_generated++;
    }
}

// Moves group `from` to the place `to` < from, with its prompt, tokens and statistics.
static void move_group(RolloutBatch *b, Prompt *prompts, int from, int to) {
    int n = b->h_n[from], source = b->h_starts[from], target = b->h_starts[to];
    for (int k = 0; k < n; k++) {
        Rollout *r = &b->rollouts[source + k], *moved = &b->rollouts[target + k];
        size_t at = (size_t)(target + k) * (size_t)b->max_new;
        memcpy(b->tokens + at, r->tokens, (size_t)r->n * sizeof *r->tokens);
        memcpy(b->sampled + at, r->sampled, (size_t)r->n * sizeof *r->sampled);
        *moved = *r;
        moved->prompt = to, moved->tokens = b->tokens + at, moved->sampled = b->sampled + at;
    }
    prompts[to] = prompts[from];
    b->h_n[to] = n, b->h_starts[to + 1] = target + n;
}

// Keeps, of this round's groups, those with correct and other rollouts.
static void keep_groups(RolloutBatch *b, Prompt *prompts, StepMetrics *m) {
    int kept = b->first;
    for (int i = b->first; i < b->P; i++) {
        int n = b->h_n[i], correct = 0;
        for (int j = b->h_starts[i]; j < b->h_starts[i + 1]; j++) {
            const Rollout *r = &b->rollouts[j];
            REQUIRE(r->prompt == i && r->prompt_id == prompts[i].id, "rollout %d is in another prompt's group", j);
            correct += r->verdict == VERDICT_CORRECT;
            m->tokens_generated += r->n;
        }
        m->correct_generated += correct, m->rollouts_generated += n;
        if (correct == 0 || correct == n) continue;
        if (kept < i) move_group(b, prompts, i, kept);
        kept++;
    }
    m->groups_trained = b->P = b->first = kept;
    b->count = b->h_starts[kept];
}

bool resample(Trainer *t, Prompt *prompts, int round, StepMetrics *m) {
    RolloutBatch *b = &t->batch;
    if (round == 0) {
        t->prompts_before = t->prompts_done;
        m->groups_generated = m->rollouts_generated = m->tokens_generated = m->correct_generated = 0;
        b->P = b->first = 0;
    } else {
        keep_groups(b, prompts, m);
        m->rounds = round, m->skipped = (double)t->opt.skipped;
    }
    if (round < t->config.dynamic_sampling) append_prompts(t, prompts, m);
    return b->P > b->first;
}
