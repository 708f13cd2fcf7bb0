// Optional (study): the logits that a rollout's tokens were drawn from, of which training keeps only three sums.
#ifndef DEV_STUDY_LOGITS_H
#define DEV_STUDY_LOGITS_H
#include "rl/update.h"

typedef struct Logits Logits;

Logits *logits_new(const Gpt *gpt, int T); // for prompt + response of up to T tokens
void logits_free(Logits *logits);

// Returns (s->n, V) fp32 on the host, valid until the next call: row t is what response token t was drawn from.
const float *logits_read(Logits *logits, const TrainSequence *s);

// |onehot_a - pi| for the policy pi = softmax(z / temp) of a row of logits z (V).
double logits_push_length(const float *z, int V, int a, float inv_temp);

#endif
