// Optional (held-out evaluation).
#include "rl/evaluate/evaluate.h"
#include "rl/evaluate/estimate.h"

// The user's program grades all responses to a prompt at once.
static void grade_by_command(const Evaluation *e, int i, Response *responses) {
    RewardRow *rows = calloc((size_t)e->samples, sizeof *rows);
    REQUIRE(rows, "out of memory");
    for (int s = 0; s < e->samples; s++) {
        const Response *r = &responses[s];
        rows[s] = (RewardRow){&e->set->problems.items[i], s, r->text, r->len, r->truncated, 0, false};
    }
    Error err;
    if (!reward_command_grade(grader_command(e->grader), rows, e->samples, &err)) reward_command_fail(&err);
    for (int s = 0; s < e->samples; s++) {
        Response *r = &responses[s];
        r->reward = rows[s].reward;
        r->verdict = rows[s].correct ? VERDICT_CORRECT : r->truncated ? VERDICT_TRUNCATED : VERDICT_WRONG;
        r->start = 0, r->length = r->len;
    }
    free(rows);
}

void evaluate_grade(const Evaluation *e, int i, Response *responses) {
    if (grader_command(e->grader)) return grade_by_command(e, i, responses);
    for (Response *r = responses; r < responses + e->samples; r++) {
        r->verdict = grade_response(e->grader, i, r->text, r->len, r->truncated, &r->start, &r->length);
        r->reward = r->verdict == VERDICT_CORRECT;
    }
}

PromptOutcome evaluate_count(const Response *responses, int samples) {
    PromptOutcome sum = {0};
    for (const Response *r = responses; r < responses + samples; r++) {
        sum.correct += r->verdict == VERDICT_CORRECT;
        sum.worked += task_is_worked(r->text, r->len);
        sum.tokens += r->tokens;
        sum.truncated += r->truncated;
        sum.reward += r->reward;
    }
    return sum;
}

// Grades the generated rollouts (samples) of prompt i.
static PromptOutcome grade_prompt(const Evaluation *e, int i, const Rollout *rollouts) {
    Response *responses = calloc((size_t)e->samples, sizeof *responses);
    REQUIRE(responses, "out of memory");
    for (int s = 0; s < e->samples; s++) {
        const Rollout *r = &rollouts[s];
        REQUIRE(r->prompt == i && r->number == s && r->prompt_id == e->set->prompts[i].id,
                "a response was about to be graded against another prompt's answer");
        responses[s] = (Response){.tokens = r->n, .truncated = r->truncated};
        responses[s].text = response_text(e->tokenizer, r, &responses[s].len);
    }
    evaluate_grade(e, i, responses);
    PromptOutcome outcome = evaluate_count(responses, e->samples);
    if (e->keep) e->keep(e->context, i, responses);
    for (int s = 0; s < e->samples; s++) free(responses[s].text);
    free(responses);
    return outcome;
}

int evaluate_part(const Evaluation *e, int first, PromptOutcome *outcome) {
    RolloutBatch *b = e->batch;
    int P = e->set->problems.count, rank = comm_rank(e->comm), ranks = comm_size(e->comm);
    int fit = b->capacity / e->samples;
    REQUIRE(fit >= 1, "%d samples per prompt do not fit a batch of %d rollouts", e->samples, b->capacity);
    int end = P - first > fit ? first + fit : P;
    b->count = 0;
    for (int i = first; i < end; i++) // all samples of a prompt go to one rank, which can compare their answers
        for (int s = 0; s < e->samples; s++) rollout_batch_add(b, e->set->prompts, i, s, i % ranks);
    long steps = generator_run(e->generator, b->rollouts, b->count, rank, e->set->prompts, P, e->max_new, &e->sample);
    if (steps < 0) {
        int j = 0;
        while (j < b->count && rollout_finished(e->model, &b->rollouts[j])) j++;
        end = first + j / e->samples;
    }
    for (int i = first; i < end; i++)
        if (i % ranks == rank) outcome[i] = grade_prompt(e, i, &b->rollouts[(i - first) * e->samples]);
    return end;
}

void evaluate_prompts(const Evaluation *e, PromptOutcome *outcome) {
    int P = e->set->problems.count;
    for (int i = 0; i < P;) i = evaluate_part(e, i, outcome);
    comm_sum(e->comm, (double *)outcome, (size_t)P * sizeof *outcome / sizeof(double));
}

void evaluate_heldout(const Evaluation *e, bool histogram, StepMetrics *m) {
    int P = e->set->problems.count;
    PromptOutcome *outcome = calloc((size_t)P, sizeof *outcome);
    double *rate = malloc((size_t)P * sizeof *rate), worked = 0, tokens = 0, responses = (double)P * e->samples;
    REQUIRE(outcome && rate, "out of memory");
    evaluate_prompts(e, outcome);
    for (int i = 0; i < P; i++) {
        rate[i] = outcome[i].correct / e->samples;
        worked += outcome[i].worked;
        tokens += outcome[i].tokens;
        if (histogram) m->pass_hist[pass_rate_bin(rate[i])]++;
    }
    Estimate pass1 = bootstrap_mean(rate, (size_t)P, 1);
    m->heldout_pass1 = pass1.mean, m->heldout_low = pass1.low, m->heldout_high = pass1.high;
    m->heldout_worked = worked / responses, m->heldout_length = tokens / responses;
    m->has_pass_hist = histogram;
    free(outcome);
    free(rate);
}
