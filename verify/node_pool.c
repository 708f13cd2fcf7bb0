// Optional (math answers from data sets): bump allocation in malloc'ed blocks; see node_pool.h.
#include "verify/node_pool.h"

#include <stdint.h>
#include <stdlib.h>

// Under AddressSanitizer all unused bytes are poisoned, with a gap after each piece: one block would hide overruns.
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

enum { ALIGN = 16, HEADER = (sizeof(PoolBlock) + ALIGN - 1) / ALIGN * ALIGN };

// False when malloc fails.
static bool add_block(NodePool *pool, size_t size) {
    PoolBlock *block = malloc(HEADER + size);
    if (!block) return false;
    *block = (PoolBlock){.next = pool->blocks, .size = size};
    ASAN_POISON_MEMORY_REGION((char *)block + HEADER, size);
    pool->blocks = block;
    pool->total += size;
    return true;
}

bool pool_init(NodePool *pool, size_t first_block, size_t limit, bool grows) {
    *pool = (NodePool){.limit = limit, .grows = grows};
    return add_block(pool, first_block);
}

void pool_destroy(NodePool *pool) {
    for (PoolBlock *block = pool->blocks, *next; block; block = next) {
        next = block->next;
        ASAN_UNPOISON_MEMORY_REGION((char *)block + HEADER, block->size);
        free(block);
    }
    *pool = (NodePool){0};
}

void pool_reset(NodePool *pool) {
    ASAN_POISON_MEMORY_REGION((char *)pool->blocks + HEADER, pool->blocks->used);
    pool->blocks->used = 0;
    pool->exhausted = false;
}

void *pool_alloc(NodePool *pool, size_t size) {
    size_t padded = size > pool->limit ? SIZE_MAX : (size + GAP + ALIGN - 1) / ALIGN * ALIGN;
    if (pool->blocks->size - pool->blocks->used < padded) {
        size_t want = padded > pool->blocks->size ? padded : pool->blocks->size;
        if (!pool->grows || want > pool->limit - pool->total || !add_block(pool, want)) {
            pool->exhausted = true;
            return NULL;
        }
    }
    void *bytes = (char *)pool->blocks + HEADER + pool->blocks->used;
    pool->blocks->used += padded;
    ASAN_UNPOISON_MEMORY_REGION(bytes, size);
    return bytes;
}
