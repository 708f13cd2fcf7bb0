// Which responses to one problem gave the same answer: the classes of a majority vote.
#ifndef RL_EVALUATE_VOTE_H
#define RL_EVALUATE_VOTE_H
#include "rl/reward.h"

typedef struct Response { // to one problem, judged
    char *text;           // (len) and a terminating zero
    size_t len;
    int tokens;
    bool truncated;
    Verdict verdict;
    size_t start, length; // the judged bytes of text; length 0: it states no answer
} Response;

// writes answer (n): samples with the same number gave the same answer; -1 for one that states none or was cut off.
// Answers are the same where both are correct, or where neither is and their bytes agree or the verifier finds them equal.
// The verifier is asked about the first 64 different wrong answers only (its work grows with their square); `task`:
// not at all, as the answers of tasks are written in one way only.
void vote_classes(int *answer, const Response *responses, int n, bool task);

#endif
