// The memory of a model, its activations and its gradients, planned into arenas.
#include "kernels/embedding.h"
#include "kernels/rmsnorm.h"
#include "kernels/gather_rows.h"
#include "model/gpt.h"
#include <math.h>

// Llama 3's scaling of rotary frequencies (arXiv 2407.21783): wavelengths beyond original_T / low_freq are stretched by
// the factor, those below original_T / high_freq are unchanged, and those between are interpolated linearly.
static double scaled_frequency(const ModelConfig *c, double f) {
    if (c->rope_factor == 0) return f;
    double turns = c->rope_original_T * f / (2 * M_PI);
    if (turns < c->rope_low_freq) return f / c->rope_factor;
    if (turns > c->rope_high_freq) return f;
    double mix = (turns - c->rope_low_freq) / (c->rope_high_freq - c->rope_low_freq);
    return (1 - mix) * f / c->rope_factor + mix * f;
}

static void upload_rotations(Gpt *g) {
    int HS = g->config.HS, half = HS / 2;
    float *table = malloc((size_t)g->T_rope * HS * sizeof *table);
    REQUIRE(table, "out of memory");
    for (int i = 0; i < half; i++) {
        double f = scaled_frequency(&g->config, pow(g->config.rope_theta, -2.0 * i / HS));
        for (int t = 0; t < g->T_rope; t++) {
            table[(size_t)t * HS + i] = (float)cos(t * f);
            table[(size_t)t * HS + half + i] = (float)sin(t * f);
        }
    }
    device_upload(g->dev, g->cos_sin, table, (size_t)g->T_rope * HS * sizeof *table);
    free(table);
}

Gpt *gpt_plan(Device *dev, const ModelConfig *c, int T_rope) {
    int q = c->NH * c->HS, kv = c->NKV * c->HS;
    Gpt *g = calloc(1, sizeof *g);
    REQUIRE(g, "out of memory");
    *g = (Gpt){.config = *c, .table = params_make(c), .dev = dev, .q_size = q, .kv_size = kv, .Q = q + 2 * kv,
               .qk_stride = q + (c->qk_norm ? kv : 2 * kv), .T_rope = T_rope,
               .arena = {.name = "weights", .kind = MEMORY_WEIGHTS}};
    ARENA_PLAN(&g->arena, g->params, g->table.room);
    ARENA_PLAN(&g->arena, g->cos_sin, (size_t)T_rope * c->HS);
    return g;
}

void gpt_commit(Gpt *g) {
    arena_commit(&g->arena, g->dev);
    upload_rotations(g);
}

void gpt_free(Gpt *g) {
    if (!g) return;
    arena_free(&g->arena, g->dev);
    params_free(&g->table);
    free(g);
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static void plan_layer(const Gpt *g, LayerActs *act, Arena *arena, size_t N) {
    const ModelConfig *c = &g->config;
    ARENA_PLAN(arena, act->x, N * c->C);
    ARENA_PLAN(arena, act->y1, N * c->C);
    ARENA_PLAN(arena, act->qkv, N * g->Q);
    if (c->qk_norm) {
        ARENA_PLAN(arena, act->qk, N * g->qk_stride);
        ARENA_PLAN(arena, act->rstd_q, N * c->NH);
        ARENA_PLAN(arena, act->rstd_k, N * c->NKV);
    }
    ARENA_PLAN(arena, act->o, N * g->q_size);
    ARENA_PLAN(arena, act->lse, N * c->NH);
    ARENA_PLAN(arena, act->x2, N * c->C);
    ARENA_PLAN(arena, act->y2, N * c->C);
    ARENA_PLAN(arena, act->gate_up, N * 2 * c->F);
    ARENA_PLAN(arena, act->act, N * c->F);
    ARENA_PLAN(arena, act->rstd1, N);
    ARENA_PLAN(arena, act->rstd2, N);
}

static void plan_common(const Gpt *g, GptActs *a, Arena *arena, size_t N) {
    a->layers = calloc((size_t)g->config.L, sizeof *a->layers);
    REQUIRE(a->layers, "out of memory");
    arena->kind = MEMORY_ACTIVATIONS;
    ARENA_PLAN(arena, a->x_final, N * g->config.C);
    ARENA_PLAN(arena, a->hidden, N * g->config.C);
    ARENA_PLAN(arena, a->rstd_final, N);
    ARENA_PLAN(arena, a->delta, N * g->config.C);
}

void gpt_acts_plan(const Gpt *g, GptActs *a, Arena *arena, int N_max, int T_max) {
    const ModelConfig *c = &g->config;
    size_t N = (size_t)N_max;
    *a = (GptActs){.N_max = N_max, .T_max = T_max};
    plan_common(g, a, arena, N);
    for (int l = 0; l < c->L; l++) plan_layer(g, &a->layers[l], arena, N);
    AttentionShape shape = {N_max, N_max, T_max, c->NH, c->NKV, c->HS, g->Q, g->Q, g->Q};
    arena_plan(arena, &a->attention_workspace, attention_workspace_bytes(g->dev, &shape), "attention_workspace");
    ARENA_PLAN(arena, a->dhidden, N * c->C);
    ARENA_PLAN(arena, a->dx, N * c->C);
    ARENA_PLAN(arena, a->dy, N * c->C);
    ARENA_PLAN(arena, a->d_o, N * g->q_size);
    ARENA_PLAN(arena, a->dqkv, N * g->Q);
    if (c->qk_norm) ARENA_PLAN(arena, a->dqk, N * g->qk_stride);
    ARENA_PLAN(arena, a->dact, N * c->F);
    size_t norms = larger(rmsnorm_workspace_bytes(N_max, 1, c->C), rmsnorm_workspace_bytes(N_max, c->NH, c->HS));
    arena_plan(arena, &a->workspace, larger(norms, embedding_workspace_bytes(N_max, c->V)), "workspace");
}

void gpt_acts_plan_decode(const Gpt *g, GptActs *a, Arena *arena, int R_max, int table_width) {
    const ModelConfig *c = &g->config;
    *a = (GptActs){.N_max = R_max, .T_max = table_width * kv_block_tokens()};
    plan_common(g, a, arena, (size_t)R_max);
    plan_layer(g, &a->layers[0], arena, (size_t)R_max);
    DecodeShape shape = {R_max, c->NH, c->NKV, c->HS, g->Q, g->Q, g->Q, table_width};
    arena_plan(arena, &a->attention_workspace, attention_decode_workspace_bytes(g->dev, &shape), "attention_workspace");
}

void gpt_acts_share(const Gpt *g, GptActs *a) {
    for (int l = 1; l < g->config.L; l++) a->layers[l] = a->layers[0];
}

void gpt_acts_free(GptActs *a) {
    free(a->layers);
    *a = (GptActs){0};
}

void gradients_plan(const Gpt *g, Gradients *grads, Arena *arena, Buckets *buckets) {
    *grads = (Gradients){.buckets = buckets};
    arena->kind = MEMORY_GRADIENTS;
    ARENA_PLAN(arena, grads->flat, g->table.room);
    if (g->config.tied) ARENA_PLAN(arena, grads->head, (size_t)g->config.V * g->config.C);
}

void gradients_zero(const Gpt *g, Gradients *grads) {
    if (!g->config.tied) grads->head = grads->flat + g->table.head;
    else device_zero(g->dev, grads->head, (size_t)g->config.V * g->config.C * sizeof(float));
    device_zero(g->dev, grads->flat, g->table.room * sizeof(float));
    grads->last = false;
}

void gradients_final(const Gpt *g, Gradients *grads, size_t from) {
    if (grads->last) buckets_sum_from(grads->buckets, g->dev, grads->flat, from);
}

void gradients_finish(const Gpt *g, Gradients *grads) {
    if (g->config.tied) add_rows(g->dev, grads->flat + g->table.embed, grads->head, (size_t)g->config.V * g->config.C);
    buckets_sum_from(grads->buckets, g->dev, grads->flat, 0);
    buckets_sum_end(grads->buckets, g->dev);
}
