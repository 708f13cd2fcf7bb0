// Rollouts, and the batch of one step: the step's prompts, how many rollouts each gets, their rewards and advantages.
// A rollout is one sampled response to one prompt. It carries the id of its prompt from creation to training, and every
// function that uses the two together first checks that the ids match.
#ifndef RL_ROLLOUT_H
#define RL_ROLLOUT_H
#include "kernels/advantage.h"
#include "kernels/allocate.h"
#include "kernels/device/arena.h"
#include "kernels/device/comm.h"
#include "rl/history.h"

typedef struct Prompt { // tokenized
    int64_t id;         // of the problem that it asks (data/problems.h)
    int problem;        // index into the problem set
    int *tokens;        // (n)
    int n;
} Prompt;

typedef struct Rollout {
    int64_t prompt_id;    // set on creation, never changed
    int prompt;           // index into the batch's prompts
    int number;           // 0 .. n_i - 1 among the rollouts of its prompt: part of the key of its random numbers
    int rank;             // the rank that generates and trains it
    int *tokens;          // (n) response, including the end-of-sequence token if there is one
    TokenPolicy *sampled; // (n) log pi_a, H, E of every token under the policy that sampled it
    int n;
    bool truncated; // stopped by the length limit, not by an end-of-sequence token or a stop string
    int uncounted;  // bytes at the end of its text, from a stop string on, that are not graded (rl/stop.h)
    float reward;
    int verdict;          // Verdict of rl/reward.h
    float advantage;
} Rollout;

typedef struct RolloutBatch { // memory for one batch, allocated once
    Rollout *rollouts;    // (count), prompt by prompt
    int count, capacity, max_new;
    int *tokens;          // (capacity, max_new)
    TokenPolicy *sampled; // (capacity, max_new)
    // Groups: prompt i of P owns rollouts starts[i] .. starts[i+1] - 1. Host arrays, and device arrays for the kernels.
    int P, first; // groups first .. P-1 are this round's: the only ones, unless others were kept (rl/resample.h)
    int *h_n, *h_starts;            // (P), (P + 1)
    double *h_correct, *h_verified; // (P) history of each prompt
    float *h_reward, *h_advantage;  // (capacity)
    int *n, *starts;
    double *correct, *verified;
    float *reward, *advantage;
    Arena arena, host;
} RolloutBatch;

// Plans a batch of up to `capacity` rollouts of up to max_new tokens, of P prompts; P = 0: without groups. The memory
// is left to rollout_batch_commit; the struct must not move before it.
void rollout_batch_plan(RolloutBatch *batch, int P, int capacity, int max_new);
void rollout_batch_commit(RolloutBatch *batch, Device *dev);
void rollout_batch_free(RolloutBatch *batch, Device *dev);

// Appends a rollout of prompt `i`, still without tokens.
void rollout_batch_add(RolloutBatch *batch, const Prompt *prompts, int i, int number, int rank);

// The following take the step's prompts (P).
// Allocation: writes h_n and h_starts of this round's groups from their prompts' history, by kernels/allocate.h.
void rollout_batch_allocate(RolloutBatch *batch, Device *dev, const Prompt *prompts, const History *history,
                            const AllocateConfig *config);

// Creates h_n[i] rollouts of every prompt i of this round and deals them to the ranks: each goes to the rank with the
// fewest expected tokens so far. Every rank computes the same deal; the tokens of a rollout do not depend on it.
void rollout_batch_deal(RolloutBatch *batch, const Prompt *prompts, const History *history, int ranks);

// Broadcasts reward, length and verdict of every rollout from its rank to all others; the tokens stay where they are.
void rollout_batch_broadcast(RolloutBatch *batch, Comm *comm);

// Sets the advantage of every rollout from the rewards of its group, by kernels/advantage.h.
void rollout_batch_advantages(RolloutBatch *batch, Device *dev, const Prompt *prompts, AdvantageKind kind);

#endif
