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

// writes the tokens (room) of a prompt's text and returns how many there are; negative with the reason in err. Where
// the tokenizer puts a token before every text, the prompt begins with it, once; a chat template prints its own.
int prompts_encode(const Tokenizer *tokenizer, const PromptTemplate *template, const char *text, int *tokens, int room,
                   Error *err);

// Renders and tokenizes the question of every problem. Problems whose prompt has more than `most` tokens (0: no limit)
// or cannot be tokenized are removed from the set; they are counted, and the first of them listed, to `notes` (NULL:
// silently). False with the reason in err where none is left, and where a prompt cannot be tokenized that is a task's,
// or any with `strict`.
bool prompts_tokenize(PromptSet *set, const Tokenizer *tokenizer, const PromptTemplate *template, int most, bool strict,
                      FILE *notes, Error *err);
void prompts_free(PromptSet *set); // the problems too

// Continues a hash with every prompt's tokens and every gold, in order.
uint64_t prompts_hash(const PromptSet *set, uint64_t hash);

#endif
