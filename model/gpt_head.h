// The head and its loss, a chunk of rows at a time: the logits of all tokens would be the program's largest tensor (V
// can be 152k), so at most `chunk` rows of them exist.
#ifndef MODEL_GPT_HEAD_H
#define MODEL_GPT_HEAD_H
#include "kernels/policy_loss.h"
#include "model/gpt.h"

typedef struct Head {
    int chunk;
    floatX *x, *dx;  // (chunk, C) the rows of hidden, and their gradient
    float *logits;   // (chunk, V)
    floatX *dlogits; // (chunk, V); NULL if floatX is float: the gradient then overwrites the logits
} Head;

void head_plan(const Gpt *gpt, Head *head, Arena *arena, int chunk, bool train);

// writes head->logits (M, V) of the M <= chunk rows of acts->hidden that `rows` (M, device) lists
void head_logits(const Gpt *gpt, Head *head, const GptActs *acts, const int *rows, int M);

// The policy loss (kernels/policy_loss.h) over M rows of acts->hidden, chunk by chunk: writes result (M) and
// acts->dhidden (N, C), accumulates into grads->head; with grads NULL only result is of use. Hidden row rows[m]
// predicts target m; rows (M) and the arrays of targets are on the device.
void head_policy_loss(const Gpt *gpt, Head *head, GptActs *acts, Gradients *grads, TokenResult *result, const int *rows,
                      const PolicyTargets *targets, const PolicyObjective *objective, int N, int M);

#endif
