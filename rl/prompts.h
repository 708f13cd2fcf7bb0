// A problem set together with its prompts as tokens, in the same order.
#ifndef RL_PROMPTS_H
#define RL_PROMPTS_H
#include "data/problems.h"
#include "data/prompt_template.h"
#include "model/tokenizer/tokenizer.h"
#include "rl/rollout.h"

typedef struct PromptSet {
    ProblemSet problems;
    Prompt *prompts; // (problems.count)
    int longest;     // tokens of the longest prompt
} PromptSet;

// Renders and tokenizes the question of every problem. Problems whose prompt has more than `most` tokens (0: no limit)
// or cannot be tokenized are removed from the set; they are counted, and the first of them listed, to `notes` (NULL:
// silently). False with the reason in err where none is left, and where a prompt cannot be tokenized that is a task's,
// or any with `strict`.
bool prompts_tokenize(PromptSet *set, const Tokenizer *tokenizer, const PromptTemplate *template, int most, bool strict,
                      FILE *notes, Error *err);
void prompts_free(PromptSet *set); // the problems too

#endif
