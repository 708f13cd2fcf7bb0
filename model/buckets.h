// What ranks exchange of the flat buffer of parameters, in a few large buckets: gradients are summed bucket by bucket while
// backward still works on the layers below, and with ZeRO-1 (Rajbhandari et al., arXiv 1910.02054) every rank holds the
// optimizer state of its share of each bucket, updates these parameters, and gets the others from their ranks.
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
    size_t cut[BUCKETS_MAX + 1]; // bucket i is [cut[i], cut[i + 1]), a multiple of 8 values for each rank; the last ends in the table's spare room
    int begun;                   // of the present gradient, from the last bucket down
} Buckets;

// comm NULL: one rank, as where nothing is exchanged.
Buckets buckets_make(const ParamTable *table, Comm *comm, bool sharded);

// The parameters of bucket i that this rank updates, [first, end), whose state begins at `at` in arrays of buckets_held values:
// its share where sharded, else all.
typedef struct Shard {
    size_t first, end, at;
} Shard;
Shard buckets_shard(const Buckets *buckets, int i);
size_t buckets_held(const Buckets *buckets);

// flat from value `from` on is final: begins to sum, over the ranks, the buckets that lie there and have not begun. Where sharded a
// rank gets the sums of its share only. buckets_sum_end, after from = 0: all sums are there.
void buckets_sum_from(Buckets *buckets, Device *dev, float *flat, size_t from);
void buckets_sum_end(Buckets *buckets, Device *dev);

// Where sharded: every rank's shares of x, a flat buffer of values of `width` bytes, go to all ranks.
void buckets_gather(const Buckets *buckets, Device *dev, void *x, size_t width);

#endif
