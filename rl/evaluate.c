#include "rl/evaluate.h"
#include "rl/estimate.h"
#include "rl/history.h"
#include <string.h>

typedef struct Answer { // the judged bytes of one sample
    char *text; // the whole response
    size_t start, length;
} Answer;

static void write_response(const Evaluation *e, const Rollout *r, const Answer *answer, size_t len) {
    const Problem *p = &e->set->problems.problems[r->prompt];
    cJSON *row = cJSON_CreateObject();
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)p->id);
    cJSON_AddRawToObject(row, "prompt_id", id);
    cJSON_AddNumberToObject(row, "sample", r->number);
    cJSON_AddStringToObject(row, "prompt", p->prompt);
    cJSON_AddStringToObject(row, "gold", p->gold);
    if (memchr(answer->text, 0, len)) { // JSON text cannot hold a NUL for every reader: raw bytes go in hexadecimal
        char *hex = malloc(2 * len + 1);
        REQUIRE(hex, "out of memory");
        for (size_t i = 0; i < len; i++) snprintf(hex + 2 * i, 3, "%02x", (unsigned char)answer->text[i]);
        cJSON_AddStringToObject(row, "response_hex", hex);
        free(hex);
    } else {
        cJSON_AddStringToObject(row, "response", answer->text);
    }
    cJSON_AddStringToObject(row, "verdict", verdict_name((Verdict)r->verdict));
    cJSON_AddItemToObject(row, "span", cJSON_CreateIntArray((int[]){(int)answer->start, (int)(answer->start + answer->length)}, 2));
    cJSON_AddNumberToObject(row, "tokens", r->n);
    char *text = cJSON_PrintUnformatted(row);
    fprintf(e->responses, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(row);
}

// The class of sample j among the samples first..j of the same prompt
static int answer_class(const Answer *answers, const int *classes, int first, int j) {
    if (answers[j].length == 0) return -1;
    for (int i = first; i < j; i++)
        if (answers[i].length == answers[j].length &&
            memcmp(answers[i].text + answers[i].start, answers[j].text + answers[j].start, answers[j].length) == 0)
            return classes[i];
    return j - first;
}

static void judge_part(const Evaluation *e, int first, PromptOutcome *outcome, int *answer, int *right) {
    RolloutPool *pool = e->pool;
    Answer *answers = calloc((size_t)pool->count, sizeof *answers);
    int *classes = malloc((size_t)pool->count * sizeof *classes);
    REQUIRE(answers && classes, "out of memory");
    for (int j = 0; j < pool->count; j++) {
        Rollout *r = &pool->rollouts[j];
        size_t len;
        if (r->rank != comm_rank(e->comm)) continue;
        REQUIRE(r->prompt_id == e->set->problems.problems[r->prompt].id, "a response was about to be judged against another prompt's answer");
        answers[j].text = response_text(e->tokenizer, r, &len);
        r->verdict = judge_response(e->judge, r->prompt, answers[j].text, len, r->truncated, &answers[j].start, &answers[j].length);
        PromptOutcome *o = &outcome[r->prompt];
        o->correct += r->verdict == VERDICT_CORRECT, o->tokens += r->n, o->truncated += r->truncated;
        o->worked += task_is_worked(answers[j].text, len);
        classes[j] = answer_class(answers, classes, j - r->number, j);
        if (answer) answer[(size_t)first * e->samples + j] = classes[j];
        if (right) right[(size_t)first * e->samples + j] = r->verdict == VERDICT_CORRECT;
        if (e->responses) write_response(e, r, &answers[j], len);
    }
    for (int j = 0; j < pool->count; j++) free(answers[j].text);
    free(answers);
    free(classes);
}

void evaluate_prompts(const Evaluation *e, PromptOutcome *outcome, int *answer, int *right) {
    int P = e->set->problems.count, ranks = comm_size(e->comm), most = e->pool->capacity / e->samples;
    REQUIRE(most >= 1, "%d samples a prompt are more than the %d rollouts there is room for", e->samples, e->pool->capacity);
    memset(outcome, 0, (size_t)P * sizeof *outcome);
    for (int first = 0; first < P; first += most) {
        int end = first + most < P ? first + most : P;
        e->pool->count = 0;
        for (int i = first; i < end; i++) // all samples of a prompt go to one rank, so that it can compare their answers
            for (int s = 0; s < e->samples; s++) pool_add(e->pool, e->set->prompts, i, s, i % ranks);
        generator_run(e->generator, e->pool->rollouts, e->pool->count, comm_rank(e->comm), e->set->prompts, P, e->max_new, &e->sample);
        judge_part(e, first, outcome, answer, right);
    }
    comm_sum(e->comm, (double *)outcome, (size_t)P * sizeof *outcome / sizeof(double));
}

void evaluate_heldout(const Evaluation *e, bool histogram, StepMetrics *m) {
    size_t P = (size_t)e->set->problems.count;
    PromptOutcome *outcome = malloc(P * sizeof *outcome);
    double *rate = malloc(P * sizeof *rate), worked = 0, tokens = 0, n = e->samples;
    REQUIRE(outcome && rate, "out of memory");
    evaluate_prompts(e, outcome, NULL, NULL);
    for (size_t i = 0; i < P; i++) {
        rate[i] = outcome[i].correct / n;
        worked += outcome[i].worked, tokens += outcome[i].tokens;
        if (histogram) m->pass_hist[pass_rate_bin(rate[i])]++;
    }
    Estimate estimate = bootstrap_mean(rate, P, 1);
    m->heldout_pass1 = estimate.mean, m->heldout_low = estimate.low, m->heldout_high = estimate.high;
    m->heldout_worked = worked / ((double)P * n), m->heldout_length = tokens / ((double)P * n);
    m->has_pass_hist = histogram;
    free(outcome);
    free(rate);
}
