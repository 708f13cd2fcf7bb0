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

// The text around a question. asked: --prompt-template, which decides where it is given. Otherwise tasks are asked
// verbatim, and questions from files by the first of these that there is: the template that the model was trained with here
// (MODEL/prompt_template.txt); the model's chat template, with a system message that asks for a boxed answer, as the
// verifier pays for no unmarked one; data/prompts/plain.txt. A chat template that is not understood is an error.
bool prompts_choose_template(PromptTemplate *out, const char *asked, const char *model, bool tasks, Error *err);

// Renders and tokenizes every problem's question. Problems whose prompt has more than `most` tokens (0: no limit) are
// taken out of the set; they are counted, and the first of them listed, to `notes` (NULL: silently). False with the
// reason in err where a prompt cannot be tokenized, or where none is left.
bool prompts_tokenize(PromptSet *set, const Tokenizer *tokenizer, const PromptTemplate *prompt, int most, FILE *notes, Error *err);
void prompts_free(PromptSet *set); // the problems too

#endif
