// From a response to a verdict. Procedural tasks have their own exact judge (data/tasks.h); answers from files go to the
// verifier (verify/verify.h). Only VERDICT_CORRECT is paid.
#ifndef RL_REWARD_H
#define RL_REWARD_H
#include "data/problems.h"
#include "model/tokenizer/tokenizer.h"
#include "rl/rollout.h"

typedef enum Verdict {
    VERDICT_CORRECT,
    VERDICT_WRONG,
    VERDICT_NO_ANSWER,
    VERDICT_TRUNCATED, // cut by the length limit: pays nothing whatever it says
    VERDICT_BAD_GOLD,
    VERDICT_LIMIT,
    VERDICT_UNKNOWN,
    VERDICT_COUNT
} Verdict;

const char *verdict_name(Verdict verdict); // "correct", "wrong", ...

typedef struct Grader Grader;

// Compiles the golds of all problems once. training: the verifier's policy for training (no guess is paid), else for
// evaluation. The set must outlive the grader.
Grader *grader_new(const ProblemSet *set, bool training);
void grader_free(Grader *grader);

// Judges `len` bytes answering problem `problem` of the set; *start and *length (may be NULL) receive the judged span.
Verdict grade_response(Grader *grader, int problem, const char *text, size_t len, bool truncated, size_t *start, size_t *length);

// What the verifier could not decide, as one line for the log:
//   unknown (not understood): gold 1, answer \int_0^1 2x\,dx
// Bytes outside printable ASCII become '?'. For VERDICT_UNKNOWN and VERDICT_LIMIT.
void grader_describe(Grader *grader, int problem, const char *text, size_t len, char *line, size_t size);

// Decodes and judges every rollout of the list that `rank` holds, against the problem of its own prompt: its prompt id
// is checked against the prompt's and the problem's. Fills verdict and reward (right or wrong).
void grade_rollouts(Grader *grader, const Tokenizer *tokenizer, const Prompt *prompts, int P, Rollout *rollouts, int count, int rank,
                    float right, float wrong);

// The response as text, malloc'd and zero-terminated; *len without the zero.
char *response_text(const Tokenizer *tokenizer, const Rollout *rollout, size_t *len);

#endif
