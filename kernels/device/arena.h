// host only: memory is planned, then committed. A module names each of its tensors and its pointer; arena_commit makes
// one allocation for all of them and sets the pointers. Nothing is allocated in a forward, a backward or the step loop.
#ifndef KERNELS_DEVICE_ARENA_H
#define KERNELS_DEVICE_ARENA_H
#include "kernels/device/device.h"

typedef enum MemoryKind { // the purpose of a tensor, in the memory table of a run (rl/memory.h)
    MEMORY_OTHER, MEMORY_WEIGHTS, MEMORY_GRADIENTS, MEMORY_OPTIMIZER, MEMORY_ACTIVATIONS, MEMORY_LOGITS,
    MEMORY_KV_BLOCKS, MEMORY_KINDS
} MemoryKind;

typedef struct ArenaEntry {
    void **pointer;
    size_t bytes;
    const char *name;
} ArenaEntry;

typedef struct Arena { // set to {.name = ...} before the first plan
    const char *name;
    MemoryKind kind; // of what is planned from now on
    ArenaEntry *entries;
    int count;
    size_t bytes, by_kind[MEMORY_KINDS]; // planned so far, every tensor rounded up to 128
    void *memory;                        // NULL until committed
} Arena;

// Plans `bytes` for *pointer, which must not move before the commit. name must outlive the arena.
void arena_plan(Arena *arena, void **pointer, size_t bytes, const char *name);
#define ARENA_PLAN(arena, pointer, count)                                                                              \
    arena_plan(arena, (void **)&(pointer), (size_t)(count) * sizeof *(pointer), #pointer)

// One allocation on the device (dev NULL: on the host), cleared to 0. Ends the program with a message if it fails.
void arena_commit(Arena *arena, Device *dev);
void arena_free(Arena *arena, Device *dev); // the same dev

#endif
