// Optional (math answers from data sets): memory of one check or one gold.
// Bump allocation, freed all at once. A scratch pool has one block and never grows; a gold's pool grows block by block,
// since golds are many and small. Both refuse to pass `limit` bytes; the verdict is then LIMIT.
#ifndef VERIFY_NODE_POOL_H
#define VERIFY_NODE_POOL_H
#include <stdbool.h>
#include <stddef.h>

typedef struct PoolBlock {
    struct PoolBlock *next;
    size_t size, used;
    // the bytes follow
} PoolBlock;

typedef struct NodePool {
    PoolBlock *blocks; // newest first
    size_t total, limit;
    bool grows;
    bool exhausted; // an allocation was refused since the last reset
} NodePool;

bool pool_init(NodePool *pool, size_t first_block, size_t limit, bool grows); // false when malloc fails
void pool_destroy(NodePool *pool);
void pool_reset(NodePool *pool); // keeps the memory; only for a pool that does not grow

// 16-byte aligned, uninitialised; NULL (and exhausted set) past the limit.
void *pool_alloc(NodePool *pool, size_t size);

#endif
