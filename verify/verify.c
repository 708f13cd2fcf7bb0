// Optional (math answers from data sets): the public functions; see verify.h.
#define _GNU_SOURCE // memmem
#include "verify/verify.h"

#include "verify/extract.h"
#include "verify/probe.h"
#include "verify/verdict.h"

#include <flint/flint.h>
#include <stdlib.h>
#include <string.h>

VerifyPolicy verify_policy_training(void) {
    return (VerifyPolicy){.percent_of_gold = true, .ignore_units = true, .max_span = 4096};
}

VerifyPolicy verify_policy_evaluation(void) {
    VerifyPolicy policy = verify_policy_training();
    policy.fallback = true;
    return policy;
}

const char *verify_verdict_name(VerifyVerdict verdict) {
    static const char *const NAMES[] = {"EQUAL", "NOT_EQUAL", "NO_ANSWER", "BAD_GOLD", "LIMIT", "UNKNOWN"};
    return (unsigned)verdict < VERIFY_VERDICTS ? NAMES[verdict] : "?";
}

// A gold whose box was cut off is still a gold: what follows the brace. The same in a response is no answer.
static const char *after_open_box(const char *text, size_t *len) {
    const char *box = memmem(text, *len, "boxed{", 6);
    if (!box) return text;
    *len -= (size_t)(box + 6 - text);
    return box + 6;
}

// The pieces of an extraction as one text: "1, 2, 5"; the response itself when there is one piece.
static const char *joined_parts(NodePool *pool, const char *text, const Extract *found, size_t *len) {
    size_t need = 16;
    for (int i = 0; i < found->count; i++) need += span_length(found->part[i]) + span_length(found->prefix[i]) + 4;
    *len = span_length(found->part[0]);
    if (found->count == 1 && !found->percent) return text + found->part[0].begin;
    char *out = pool_alloc(pool, need);
    if (!out) return NULL;
    size_t n = 0;
    for (int i = 0; i < found->count; i++) {
        Span both[2] = {found->prefix[i], found->part[i]};
        if (i) memcpy(out + n, ", ", 2), n += 2;
        for (int k = 0; k < 2; k++) {
            if (span_length(both[k])) memcpy(out + n, text + both[k].begin, span_length(both[k]));
            n += span_length(both[k]);
        }
    }
    if (found->percent && !memchr(out, '%', n)) memcpy(out + n, "\\%", 2), n += 2;
    *len = n;
    return out;
}

static const char *bad_gold(const VerifyGold *gold) {
    if (gold->plain.parsed.limit) return "gold too long or too deep";
    if (!gold->plain.parsed.tokens.count) return "empty gold";
    if (gold->plain.tree && gold->plain.tree->kind == N_UNDEF) return "gold is undefined";
    return NULL;
}

VerifyGold *verify_compile(const char *text, size_t len, const VerifyPolicy *policy) {
    VerifyGold *gold = calloc(1, sizeof *gold);
    if (!gold) return NULL;
    if (!pool_init(&gold->pool, 4096, GOLD_BYTES, true)) return free(gold), NULL;
    gold->policy = *policy;
    gold->field = probe_field(probe_hash_text(VERIFY_BUILD_SEED, text, len));
    Extract found = extract_answer(text, len, false);
    bool boxed = found.count && !strcmp(found.rule, "box");
    found.percent = false;
    if (!found.count && len) text = after_open_box(text, &len);
    if (boxed) text = joined_parts(&gold->pool, text, &found, &len);
    if (!text) len = 0;
    char *copy = len > 16 * policy->max_span ? NULL : pool_alloc(&gold->pool, len + 1);
    if (!copy) return gold->bad = "gold too long", gold;
    if (len) memcpy(copy, text, len);
    Exact exact = {.pool = &gold->pool, .fuel = FUEL};
    gold->plain = read_answer(&exact, copy, len, true);
    if (gold->plain.parsed.tokens.grouped) gold->ungrouped = read_answer(&exact, copy, len, false);
    gold->bad = bad_gold(gold);
    return gold;
}

void verify_gold_free(VerifyGold *gold) {
    if (!gold) return;
    pool_destroy(&gold->pool);
    free(gold);
}

VerifyScratch *verify_scratch_new(void) {
    VerifyScratch *scratch = calloc(1, sizeof *scratch);
    if (scratch && pool_init(&scratch->pool, SCRATCH_BYTES, SCRATCH_BYTES, false)) return scratch;
    free(scratch);
    return NULL;
}

void verify_scratch_free(VerifyScratch *scratch) {
    if (!scratch) return;
    pool_destroy(&scratch->pool);
    free(scratch);
    flint_cleanup(); // this thread's caches
}

VerifyResult verify_check(VerifyScratch *scratch, const VerifyGold *gold, const char *response, size_t len) {
    if (gold->bad) return (VerifyResult){.verdict = VERIFY_BAD_GOLD, .reason = gold->bad};
    pool_reset(&scratch->pool);
    Extract found = extract_answer(response, len, gold->policy.fallback);
    VerifyResult result = {.verdict = VERIFY_NO_ANSWER, .reason = found.rule};
    if (!found.count) return result;
    result.begin = found.span.begin;
    result.end = found.span.end;
    size_t total = 0;
    for (int i = 0; i < found.count; i++) total += span_length(found.part[i]);
    if (total > gold->policy.max_span || found.too_many) {
        result.verdict = VERIFY_LIMIT;
        result.reason = found.too_many ? "too many boxes in a row" : "answer too long";
        return result;
    }
    size_t text_len;
    const char *text = joined_parts(&scratch->pool, response, &found, &text_len);
    Comparison cmp = {.exact = {.pool = &scratch->pool, .fuel = FUEL}, .field = gold->field, .policy = &gold->policy};
    cmp.reason = "no rule decides";
    result.verdict = text ? compare_text(&cmp, gold, text, text_len) : VERIFY_LIMIT;
    result.reason = cmp.reason;
    return result;
}
