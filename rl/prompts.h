// A problem set together with its prompts as tokens, in the same order.
#ifndef RL_PROMPTS_H
#define RL_PROMPTS_H
#include "data/problems.h"
#include "model/tokenizer.h"
#include "rl/rollout.h"

typedef struct PromptSet {
    ProblemSet problems;
    Prompt *prompts; // (problems.count)
    int longest;     // tokens of the longest prompt
} PromptSet;

// Tokenizes every problem's prompt. False with the reason in err where one cannot be.
bool prompts_tokenize(PromptSet *set, const Tokenizer *tokenizer, Error *err);
void prompts_free(PromptSet *set); // the problems too

#endif
