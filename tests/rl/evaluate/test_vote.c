// rl/evaluate/vote: which answers are the same by verdict, by bytes and by the verifier, and the majority among them.
#include "rl/evaluate/estimate.h"
#include "rl/evaluate/vote.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

// A graded response with `answer` in a box ("" for none).
static Response boxed(const char *answer, Verdict verdict) {
    Response r = {.text = malloc(200), .verdict = verdict, .length = strlen(answer)};
    assert_non_null(r.text);
    r.truncated = verdict == VERDICT_TRUNCATED;
    r.len = (size_t)snprintf(r.text, 200, *answer ? "So it is \\boxed{%s}." : "So it is.%s", answer);
    r.start = *answer ? (size_t)(strstr(r.text, "\\boxed{") - r.text) + 7 : 0;
    return r;
}

static Response wrong(const char *answer) { return boxed(answer, VERDICT_WRONG); }

static void assert_classes(const Response *responses, int n, bool task, const int *want) {
    int answer[200];
    vote_classes(answer, responses, n, task);
    for (int j = 0; j < n; j++)
        if (answer[j] != want[j])
            fail_msg("response %d (%s): class %d, not %d", j, responses[j].text, answer[j], want[j]);
    for (int j = 0; j < n; j++) free(responses[j].text);
}

static void test_by_bytes(void **state) {
    (void)state;
    Response r[] = {wrong("7"), wrong("8"), wrong("7"), wrong("8"), wrong("77")};
    assert_classes(r, 5, true, (const int[]){0, 1, 0, 1, 4});
}

static void test_by_the_verifier(void **state) {
    (void)state;
    Response r[] = {wrong("\\frac{1}{2}"), wrong("3"), wrong("0.5"), wrong("x=3"),
                    wrong("2/4"),          wrong("4"), wrong("1/2")};
    assert_classes(r, 7, false, (const int[]){0, 1, 0, 1, 0, 5, 0});
    Response same[] = {wrong("1/2"), wrong("0.5")};
    assert_classes(same, 2, true, (const int[]){0, 1}); // for tasks only the bytes count
}

// All correct answers form one class, however they are written, and no wrong one joins it.
static void test_correct_ones(void **state) {
    (void)state;
    Response r[] = {wrong("9"), boxed("a", VERDICT_CORRECT), wrong("9.0"), boxed("b", VERDICT_CORRECT), wrong("a")};
    assert_classes(r, 5, false, (const int[]){0, 1, 0, 1, 4});
}

static void test_without_a_vote(void **state) {
    (void)state;
    Response r[] = {boxed("", VERDICT_NO_ANSWER), boxed("5", VERDICT_TRUNCATED), boxed("5", VERDICT_CORRECT),
                    boxed("5", VERDICT_UNKNOWN), wrong("")};
    assert_classes(r, 5, false, (const int[]){-1, -1, 2, 3, -1});
    vote_classes(NULL, NULL, 0, false);
}

// The verifier's equality decides the vote: by bytes "3" would win over four spellings of one half.
static void test_majority(void **state) {
    (void)state;
    static const char *const answers[] = {"3", "0.5", "3", "\\frac12", "1/2", "\\frac{2}{4}"};
    Response r[6];
    int answer[6], bytes[6];
    for (int j = 0; j < 6; j++) r[j] = wrong(answers[j]);
    vote_classes(answer, r, 6, false);
    assert_int_equal(majority_vote(6, answer), 1);
    vote_classes(bytes, r, 6, true);
    assert_int_equal(majority_vote(6, bytes), 0);
    for (int j = 0; j < 6; j++) free(r[j].text);
}

static void test_verdict_of_the_majority(void **state) {
    (void)state;
    Response r[] = {boxed("5", VERDICT_CORRECT), wrong("8"), wrong("8"), boxed("1", VERDICT_TRUNCATED)};
    assert_false(vote_is_correct(r, 4, true));    // 8 wins, though one sample is right
    assert_true(vote_is_correct(r, 2, true));     // a tie: the answer seen first is right
    assert_false(vote_is_correct(r + 3, 1, true)); // no sample votes
    for (int j = 0; j < 4; j++) free(r[j].text);
}

// Beyond 64 different answers only bytes are compared.
static void test_many_answers(void **state) {
    (void)state;
    enum { MANY = 150 };
    Response r[MANY];
    int answer[MANY];
    char text[16];
    for (int j = 0; j < MANY; j++) {
        snprintf(text, sizeof text, "%d", 1000 + j % 75);
        r[j] = wrong(text);
    }
    vote_classes(answer, r, MANY, false);
    for (int j = 0; j < MANY; j++) assert_int_equal(answer[j], j % 75);
    for (int j = 0; j < MANY; j++) free(r[j].text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_bytes),
        cmocka_unit_test(test_by_the_verifier),
        cmocka_unit_test(test_correct_ones),
        cmocka_unit_test(test_without_a_vote),
        cmocka_unit_test(test_majority),
        cmocka_unit_test(test_verdict_of_the_majority),
        cmocka_unit_test(test_many_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
