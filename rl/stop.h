// Optional (texts that end a response): stop strings, such as "\nQuestion:" of a few-shot template.
//
// A response ends with the token that completes the first of its template's stop strings. That token and those before
// it are trained on, as an end-of-sequence token is; the text from the stop string on is not graded. Since a response's
// tokens depend on nothing but its own prompt and number, neither does its end.
#ifndef RL_STOP_H
#define RL_STOP_H
#include "data/prompt_template.h"
#include "model/tokenizer/tokenizer.h"
#include "model/config.h"
#include "rl/rollout.h"

// Looks for a stop string that ends in one of the tokens from `from` on. If there is one, cuts the rollout behind the
// token that completes the first, and sets uncounted to the bytes of its text from the string on. Returns whether it
// did.
bool stop_rollout(const PromptTemplate *template, const Tokenizer *tokenizer, Rollout *rollout, int from);

// Whether a rollout that is, or was, under way has its last token.
static inline bool rollout_finished(const ModelConfig *model, const Rollout *r) {
    return r->n > 0 && (r->truncated || r->uncounted > 0 || model_config_is_eos(model, r->tokens[r->n - 1]));
}

#endif
