// The head, and the loss on it, a chunk of rows at a time: logits of all tokens at once would be the largest tensor of
// the program (V can be 152k), so there are never more than `chunk` rows of them.
#ifndef MODEL_GPT_HEAD_H
#define MODEL_GPT_HEAD_H
#include "kernels/policy_loss.h"
#include "model/gpt.h"

typedef struct Head {
    int chunk;         // rows of logits held at a time
    floatX *x, *dx;    // (chunk, C) the rows of hidden that are looked at, and their gradient
    float *logits;     // (chunk, V)
    floatX *dlogits;   // (chunk, V): the logits' own memory where floatX is float
} Head;

void head_plan(const Gpt *gpt, Head *head, Arena *arena, int chunk, bool train);

// writes head->logits (M, V) for M <= chunk rows of acts->hidden named by `rows` (device)
void head_logits(const Gpt *gpt, Head *head, const GptActs *acts, const int *rows, int M);

// The policy loss over M rows of acts->hidden, all chunks: writes result (M) and acts->dhidden (N, C), accumulates the
// head's gradient. rows (M) and the targets' arrays are on the device; row m of hidden predicts target m.
void head_policy_loss(const Gpt *gpt, Head *head, GptActs *acts, Gradients *grads, TokenResult *result, const int *rows,
                      const PolicyTargets *targets, const PolicyObjective *objective, int N, int M);

#endif
