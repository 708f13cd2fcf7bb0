#include "model/optimizer.h"
#include "kernels/adamw.h"
#include "kernels/gradnorm.h"
#include "kernels/nvtx.h"
#include <math.h>

void optimizer_plan(const Gpt *g, Optimizer *opt, Arena *arena) {
    *opt = (Optimizer){0};
    if (sizeof(floatX) != sizeof(float)) ARENA_PLAN(arena, opt->master, g->table.size);
    ARENA_PLAN(arena, opt->m, g->table.size);
    ARENA_PLAN(arena, opt->v, g->table.size);
    ARENA_PLAN(arena, opt->partial, gradnorm_partials(g->table.size));
}

void optimizer_start(const Gpt *g, Optimizer *opt, const float *h_params) {
    if (!opt->master) opt->master = (float *)g->params;
    if (h_params) device_upload(g->dev, opt->master, h_params, g->table.size * sizeof(float));
}

void optimizer_reset(const Gpt *g, Optimizer *opt) {
    device_zero(g->dev, opt->m, g->table.size * sizeof(float));
    device_zero(g->dev, opt->v, g->table.size * sizeof(float));
    opt->t = 0;
}

double optimizer_step(Gpt *g, Optimizer *opt, const Gradients *grads, const OptimizerConfig *c, float lr) {
    RANGE("optimizer");
    double norm = sqrt(gradnorm_squared(g->dev, opt->partial, grads->flat, g->table.size));
    if (!isfinite(norm)) {
        opt->skipped++;
        return norm;
    }
    float scale = c->grad_clip > 0 && norm > c->grad_clip ? (float)(c->grad_clip / norm) : 1.0f;
    opt->t++;
    for (int i = 0; i < g->table.count; i++) {
        const Param *p = &g->table.params[i];
        AdamW a = {lr, c->beta1, c->beta2, c->eps, p->decay ? c->weight_decay : 0.0f, scale, opt->t};
        adamw_update(g->dev, g->params + p->offset, opt->master + p->offset, opt->m + p->offset, opt->v + p->offset,
                     grads->flat + p->offset, param_elements(p), &a);
    }
    return norm;
}
