// Memory of one check or one gold: bump allocation, freed all at once.
//
// A scratch arena has its one block from the start and never grows; a gold's arena grows block by block, since golds are
// many and small. Both refuse to pass `limit` bytes; the caller then answers LIMIT.
#ifndef VERIFY_ARENA_H
#define VERIFY_ARENA_H
#include <stdbool.h>
#include <stddef.h>

typedef struct ArenaBlock {
    struct ArenaBlock *next;
    size_t size, used;
    // the bytes follow
} ArenaBlock;

typedef struct Arena {
    ArenaBlock *blocks; // newest first
    size_t total, limit;
    bool grows;
    bool exhausted; // an allocation was refused since the last reset
} Arena;

bool arena_init(Arena *arena, size_t first_block, size_t limit, bool grows); // false when malloc fails
void arena_destroy(Arena *arena);
void arena_reset(Arena *arena); // keeps the memory; only for an arena that does not grow

// 16-byte aligned, uninitialised; NULL (and exhausted set) past the limit.
void *arena_alloc(Arena *arena, size_t size);

#endif
