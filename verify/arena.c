// Bump allocation in malloc'ed blocks; see arena.h.
#include "verify/arena.h"

#include <stdlib.h>

enum { ALIGN = 16, HEADER = (sizeof(ArenaBlock) + ALIGN - 1) / ALIGN * ALIGN };

static bool add_block(Arena *arena, size_t size) {
    ArenaBlock *block = malloc(HEADER + size);
    if (!block) return false;
    *block = (ArenaBlock){.next = arena->blocks, .size = size};
    arena->blocks = block;
    arena->total += size;
    return true;
}

bool arena_init(Arena *arena, size_t first_block, size_t limit, bool grows) {
    *arena = (Arena){.limit = limit, .grows = grows};
    return add_block(arena, first_block);
}

void arena_destroy(Arena *arena) {
    for (ArenaBlock *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    *arena = (Arena){0};
}

void arena_reset(Arena *arena) {
    arena->blocks->used = 0;
    arena->exhausted = false;
}

void *arena_alloc(Arena *arena, size_t size) {
    ArenaBlock *block = arena->blocks;
    if (size > arena->limit) goto refuse;
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (block->size - block->used < size) {
        size_t want = size > block->size ? size : block->size;
        if (!arena->grows || want > arena->limit - arena->total || !add_block(arena, want)) goto refuse;
        block = arena->blocks;
    }
    void *bytes = (char *)block + HEADER + block->used;
    block->used += size;
    return bytes;
refuse:
    arena->exhausted = true;
    return NULL;
}
