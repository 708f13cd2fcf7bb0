// Optional (start-up table): the device memory of a run, planned before any of it is allocated: what it needs, whether
// that fits, and how many slots would.
#ifndef RL_MEMORY_H
#define RL_MEMORY_H
#include "rl/generate.h"

typedef struct MemoryPlan {
    size_t kind[MEMORY_KINDS], total; // bytes (kernels/device/arena.h)
    size_t free;                      // bytes that the device has left
    int slots, slots_fit;
} MemoryPlan;

// Adds up the arenas (count) of model, training and rollouts, and the generator's. T: its longest prompt + response.
// Nothing may be committed yet.
MemoryPlan memory_plan(const Gpt *gpt, const Arena *const *arenas, int count, const Generator *generator, int slots,
                       int T);

bool memory_check(const MemoryPlan *plan, Error *err); // false, with what to change, where the plan does not fit
void memory_print(const MemoryPlan *plan, FILE *out);

#endif
