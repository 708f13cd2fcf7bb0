// Optional (allocation oracle).
#include "rl/oracle.h"

// Generates and grades rollouts [from, end) of this round's prompts, --oracle-rollouts of each in turn, and adds to
// counts (P, 2) those that are correct and their tokens.
static void sample_part(Trainer *t, const Prompt *prompts, int from, int end, double (*counts)[2]) {
    const TrainConfig *c = &t->config;
    RolloutBatch *b = &t->batch;
    int start = b->h_starts[b->first], rank = comm_rank(t->comm), ranks = comm_size(t->comm), each = c->oracle_rollouts;
    Rollout *rollouts = b->rollouts + start;
    SampleConfig sample = {(float)c->temp, .top_p = 1.0f, .seed = (uint64_t)c->seed,
                           .step = (uint32_t)t->rl_done + ORACLE_STREAM};
    b->count = start;
    for (int k = from; k < end; k++) rollout_batch_add(b, prompts, b->first + k / each, k % each, k % ranks);
    generator_run(t->generator, rollouts, end - from, rank, prompts, b->P, c->max_tokens, &sample);
    grade_rollouts(t->grader, t->tokenizer, prompts, b->P, rollouts, end - from, rank, 1, 0);
    for (const Rollout *r = rollouts; r < rollouts + (end - from); r++) {
        if (r->rank != rank) continue;
        counts[r->prompt - b->first][0] += r->verdict == VERDICT_CORRECT;
        counts[r->prompt - b->first][1] += r->n;
    }
}

const History *oracle_history(Trainer *t, const Prompt *prompts, StepMetrics *m) {
    const RolloutBatch *b = &t->batch;
    int P = b->P - b->first, each = t->config.oracle_rollouts, free_rollouts = b->capacity - b->h_starts[b->first];
    double counts[P][2];
    for (int i = 0; i < P; i++) counts[i][0] = counts[i][1] = 0;
    for (int from = 0, end; from < P * each; from = end) {
        end = P * each - from > free_rollouts ? from + free_rollouts : P * each;
        sample_part(t, prompts, from, end, counts);
    }
    comm_sum(t->comm, *counts, (size_t)P * 2);
    if (isnan(m->oracle_tokens)) m->oracle_tokens = 0;
    for (int i = 0; i < P; i++) {
        const Prompt *p = &prompts[b->first + i];
        history_visit(&t->oracle, p->problem, p->id, each, (int)counts[i][0], counts[i][1] / each, 0);
        m->oracle_tokens += counts[i][1];
    }
    return &t->oracle;
}
