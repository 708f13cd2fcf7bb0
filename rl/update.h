// One gradient: packs sequences into micro-batches, runs forward, loss and backward on each, and sums. Supervised
// warm-up and policy updates share this code; supervised learning is the policy loss with advantage 1 and ratio 1.
#ifndef RL_UPDATE_H
#define RL_UPDATE_H
#include "kernels/device/comm.h"
#include "model/gpt_head.h"
#include "rl/rollout.h"

typedef struct TrainSequence {
    const int *prompt;          // (n_prompt) at least one token
    const int *tokens;          // (n) response, at least one token: what is trained
    const TokenPolicy *sampled; // (n) from sampling; NULL for supervised sequences
    int n_prompt, n;
    float advantage;
    float weight; // in the loss, of each of its tokens; includes the global divisor
    const TokenAdjust *adjust; // (n), of all sequences of a mini-batch or of none (NULL)
} TrainSequence;

typedef struct Updater Updater;

// micro_tokens: packed tokens of one forward (a longer sequence raises it); T: longest prompt + response; chunk: rows
// of logits held at a time; share_prompts: neighbours in the list with one `prompt` run it once, without its last
// token, with which each response begins, as in generation. updater_plan leaves the memory to updater_commit.
Updater *updater_new(const Gpt *gpt, int micro_tokens, int T, int chunk, bool share_prompts);
Updater *updater_plan(const Gpt *gpt, int micro_tokens, int T, int chunk, bool share_prompts);
void updater_commit(Updater *updater);
void updater_free(Updater *updater);
const Arena *updater_arena(const Updater *updater); // its device memory

// Sets grads to the gradient of sum over tokens of weight * loss over these sequences, this rank's, and through
// grads->buckets over those of all other ranks, which call too. results (sum of n) receives the statistics of each of
// this rank's tokens in order. compat: the control `authors-compat` (as in the release, E is a mean over the response,
// and the normalisers are of one micro-batch). micro_tokens changes no bit of the result, except with compat, and where
// it parts the sequences of a shared prompt because they do not fit. grads NULL: only the results, by a forward pass;
// other ranks need not call.
void updater_gradient(Updater *updater, Gradients *grads, TokenResult *results, const TrainSequence *sequences,
                      int count, const PolicyObjective *objective, bool compat);

// Fills objective's H_min, H_max and max |dH| over all sampled tokens of these sequences on all ranks, by
// kernels/advantage.h.
void updater_norms(Updater *updater, Comm *comm, PolicyObjective *objective, const TrainSequence *sequences, int count);

#endif
