// Optional (./eval): which responses to a problem give the same answer: the classes of a majority vote.
#ifndef RL_EVALUATE_VOTE_H
#define RL_EVALUATE_VOTE_H
#include "rl/evaluate/evaluate.h"

// writes answer (n): samples with the same number give the same answer; -1: the sample has no answer or was truncated.
// Two answers are the same if both are correct, or if both are not and their bytes agree or the verifier finds them
// equal. The verifier sees only the first 64 different wrong answers, since its work grows with their square, and none
// of a task, where an answer has only one spelling.
void vote_classes(int *answer, const Response *responses, int n, bool task);

// Whether the majority answer (estimate.h: majority_vote) is correct; false if no sample votes.
bool vote_is_correct(const Response *responses, int n, bool task);

#endif
