// Optional (./eval): classes of answers.
#include "rl/evaluate/vote.h"
#include "rl/evaluate/estimate.h"
#include "verify/verify.h"
#include <string.h>

enum { COMPARED = 64, OPEN = -2 };

static bool same_bytes(const Response *a, const Response *b) {
    return a->length == b->length && memcmp(a->text + a->start, b->text + b->start, a->length) == 0;
}

// Adds to the class of `first` every later open answer that the verifier finds equal to its answer.
static void gather_equal(int *answer, const Response *responses, int first, int n) {
    VerifyPolicy policy = verify_policy_evaluation();
    VerifyGold *gold = verify_compile(responses[first].text + responses[first].start, responses[first].length, &policy);
    VerifyScratch *scratch = verify_scratch_new();
    REQUIRE(gold && scratch, "out of memory");
    for (int j = first + 1; j < n; j++) {
        if (answer[j] != OPEN) continue;
        VerifyResult result = verify_check(scratch, gold, responses[j].text, responses[j].len);
        if (result.verdict == VERIFY_EQUAL) answer[j] = first;
    }
    verify_scratch_free(scratch);
    verify_gold_free(gold);
}

void vote_classes(int *answer, const Response *responses, int n, bool task) {
    int correct = -1, compared = 0, open = 0;
    for (int j = 0; j < n; j++) {
        const Response *r = &responses[j];
        answer[j] = r->length == 0 || r->truncated ? -1 : OPEN;
        if (answer[j] == OPEN && r->verdict == VERDICT_CORRECT) answer[j] = correct = correct < 0 ? j : correct;
        open += answer[j] == OPEN;
    }
    for (int j = 0; j < n; j++) {
        if (answer[j] != OPEN) continue;
        answer[j] = j, open--;
        for (int i = j + 1; i < n; i++)
            if (answer[i] == OPEN && same_bytes(&responses[i], &responses[j])) answer[i] = j, open--;
        if (!task && open > 0 && compared++ < COMPARED) gather_equal(answer, responses, j, n);
    }
}

bool vote_is_correct(const Response *responses, int n, bool task) {
    int *answer = malloc((size_t)n * sizeof *answer);
    REQUIRE(answer, "out of memory");
    vote_classes(answer, responses, n, task);
    int winner = majority_vote(n, answer);
    free(answer);
    return winner >= 0 && responses[winner].verdict == VERDICT_CORRECT;
}
