#include "rl/reward.h"
#include "kernels/device/nvtx.h"
#include "verify/verify.h"
#include <string.h>

struct Grader {
    const ProblemSet *set;
    VerifyGold **gold; // (set->count) compiled reference answers; NULL for tasks
    VerifyScratch *scratch;
    RewardCommand *command; // grades in the verifier's place; NULL: none
};

const char *verdict_name(Verdict verdict) {
    static const char *const names[VERDICT_COUNT] = {
        [VERDICT_CORRECT] = "correct",     [VERDICT_WRONG] = "wrong",       [VERDICT_NO_ANSWER] = "no_answer",
        [VERDICT_TRUNCATED] = "truncated", [VERDICT_BAD_GOLD] = "bad_gold", [VERDICT_LIMIT] = "limit",
        [VERDICT_UNKNOWN] = "unknown"};
    return verdict >= 0 && verdict < VERDICT_COUNT ? names[verdict] : "?";
}

Grader *grader_new(const ProblemSet *set, bool training, RewardCommand *command) {
    Grader *grader = calloc(1, sizeof *grader);
    REQUIRE(grader, "out of memory");
    VerifyPolicy policy = training ? verify_policy_training() : verify_policy_evaluation();
    grader->set = set, grader->command = command;
    grader->gold = calloc((size_t)set->count + 1, sizeof *grader->gold);
    REQUIRE(grader->gold, "out of memory");
    for (int i = 0; i < set->count; i++) {
        const Problem *p = &set->items[i];
        if (p->task) continue;
        grader->gold[i] = verify_compile(p->gold, strlen(p->gold), &policy);
        if (!grader->scratch) grader->scratch = verify_scratch_new();
        REQUIRE(grader->gold[i] && grader->scratch, "out of memory");
    }
    return grader;
}

RewardCommand *grader_command(const Grader *grader) { return grader->command; }

void grader_free(Grader *grader) {
    if (!grader) return;
    for (int i = 0; i < grader->set->count; i++)
        if (grader->gold[i]) verify_gold_free(grader->gold[i]);
    if (grader->scratch) verify_scratch_free(grader->scratch);
    free(grader->gold);
    free(grader);
}

static Verdict grade_task(const TaskProblem *task, const char *text, size_t len, size_t *start, size_t *length) {
    TaskSpan span = {0};
    bool right = task_check(task, text, len, &span);
    *start = span.start;
    *length = span.length;
    if (right) return VERDICT_CORRECT;
    return span.length == 0 ? VERDICT_NO_ANSWER : VERDICT_WRONG;
}

static Verdict grade_answer(Grader *grader, int problem, const char *text, size_t len, size_t *start, size_t *length) {
    static const Verdict verdicts[VERIFY_VERDICTS] = {
        [VERIFY_EQUAL] = VERDICT_CORRECT,       [VERIFY_NOT_EQUAL] = VERDICT_WRONG,
        [VERIFY_NO_ANSWER] = VERDICT_NO_ANSWER, [VERIFY_BAD_GOLD] = VERDICT_BAD_GOLD,
        [VERIFY_LIMIT] = VERDICT_LIMIT,         [VERIFY_UNKNOWN] = VERDICT_UNKNOWN};
    VerifyResult result = verify_check(grader->scratch, grader->gold[problem], text, len);
    *start = result.begin;
    *length = result.end - result.begin;
    return verdicts[result.verdict];
}

Verdict grade_response(Grader *grader, int problem, const char *text, size_t len, bool truncated, size_t *start,
                       size_t *length) {
    size_t ignored[2];
    const TaskProblem *task = grader->set->items[problem].task;
    if (!start) start = &ignored[0];
    if (!length) length = &ignored[1];
    Verdict verdict =
        task ? grade_task(task, text, len, start, length) : grade_answer(grader, problem, text, len, start, length);
    return truncated ? VERDICT_TRUNCATED : verdict;
}

void grader_describe(Grader *grader, int problem, const char *text, size_t len, char *line, size_t size) {
    VerifyResult result = verify_check(grader->scratch, grader->gold[problem], text, len);
    int shown = result.end - result.begin < 100 ? (int)(result.end - result.begin) : 100;
    char answer[101] = "";
    for (int i = 0; i < shown; i++) answer[i] = text[result.begin + (size_t)i] ? text[result.begin + (size_t)i] : '?';
    snprintf(line, size, "%s (%s): gold %.100s, answer %s", result.verdict == VERIFY_LIMIT ? "limit" : "unknown",
             result.reason, grader->set->items[problem].gold, answer);
    for (char *c = line; *c; c++)
        if (*c < ' ' || *c > '~') *c = '?';
}

// Special tokens, such as an end-of-sequence mark, are not part of the text.
static const char *text_bytes(const Tokenizer *tokenizer, int id, size_t *n) {
    const char *bytes = tokenizer_is_special(tokenizer, id) ? NULL : tokenizer_token_bytes(tokenizer, id, n);
    if (!bytes) *n = 0;
    return bytes;
}

char *response_text(const Tokenizer *tokenizer, const Rollout *r, size_t *len) {
    size_t total = 0, n;
    for (int t = 0; t < r->n; t++) {
        text_bytes(tokenizer, r->tokens[t], &n);
        total += n;
    }
    char *text = malloc(total + 1);
    REQUIRE(text, "out of memory");
    *len = 0;
    for (int t = 0; t < r->n; t++) {
        const char *bytes = text_bytes(tokenizer, r->tokens[t], &n);
        if (n) memcpy(text + *len, bytes, n);
        *len += n;
    }
    *len -= (size_t)r->uncounted;
    text[*len] = 0;
    return text;
}

void grade_rollouts(Grader *grader, const Tokenizer *tokenizer, const Prompt *prompts, int P, Rollout *rollouts,
                    int count, int rank, float right, float wrong) {
    RANGE("verify");
    for (int j = 0; j < count; j++) {
        Rollout *r = &rollouts[j];
        if (r->rank != rank) continue;
        REQUIRE(r->prompt >= 0 && r->prompt < P, "a rollout names prompt %d of %d", r->prompt, P);
        const Prompt *prompt = &prompts[r->prompt];
        REQUIRE(prompt->problem >= 0 && prompt->problem < grader->set->count && r->prompt_id == prompt->id &&
                    prompt->id == grader->set->items[prompt->problem].id,
                "a rollout of prompt %lld was about to be graded against another prompt's answer",
                (long long)r->prompt_id);
        if (grader->command) continue; // below, all at once
        size_t len;
        char *text = response_text(tokenizer, r, &len);
        r->verdict = grade_response(grader, prompt->problem, text, len, r->truncated, NULL, NULL);
        r->reward = r->verdict == VERDICT_CORRECT ? right : wrong;
        free(text);
    }
    if (grader->command)
        reward_command_rollouts(grader->command, grader->set, tokenizer, prompts, rollouts, count, rank);
}
