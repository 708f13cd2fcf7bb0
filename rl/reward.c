#include "rl/reward.h"
#include "kernels/nvtx.h"
#include "verify/verify.h"
#include <string.h>

struct Judge {
    const ProblemSet *set;
    VerifyGold **gold; // (set->count), NULL for procedural problems
    VerifyScratch *scratch;
};

const char *verdict_name(Verdict verdict) {
    static const char *const names[] = {"correct", "wrong", "no_answer", "truncated", "bad_gold", "limit", "unknown"};
    return verdict >= 0 && verdict < VERDICT_COUNT ? names[verdict] : "?";
}

Judge *judge_new(const ProblemSet *set, bool training) {
    Judge *judge = calloc(1, sizeof *judge);
    REQUIRE(judge, "out of memory");
    VerifyPolicy policy = training ? verify_policy_training() : verify_policy_evaluation();
    judge->set = set;
    judge->gold = calloc((size_t)set->count + 1, sizeof *judge->gold);
    REQUIRE(judge->gold, "out of memory");
    for (int i = 0; i < set->count; i++) {
        const Problem *p = &set->problems[i];
        if (p->task) continue;
        judge->gold[i] = verify_compile(p->gold, strlen(p->gold), &policy);
        if (!judge->scratch) judge->scratch = verify_scratch_new();
        REQUIRE(judge->gold[i] && judge->scratch, "out of memory");
    }
    return judge;
}

void judge_free(Judge *judge) {
    if (!judge) return;
    for (int i = 0; i < judge->set->count; i++)
        if (judge->gold[i]) verify_gold_free(judge->gold[i]);
    if (judge->scratch) verify_scratch_free(judge->scratch);
    free(judge->gold);
    free(judge);
}

static Verdict judge_task(const TaskProblem *task, const char *text, size_t len, size_t *start, size_t *length) {
    TaskSpan span = {0};
    bool right = task_check(task, text, len, &span);
    *start = span.start;
    *length = span.length;
    return right ? VERDICT_CORRECT : span.length == 0 ? VERDICT_NO_ANSWER : VERDICT_WRONG;
}

static Verdict judge_answer(Judge *judge, int problem, const char *text, size_t len, size_t *start, size_t *length) {
    static const Verdict verdicts[VERIFY_VERDICTS] = {
        [VERIFY_EQUAL] = VERDICT_CORRECT,      [VERIFY_NOT_EQUAL] = VERDICT_WRONG, [VERIFY_NO_ANSWER] = VERDICT_NO_ANSWER,
        [VERIFY_BAD_GOLD] = VERDICT_BAD_GOLD, [VERIFY_LIMIT] = VERDICT_LIMIT,     [VERIFY_UNKNOWN] = VERDICT_UNKNOWN};
    VerifyResult result = verify_check(judge->scratch, judge->gold[problem], text, len);
    *start = result.begin;
    *length = result.end - result.begin;
    return verdicts[result.verdict];
}

Verdict judge_response(Judge *judge, int problem, const char *text, size_t len, bool truncated, size_t *start, size_t *length) {
    size_t ignored;
    const TaskProblem *task = judge->set->problems[problem].task;
    if (!start) start = &ignored;
    if (!length) length = &ignored;
    Verdict verdict = task ? judge_task(task, text, len, start, length) : judge_answer(judge, problem, text, len, start, length);
    return truncated ? VERDICT_TRUNCATED : verdict;
}

void judge_describe(Judge *judge, int problem, const char *text, size_t len, char *line, size_t size) {
    VerifyResult result = verify_check(judge->scratch, judge->gold[problem], text, len);
    int shown = result.end - result.begin < 100 ? (int)(result.end - result.begin) : 100;
    char answer[101] = "";
    for (int i = 0; i < shown; i++) answer[i] = text[result.begin + (size_t)i] ? text[result.begin + (size_t)i] : '?';
    snprintf(line, size, "%s (%s): gold %.100s, answer %s", result.verdict == VERIFY_LIMIT ? "limit" : "unknown", result.reason,
             judge->set->problems[problem].gold, answer);
    for (char *c = line; *c; c++)
        if (*c < ' ' || *c > '~') *c = '?';
}

// Special tokens (an end-of-sequence mark, say) are not part of the text.
static const char *text_bytes(const Tokenizer *tokenizer, int id, size_t *n) {
    const char *bytes = tokenizer_is_special(tokenizer, id) ? NULL : tokenizer_token_bytes(tokenizer, id, n);
    if (!bytes) *n = 0;
    return bytes;
}

char *response_text(const Tokenizer *tokenizer, const Rollout *r, size_t *len) {
    size_t total = 0, n;
    for (int t = 0; t < r->n; t++) text_bytes(tokenizer, r->tokens[t], &n), total += n;
    char *text = malloc(total + 1);
    REQUIRE(text, "out of memory");
    *len = 0;
    for (int t = 0; t < r->n; t++) {
        const char *bytes = text_bytes(tokenizer, r->tokens[t], &n);
        if (n) memcpy(text + *len, bytes, n);
        *len += n;
    }
    text[*len] = 0;
    return text;
}

void judge_rollouts(Judge *judge, const Tokenizer *tokenizer, const Prompt *prompts, int P, Rollout *rollouts, int count, int rank,
                    float right, float wrong) {
    RANGE("verify");
    for (int j = 0; j < count; j++) {
        Rollout *r = &rollouts[j];
        if (r->rank != rank) continue;
        REQUIRE(r->prompt >= 0 && r->prompt < P, "a rollout names prompt %d of %d", r->prompt, P);
        const Prompt *prompt = &prompts[r->prompt];
        REQUIRE(prompt->problem >= 0 && prompt->problem < judge->set->count && r->prompt_id == prompt->id &&
                    prompt->id == judge->set->problems[prompt->problem].id,
                "a rollout of prompt %lld was about to be judged against another prompt's answer", (long long)r->prompt_id);
        size_t len;
        char *text = response_text(tokenizer, r, &len);
        r->verdict = judge_response(judge, prompt->problem, text, len, r->truncated, NULL, NULL);
        r->reward = r->verdict == VERDICT_CORRECT ? right : wrong;
        free(text);
    }
}
