#include "model/optimizer.h"
#include "kernels/adamw.h"
#include "kernels/gradnorm.h"
#include "kernels/device/nvtx.h"
#include "kernels/device/timer.h"
#include <math.h>

void optimizer_plan(Optimizer *opt, Arena *arena, const Buckets *buckets) {
    size_t n = buckets_held(buckets);
    *opt = (Optimizer){.buckets = buckets};
    arena->kind = MEMORY_OPTIMIZER;
    if (sizeof(floatX) != sizeof(float)) ARENA_PLAN(arena, opt->master, n);
    ARENA_PLAN(arena, opt->m, n);
    ARENA_PLAN(arena, opt->v, n);
    ARENA_PLAN(arena, opt->partial, gradnorm_partials(n));
}

void optimizer_start(const Gpt *g, Optimizer *opt, const float *h_params) {
    if (!opt->master) opt->master = (float *)g->params;
    if (h_params) optimizer_write(g, opt, opt->master, 0, h_params, g->table.size);
}

void optimizer_reset(const Gpt *g, Optimizer *opt) {
    size_t n = buckets_held(opt->buckets);
    device_zero(g->dev, opt->m, n * sizeof(float));
    device_zero(g->dev, opt->v, n * sizeof(float));
    opt->t = 0;
}

static double norm_squared(const Gpt *g, const Optimizer *opt, const float *flat) {
    double sum = 0;
    for (int i = 0; i < opt->buckets->count; i++) {
        Shard s = buckets_shard(opt->buckets, i);
        sum += gradnorm_squared(g->dev, opt->partial, flat + s.first, s.end - s.first);
    }
    if (opt->buckets->sharded) comm_sum(opt->buckets->comm, &sum, 1);
    return sum;
}

// The part of the shard in [offset, offset + n); empty if first >= end.
static Shard overlap(Shard s, size_t offset, size_t n) {
    size_t first = s.first > offset ? s.first : offset, end = s.end < offset + n ? s.end : offset + n;
    return (Shard){first, end, s.at + (first - s.first)};
}

// Whether a state array is the parameters themselves, which every rank holds whole.
static bool is_params(const Gpt *g, const float *state) { return (const void *)state == (const void *)g->params; }
static float *held(const Gpt *g, float *state, Shard s) { return state + (is_params(g, state) ? s.first : s.at); }

// One call per tensor, because only matrices decay.
static void update(Gpt *g, Optimizer *opt, const float *grads, Shard shard, const OptimizerConfig *c, float lr,
                   float scale) {
    for (int i = 0; i < g->table.count; i++) {
        const Param *p = &g->table.params[i];
        Shard s = overlap(shard, p->offset, param_elements(p));
        AdamW a = {lr, c->beta1, c->beta2, c->eps, p->decay ? c->weight_decay : 0.0f, scale, opt->t};
        if (s.first < s.end)
            adamw_update(g->dev, g->params + s.first, held(g, opt->master, s), opt->m + s.at, opt->v + s.at,
                         grads + s.first, s.end - s.first, &a);
    }
}

double optimizer_step(Gpt *g, Optimizer *opt, const Gradients *grads, const OptimizerConfig *c, float lr) {
    RANGE("optimizer");
    timer_begin(g->dev, TIMER_OPTIMIZER);
    double norm = sqrt(norm_squared(g, opt, grads->flat));
    if (isfinite(norm)) {
        float scale = c->grad_clip > 0 && norm > c->grad_clip ? (float)(c->grad_clip / norm) : 1.0f;
        opt->t++;
        for (int i = 0; i < opt->buckets->count; i++)
            update(g, opt, grads->flat, buckets_shard(opt->buckets, i), c, lr, scale);
        buckets_gather(opt->buckets, g->dev, g->params, sizeof *g->params);
    } else {
        opt->skipped++;
    }
    timer_end(g->dev);
    return norm;
}

void optimizer_write(const Gpt *g, const Optimizer *opt, float *state, size_t offset, const float *h_from, size_t n) {
    for (int i = 0; i < opt->buckets->count; i++) {
        Shard s = overlap(buckets_shard(opt->buckets, i), offset, n);
        if (s.first < s.end)
            device_upload(g->dev, held(g, state, s), h_from + (s.first - offset), (s.end - s.first) * sizeof *state);
    }
}

void optimizer_read(const Gpt *g, const Optimizer *opt, const float *state, float *scratch, float *h_to) {
    const Buckets *b = opt->buckets;
    bool whole = !b->sharded || is_params(g, state);
    for (int i = 0; !whole && i < b->count; i++) {
        Shard s = buckets_shard(b, i);
        device_copy(g->dev, scratch + s.first, state + s.at, (s.end - s.first) * sizeof *state);
    }
    if (!whole) buckets_gather(b, g->dev, scratch, sizeof *scratch);
    if (b->rank == 0) device_download(g->dev, h_to, whole ? state : scratch, g->table.size * sizeof *h_to);
}
