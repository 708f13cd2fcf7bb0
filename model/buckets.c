// Optional (ranks).
#include "model/buckets.h"

enum { UNIT = 8 }; // values: a 16-byte load of bf16

Buckets buckets_make(const ParamTable *table, Comm *comm, bool sharded) {
    Buckets b = {.comm = comm, .rank = comm ? comm_rank(comm) : 0, .ranks = comm ? comm_size(comm) : 1};
    b.sharded = sharded && b.ranks > 1;
    b.count = b.ranks > 1 ? BUCKETS_MAX : 1;
    size_t unit = (size_t)UNIT * (size_t)b.ranks, units = (table->size + unit - 1) / unit;
    REQUIRE(units * unit <= table->room, "%d ranks, but at most %d can shard a model", b.ranks, PARAMS_SPARE / UNIT);
    for (int i = 0; i <= b.count; i++) b.cut[i] = units * (size_t)i / (size_t)b.count * unit;
    return b;
}

Shard buckets_shard(const Buckets *b, int i) {
    size_t parts = b->sharded ? (size_t)b->ranks : 1, n = (b->cut[i + 1] - b->cut[i]) / parts;
    size_t first = b->cut[i] + (b->sharded ? (size_t)b->rank * n : 0);
    return (Shard){first, first + n, b->cut[i] / parts};
}

size_t buckets_held(const Buckets *b) { return b->cut[b->count] / (b->sharded ? (size_t)b->ranks : 1); }

void buckets_sum_from(Buckets *b, Device *dev, float *flat, size_t from) {
    for (; b->ranks > 1 && b->begun < b->count; b->begun++) {
        int i = b->count - 1 - b->begun;
        if (b->cut[i] < from) return;
        comm_sum_device_begin(b->comm, dev, flat + b->cut[i], b->cut[i + 1] - b->cut[i], b->sharded);
    }
}

void buckets_sum_end(Buckets *b, Device *dev) {
    if (b->ranks > 1) comm_sum_device_end(b->comm, dev);
    b->begun = 0;
}

void buckets_gather(const Buckets *b, Device *dev, void *x, size_t width) {
    for (int i = 0; b->sharded && i < b->count; i++) {
        size_t n = (b->cut[i + 1] - b->cut[i]) / (size_t)b->ranks;
        comm_gather_device(b->comm, dev, (char *)x + b->cut[i] * width, n * width);
    }
}
