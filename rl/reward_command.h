// Optional (--reward-command): rewards from a program of the user's, in any language: one process a rank that lives as
// long as the run and answers one JSON object a line, in order:
//
//   to its stdin    {"id": "<prompt id>/<rollout>", "prompt": "", "response": "", "gold": "", "truncated": false}
//   from its stdout {"reward": 0.75}      optionally with "correct": true | false, and "id", which must then agree
//
// "prompt" and "gold" are the problem's, without template; a response that is no UTF-8 has U+FFFD in its place. The
// reward is a number of at most a million in size and goes into the advantages as it is. "correct" is what pass rates
// and the allocation of rollouts count; where it is missing, a reward above 0.5 is correct. What it prints to stderr
// goes to ours.
//
// Rows are sent in batches, a step's rollouts or a prompt's responses, without waiting for answers, so the program may
// read ahead; it must flush what it writes. The end of its stdin is the end of the run, after which it must exit; one
// that does not is killed with all processes of its group, two seconds later. It does not see Ctrl-C, and dies with us.
//
// Errors, which name the row: an answer that is no JSON object, without a "reward" (NaN is neither), to another "id";
// an answer too many; no answer for --reward-timeout seconds; the program's end.
#ifndef RL_REWARD_COMMAND_H
#define RL_REWARD_COMMAND_H
#include "data/problems.h"
#include "model/tokenizer/tokenizer.h"
#include "rl/rollout.h"

typedef struct RewardCommand RewardCommand;

typedef struct RewardRow { // one response to grade
    const Problem *problem;
    int rollout; // its number among those of its prompt
    const char *text;
    size_t len;
    bool truncated;
    double reward; // the answer
    bool correct;
} RewardRow;

// Starts `sh -c command`. NULL with the reason in err.
RewardCommand *reward_command_open(const char *command, int timeout_s, Error *err);
void reward_command_close(RewardCommand *command); // NULL is fine

// Fills reward and correct of every row. False with the reason in err, after which the command is of no more use.
bool reward_command_grade(RewardCommand *command, RewardRow *rows, int count, Error *err);

// Ends the program with the error; what was saved before can be resumed.
_Noreturn void reward_command_fail(const Error *err);

// Grades the rollouts that `rank` holds: verdict (truncated where it is not correct and was cut) and reward. An error
// ends the program.
void reward_command_rollouts(RewardCommand *command, const ProblemSet *set, const Tokenizer *tokenizer,
                             const Prompt *prompts, Rollout *rollouts, int count, int rank);

#endif
