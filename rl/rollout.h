// A rollout: one sampled response to one prompt, from birth to reward. It carries the id of its prompt all the way, and
// every module that takes one over checks that id against the prompt it is about to use it with.
#ifndef RL_ROLLOUT_H
#define RL_ROLLOUT_H
#include "kernels/modulation.h"
#include <stdint.h>

typedef struct Prompt { // tokenized
    int64_t id;         // of the problem it asks (data/problems.h)
    int problem;        // index into the problem set
    int *tokens;        // (n)
    int n;
} Prompt;

typedef struct Rollout {
    int64_t prompt_id; // set when the rollout is asked for, never changed
    int prompt;        // index into the batch's prompts
    int number;        // 0 .. n_i - 1 among the rollouts of its prompt: part of the key of its random numbers
    int rank;          // which rank generates and trains it
    int *tokens;       // (n) response, the end-of-sequence token included where it was reached
    TokenPolicy *sampled; // (n) log pi_a, H, E of every token under the policy that sampled it
    int n;
    bool truncated;    // stopped by the length limit, not by an end-of-sequence token
    float reward;
    int verdict;       // Verdict of rl/reward.h
    float advantage;
} Rollout;

typedef struct RolloutBatch { // room for one batch of rollouts, taken once
    Rollout *rollouts; // (count)
    int count, capacity, max_new;
    int *tokens;          // (capacity, max_new)
    TokenPolicy *sampled; // (capacity, max_new)
} RolloutBatch;

RolloutBatch rollout_batch_new(int capacity, int max_new);
void rollout_batch_free(RolloutBatch *pool);

// Adds a rollout of prompt `i` without tokens; it carries the prompt's id from here on.
void rollout_batch_add(RolloutBatch *pool, const Prompt *prompts, int i, int number, int rank);

#endif
