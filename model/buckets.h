// Optional (ranks): the flat buffer of parameters cut into a few buckets, for its exchange between ranks. Gradients are
// all-reduced bucket by bucket while backward still runs through the layers below. With ZeRO-1 (Rajbhandari et al.,
// arXiv 1910.02054) every rank owns a shard of each bucket: it holds that shard's optimizer state, updates its
// parameters, and all-gathers the other shards.
#ifndef MODEL_BUCKETS_H
#define MODEL_BUCKETS_H
#include "kernels/device/comm.h"
#include "model/params.h"

enum { BUCKETS_MAX = 6 };

typedef struct Buckets {
    Comm *comm;
    int rank, ranks;
    bool sharded;                // ZeRO-1
    int count;                   // 1 for one rank
    size_t cut[BUCKETS_MAX + 1]; // bucket i is [cut[i], cut[i + 1]), a multiple of 8 values per rank
    int begun;                   // buckets whose all-reduce has started, from the last one down
} Buckets;

Buckets buckets_make(const ParamTable *table, Comm *comm, bool sharded); // comm NULL: one rank

// The parameters [first, end) of bucket i that this rank updates: its shard, or all of them if not sharded. Their state
// starts at `at` in arrays of buckets_held values.
typedef struct Shard {
    size_t first, end, at;
} Shard;
Shard buckets_shard(const Buckets *buckets, int i);
size_t buckets_held(const Buckets *buckets);

// flat[from..] is final: starts the all-reduce of every bucket there that has not started. If sharded it is a
// reduce-scatter: a rank gets the sums of its shards only. buckets_sum_end, called after from = 0, waits for all sums.
void buckets_sum_from(Buckets *buckets, Device *dev, float *flat, size_t from);
void buckets_sum_end(Buckets *buckets, Device *dev);

// If sharded, all-gathers the shards of x, a flat buffer of values of `width` bytes.
void buckets_gather(const Buckets *buckets, Device *dev, void *x, size_t width);

#endif
