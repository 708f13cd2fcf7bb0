// Optional (./eval): which responses to one problem gave the same answer, the classes of a majority vote.
#ifndef RL_EVALUATE_VOTE_H
#define RL_EVALUATE_VOTE_H
#include "rl/evaluate/evaluate.h"

// writes answer (n): samples with the same number gave the same answer; -1: the sample states none or was truncated. Two
// answers are the same if both are correct, or if neither is and their bytes agree or the verifier finds them equal. Only
// the first 64 different wrong answers go to the verifier (its work grows with their square), and none of a task's,
// whose answers have one spelling each.
void vote_classes(int *answer, const Response *responses, int n, bool task);

#endif
