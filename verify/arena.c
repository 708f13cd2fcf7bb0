// Bump allocation in malloc'ed blocks; see arena.h.
#include "verify/arena.h"

#include <stdlib.h>

// Under AddressSanitizer what is not handed out is poisoned, with a gap after each piece: one block would hide overruns.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1 // as gcc says it
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
enum { GAP = 16 };
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
enum { GAP = 0 };
#endif

enum { ALIGN = 16, HEADER = (sizeof(ArenaBlock) + ALIGN - 1) / ALIGN * ALIGN };

static bool add_block(Arena *arena, size_t size) {
    ArenaBlock *block = malloc(HEADER + size);
    if (!block) return false;
    *block = (ArenaBlock){.next = arena->blocks, .size = size};
    ASAN_POISON_MEMORY_REGION((char *)block + HEADER, size);
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
        ASAN_UNPOISON_MEMORY_REGION((char *)block + HEADER, block->size);
        free(block);
    }
    *arena = (Arena){0};
}

void arena_reset(Arena *arena) {
    ASAN_POISON_MEMORY_REGION((char *)arena->blocks + HEADER, arena->blocks->used);
    arena->blocks->used = 0;
    arena->exhausted = false;
}

void *arena_alloc(Arena *arena, size_t size) {
    ArenaBlock *block = arena->blocks;
    if (size > arena->limit) goto refuse;
    size_t asked = size;
    size = (size + GAP + ALIGN - 1) / ALIGN * ALIGN;
    if (block->size - block->used < size) {
        size_t want = size > block->size ? size : block->size;
        if (!arena->grows || want > arena->limit - arena->total || !add_block(arena, want)) goto refuse;
        block = arena->blocks;
    }
    void *bytes = (char *)block + HEADER + block->used;
    block->used += size;
    ASAN_UNPOISON_MEMORY_REGION(bytes, asked);
    return bytes;
refuse:
    arena->exhausted = true;
    return NULL;
}
