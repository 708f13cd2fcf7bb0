// host only: plan, then commit. A module names each of its tensors and where its pointer goes; arena_commit takes one
// allocation for all of them and fills in the pointers. Nothing is allocated in a forward, a backward or the step loop.
#ifndef KERNELS_DEVICE_ARENA_H
#define KERNELS_DEVICE_ARENA_H
#include "kernels/device/device.h"

typedef struct ArenaEntry {
    void **pointer;
    size_t bytes;
    const char *name;
} ArenaEntry;

typedef struct Arena { // zero it (= {0}) and set name before the first plan
    const char *name;
    ArenaEntry *entries;
    int count;
    size_t bytes; // planned so far, every tensor rounded up to 128
    void *memory; // NULL until committed
} Arena;

// Plans `bytes` for *pointer, which must stay where it is until commit. name must outlive the arena (for the table).
void arena_plan(Arena *arena, void **pointer, size_t bytes, const char *name);
#define ARENA_PLAN(arena, pointer, count) arena_plan(arena, (void **)&(pointer), (size_t)(count) * sizeof *(pointer), #pointer)

void arena_commit(Arena *arena, Device *dev); // one allocation, cleared to 0
void arena_free(Arena *arena, Device *dev);

#endif
