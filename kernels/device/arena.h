// host only: memory is planned, then committed. A module names each of its tensors and the place of its pointer;
// arena_commit makes one allocation for all of them and writes the pointers. Nothing is allocated in a forward pass, a
// backward pass or the step loop.
#ifndef KERNELS_DEVICE_ARENA_H
#define KERNELS_DEVICE_ARENA_H
#include "kernels/device/device.h"

typedef struct ArenaEntry {
    void **pointer;
    size_t bytes;
    const char *name;
} ArenaEntry;

typedef struct Arena { // the caller zeroes it (= {0}) and sets name before the first plan
    const char *name;
    ArenaEntry *entries;
    int count;
    size_t bytes; // planned so far, each tensor rounded up to a multiple of 128
    void *memory; // NULL until committed
} Arena;

// Plans `bytes` for *pointer. `pointer` must stay valid until the commit, and name as long as the arena.
void arena_plan(Arena *arena, void **pointer, size_t bytes, const char *name);
#define ARENA_PLAN(arena, pointer, count)                                                                              \
    arena_plan(arena, (void **)&(pointer), (size_t)(count) * sizeof *(pointer), #pointer)

void arena_commit(Arena *arena, Device *dev); // one allocation, cleared to 0
void arena_free(Arena *arena, Device *dev);

#endif
