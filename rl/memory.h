// Device memory, planned before any of it is taken: what a run needs, whether it fits, and how many slots would.
#ifndef RL_MEMORY_H
#define RL_MEMORY_H
#include "model/optimizer.h"
#include "rl/generate.h"
#include "rl/update.h"

typedef struct MemoryPlan { // bytes
    size_t weights, gradients, optimizer, activations, logits, kv_blocks, other;
    size_t total, free; // what all of it takes, and what the device has left before
    int slots, slots_fit;
} MemoryPlan;

// Adds up the plans. training (gradients and optimizer), updater and small may be NULL: an evaluation has none. T is the
// longest prompt + response of the generator. Nothing may be committed yet.
MemoryPlan memory_plan(const Gpt *gpt, const Arena *training, const Updater *updater, const Generator *generator, const Arena *small,
                       int slots, int T);

bool memory_check(const MemoryPlan *plan, Error *err); // false, with what to change, where it does not fit
void memory_print(const MemoryPlan *plan, FILE *out);

#endif
