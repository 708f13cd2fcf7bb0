// From a response to a verdict and a reward. Procedural tasks have an exact check each (data/tasks.h); answers to
// problems from files go to the verifier (verify/verify.h). Only VERDICT_CORRECT earns the reward of a right answer.
// With --reward-command a program of the user's grades instead.
#ifndef RL_REWARD_H
#define RL_REWARD_H
#include "data/problems.h"
#include "model/tokenizer/tokenizer.h"
#include "rl/reward_command.h"

typedef enum Verdict {
    VERDICT_CORRECT,
    VERDICT_WRONG,
    VERDICT_NO_ANSWER,
    VERDICT_TRUNCATED, // cut by the length limit: never correct, whatever it says
    VERDICT_BAD_GOLD,  // the reference answer is empty, undefined or too long
    VERDICT_LIMIT,     // the verifier reached a limit of its own
    VERDICT_UNKNOWN,   // the verifier could not decide
    VERDICT_COUNT
} Verdict;

const char *verdict_name(Verdict verdict); // "correct", "wrong", ...

typedef struct Grader Grader;

// Compiles the reference answers of all problems once. training: the verifier's policy for training, which accepts no
// guess, else that for evaluation. The set must outlive the grader, and so must `command`, which grades in the
// verifier's place (NULL: none).
Grader *grader_new(const ProblemSet *set, bool training, RewardCommand *command);
void grader_free(Grader *grader);
RewardCommand *grader_command(const Grader *grader); // or NULL

// Grades `len` bytes that answer problem `problem` of the set; *start and *length (may be NULL) receive the graded
// span.
Verdict grade_response(Grader *grader, int problem, const char *text, size_t len, bool truncated, size_t *start,
                       size_t *length);

// What the verifier could not decide (VERDICT_UNKNOWN, VERDICT_LIMIT), as one line for the log; bytes outside printable
// ASCII become '?':
//   unknown (not understood): gold 1, answer \int_0^1 2x\,dx
void grader_describe(Grader *grader, int problem, const char *text, size_t len, char *line, size_t size);

// Decodes and grades every rollout of the list that `rank` holds, against the problem of its own prompt, after checking
// its prompt id against both. Fills verdict, and reward with `right` or `wrong` or what the
// user's program says. prompts (P), rollouts (count).
void grade_rollouts(Grader *grader, const Tokenizer *tokenizer, const Prompt *prompts, int P, Rollout *rollouts,
                    int count, int rank, float right, float wrong);

// The response as text, up to a stop string and without special tokens, malloc'd; *len excludes its terminating zero.
char *response_text(const Tokenizer *tokenizer, const Rollout *rollout, size_t *len);

#endif
