// One gradient: packs sequences into micro-batches, runs forward, loss and backward, and sums. Supervised warm-up and
// policy updates both go through here; supervised learning is the policy loss with advantage 1 and ratio 1.
#ifndef RL_UPDATE_H
#define RL_UPDATE_H
#include "kernels/device/comm.h"
#include "model/gpt_head.h"
#include "rl/rollout.h"

typedef struct TrainSequence {
    const int *prompt;           // (n_prompt) at least one token
    const int *tokens;           // (n) response, at least one token: what is trained
    const TokenPolicy *sampled;  // (n), as sampled; NULL for supervised sequences
    int n_prompt, n;
    float advantage;
    float weight;                // of each of its tokens in the loss: the global divisor is already in it
} TrainSequence;

typedef struct Updater Updater;

// micro_tokens: packed tokens of one forward (a longer sequence raises it); T: longest prompt + response; chunk: rows
// of logits held at a time. For policy updates and supervised ones alike.
// updater_plan leaves the device's memory to updater_commit.
Updater *updater_new(const Gpt *gpt, int micro_tokens, int T, int chunk);
Updater *updater_plan(const Gpt *gpt, int micro_tokens, int T, int chunk);
void updater_commit(Updater *updater);
void updater_free(Updater *updater);
const Arena *updater_arena(const Updater *updater); // what it needs

// Sets grads to the gradient of sum over tokens of weight * loss over these sequences (this rank's) and, by grads->buckets, those of
// all other ranks, who call too; in micro-batches. results (sum of n) receives the statistics of each of this rank's tokens in
// order. compat: the control `authors-compat` (E and normalisers as in the release: E a mean over the response, normalisers per
// micro-batch). The result's bits do not depend on micro_tokens (but for compat).
void updater_gradient(Updater *updater, Gradients *grads, TokenResult *results, const TrainSequence *sequences, int count,
                      const PolicyObjective *objective, bool compat);

// H_min, H_max and max |dH| over all sampled tokens of these sequences, on all ranks, by the kernel: fills objective.
void updater_norms(Updater *updater, Comm *comm, PolicyObjective *objective, const TrainSequence *sequences, int count);

#endif
