// Optional (math answers from data sets): does a response give the gold answer? The reward.
//
//   gold = verify_compile("\\frac{3}{4}", 11, &policy)      once a prompt; immutable, shared by any number of threads
//   verify_check(scratch, gold, response, length)           once a rollout; one scratch a thread
//
// The response is searched for its final answer (extract.h), the answer is parsed into a tree (parse.h) which is never
// executed, both trees are brought to a normal form (normal.h) and compared by a ladder that stops at the first proof:
// tokens, exact rationals, ball arithmetic, random points modulo a prime, real points, containers, else UNKNOWN.
// Every bound is a counter, never a clock, so a verdict depends on the two strings and the policy alone.
//
// Depends on libc, GMP and FLINT/Arb only.
#ifndef VERIFY_VERIFY_H
#define VERIFY_VERIFY_H
#include <stdbool.h>
#include <stddef.h>

typedef enum VerifyVerdict {
    VERIFY_EQUAL,     // the only verdict that is paid
    VERIFY_NOT_EQUAL, // shown to differ, or of another kind than the gold
    VERIFY_NO_ANSWER, // the response states no final answer (none, an empty box, a box that never closes)
    VERIFY_BAD_GOLD,  // the gold is empty or undefined; never a reward, whatever the response says
    VERIFY_LIMIT,     // the answer is longer, deeper or larger than the bounds
    VERIFY_UNKNOWN,   // no rule decides; counted by the caller, pays nothing
    VERIFY_VERDICTS
} VerifyVerdict;

// What is a matter of taste and not of mathematics. Defaults: verify_policy_training(), verify_policy_evaluation().
typedef struct VerifyPolicy {
    bool fallback;         // with no box, tag or marker: judge the last math span, then the last number.
                           // Off in training (a guess must not be paid for an unmarked number), on in evaluation.
    bool percent_of_gold;  // gold "50%" accepts a bare "50" and gold "50" accepts "50%". On: the sign is often in the
                           // question. 0.5 for 50 is never accepted.
    bool ignore_units;     // a unit on one side only is ignored ("3 hours" for gold "3"). On: the question names it.
    int approx_digits;     // 0 = off: a decimal must be exact. n > 0: a written decimal with at least n significant
                           // digits that correctly rounds a non-integer gold is accepted. Off: 3.14 is not pi.
    bool rounded_gold;     // accept an exact answer that rounds to the gold's last written decimal. Off by default.
    bool require_reduced;  // refuse fractions of integers that are not in lowest terms. Off: 9/12 is 3/4.
    bool base_optional;    // gold 204_5 accepts "204" or the base-ten value. Off: the base is part of the answer.
    size_t max_span;       // bytes of the judged answer; longer is LIMIT. 4096.
} VerifyPolicy;

typedef struct VerifyResult {
    VerifyVerdict verdict;
    const char *reason; // a constant string, never NULL
    size_t begin, end;  // the judged bytes of the response, [begin, end); both 0 when no answer was found
} VerifyResult;

typedef struct VerifyGold VerifyGold;
typedef struct VerifyScratch VerifyScratch;

VerifyPolicy verify_policy_training(void);
VerifyPolicy verify_policy_evaluation(void);

// Reads a gold answer: bare ("3/4"), between dollars, or inside one \boxed{}. The policy is copied. A gold that cannot
// be used is still returned and answers BAD_GOLD to every response. NULL only when memory is exhausted.
VerifyGold *verify_compile(const char *gold, size_t len, const VerifyPolicy *policy);
void verify_gold_free(VerifyGold *gold);

// All the memory that a thread's checks allocate here, fixed from the start (16 MiB). GMP and FLINT allocate their
// temporaries themselves; the magnitude of every operation is checked beforehand, which bounds those (see exact.h).
VerifyScratch *verify_scratch_new(void);
void verify_scratch_free(VerifyScratch *scratch); // call it in the thread that used it last, which has FLINT's caches

// Judges one response (any bytes, NUL included). Never fails, never blocks.
VerifyResult verify_check(VerifyScratch *scratch, const VerifyGold *gold, const char *response, size_t len);

const char *verify_verdict_name(VerifyVerdict verdict); // "EQUAL", "NOT_EQUAL", ...

#endif
