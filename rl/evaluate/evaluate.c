#include "rl/evaluate/evaluate.h"
#include "rl/evaluate/estimate.h"
#include "rl/history.h"
#include <string.h>

static void judge_one(const Evaluation *e, int i, Response *r) {
    r->verdict = grade_response(e->grader, i, r->text, r->len, r->truncated, &r->start, &r->length);
}

// Counts the judged responses (samples) to prompt i.
static void count(const Evaluation *e, int i, const Response *responses, Outcome *outcome) {
    PromptOutcome *o = &outcome->prompt[i];
    size_t at = (size_t)i * (size_t)e->samples;
    for (int s = 0; s < e->samples; s++) {
        const Response *r = &responses[s];
        o->correct += r->verdict == VERDICT_CORRECT, o->tokens += r->tokens, o->truncated += r->truncated;
        o->worked += task_is_worked(r->text, r->len);
        if (outcome->right) outcome->right[at + (size_t)s] = r->verdict == VERDICT_CORRECT;
    }
    if (outcome->answer) vote_classes(outcome->answer + at, responses, e->samples, e->set->problems.problems[i].task != NULL);
}

static Response *new_responses(const Evaluation *e) {
    Response *responses = calloc((size_t)e->samples, sizeof *responses);
    REQUIRE(responses, "out of memory");
    return responses;
}

static void free_texts(const Evaluation *e, Response *responses) {
    for (int s = 0; s < e->samples; s++) free(responses[s].text), responses[s].text = NULL;
}

// The rollouts (samples) of prompt i, as generated.
static void judge_prompt(const Evaluation *e, int i, Rollout *rollouts, Response *responses, Outcome *outcome) {
    const Problem *problem = &e->set->problems.problems[i];
    for (int s = 0; s < e->samples; s++) {
        Rollout *r = &rollouts[s];
        REQUIRE(r->prompt == i && r->number == s && r->prompt_id == problem->id, "a response was about to be judged against another prompt's answer");
        responses[s] = (Response){.tokens = r->n, .truncated = r->truncated};
        responses[s].text = response_text(e->tokenizer, r, &responses[s].len);
        judge_one(e, i, &responses[s]);
        r->verdict = (int)responses[s].verdict;
        if (e->file) responses_write(e->file, problem, s, &responses[s]);
    }
    count(e, i, responses, outcome);
    free_texts(e, responses);
}

int evaluate_part(const Evaluation *e, int first, Outcome *outcome) {
    int P = e->set->problems.count, rank = comm_rank(e->comm), ranks = comm_size(e->comm), most = e->pool->capacity / e->samples;
    REQUIRE(most >= 1, "%d samples a prompt are more than the %d rollouts there is room for", e->samples, e->pool->capacity);
    int end = P - first > most ? first + most : P;
    e->pool->count = 0;
    for (int i = first; i < end; i++) // all samples of a prompt go to one rank, so that it can compare their answers
        for (int s = 0; s < e->samples; s++) rollout_batch_add(e->pool, e->set->prompts, i, s, i % ranks);
    generator_run(e->generator, e->pool->rollouts, e->pool->count, rank, e->set->prompts, P, e->max_new, &e->sample);
    Response *responses = new_responses(e);
    for (int i = first; i < end; i++)
        if (i % ranks == rank) judge_prompt(e, i, &e->pool->rollouts[(size_t)(i - first) * (size_t)e->samples], responses, outcome);
    free(responses);
    if (e->file) responses_flush(e->file);
    return end;
}

void evaluate_prompts(const Evaluation *e, Outcome *outcome) {
    size_t P = (size_t)e->set->problems.count;
    for (int i = 0; i < e->set->problems.count;) i = evaluate_part(e, i, outcome);
    comm_sum(e->comm, (double *)outcome->prompt, P * sizeof *outcome->prompt / sizeof(double));
}

int evaluate_saved(const Evaluation *e, Outcome *outcome, Error *err) {
    Response *responses = new_responses(e);
    int i = 0, got = 1;
    for (; i < e->set->problems.count; i++) {
        got = responses_read(e->file, &e->set->problems.problems[i], e->samples, responses, err);
        for (int s = 0; s < e->samples && got > 0; s++) {
            Verdict before = responses[s].verdict;
            judge_one(e, i, &responses[s]);
            if (responses[s].verdict == before) continue;
            responses_refuse(e->file, "was judged by another version of the verifier", err);
            got = -1;
        }
        if (got > 0) count(e, i, responses, outcome);
        free_texts(e, responses);
        if (got <= 0) break;
    }
    free(responses);
    return got < 0 ? -1 : i;
}

void evaluate_heldout(const Evaluation *e, bool histogram, StepMetrics *m) {
    size_t P = (size_t)e->set->problems.count;
    Outcome outcome = {.prompt = calloc(P, sizeof *outcome.prompt)};
    double *rate = malloc(P * sizeof *rate), worked = 0, tokens = 0, n = e->samples;
    REQUIRE(outcome.prompt && rate, "out of memory");
    evaluate_prompts(e, &outcome);
    for (size_t i = 0; i < P; i++) {
        rate[i] = outcome.prompt[i].correct / n;
        worked += outcome.prompt[i].worked, tokens += outcome.prompt[i].tokens;
        if (histogram) m->pass_hist[pass_rate_bin(rate[i])]++;
    }
    Estimate estimate = bootstrap_mean(rate, P, 1);
    m->heldout_pass1 = estimate.mean, m->heldout_low = estimate.low, m->heldout_high = estimate.high;
    m->heldout_worked = worked / ((double)P * n), m->heldout_length = tokens / ((double)P * n);
    m->has_pass_hist = histogram;
    free(outcome.prompt);
    free(rate);
}
