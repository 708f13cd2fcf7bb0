#include "model/gpt.h"
#include "kernels/embedding.h"
#include "kernels/matmul.h"
#include "kernels/device/nvtx.h"
#include "kernels/rmsnorm.h"
#include "kernels/rope.h"
#include "kernels/swiglu.h"

static AttentionShape packed_shape(const ModelConfig *c, const Batch *b) {
    int Q = (c->NH + 2 * c->NKV) * c->HS, qk = c->qk_norm ? (c->NH + c->NKV) * c->HS : Q;
    return (AttentionShape){b->N, b->B, b->T, c->NH, c->NKV, c->HS, qk, qk, Q};
}

static DecodeShape paged_shape(const ModelConfig *c, const Batch *b) {
    int Q = (c->NH + 2 * c->NKV) * c->HS, qk = c->qk_norm ? (c->NH + c->NKV) * c->HS : Q;
    return (DecodeShape){b->N, c->NH, c->NKV, c->HS, qk, qk, Q, b->table_width};
}

static void attend(const Gpt *g, GptActs *a, int l, const floatX *q, const floatX *k, const floatX *v, const Batch *b) {
    LayerActs *act = &a->layers[l];
    if (b->k_cache) {
        DecodeShape shape = paged_shape(&g->config, b);
        floatX *k_cache = b->k_cache + (size_t)l * b->cache_layer, *v_cache = b->v_cache + (size_t)l * b->cache_layer;
        kv_append(g->dev, k_cache, v_cache, k, v, b->tables, b->seq, b->pos, &shape);
        attention_decode_forward(g->dev, act->o, q, k_cache, v_cache, b->tables, b->seq, b->pos, &shape, a->attention_workspace);
    } else {
        AttentionShape shape = packed_shape(&g->config, b);
        attention_forward(g->dev, act->o, act->lse, q, k, v, b->starts, &shape, a->attention_workspace);
    }
}

// y1 -> delta = Wo attention(...)
static void attention_block(const Gpt *g, GptActs *a, int l, const Batch *b) {
    const ModelConfig *c = &g->config;
    const LayerOffsets *w = &g->table.layers[l];
    LayerActs *act = &a->layers[l];
    int N = b->N, q_size = c->NH * c->HS, kv_size = c->NKV * c->HS, Q = q_size + 2 * kv_size;
    matmul_forward(g->dev, act->qkv, act->y1, g->params + w->wqkv, c->qkv_bias ? g->params + w->bqkv : NULL, N, c->C, Q);
    floatX *q = act->qkv;
    int stride = Q;
    if (c->qk_norm) {
        q = act->qk;
        stride = q_size + kv_size;
        rmsnorm_forward(g->dev, q, act->rstd_q, act->qkv, g->params + w->q_norm, N, c->NH, c->HS, Q, stride, c->eps);
        rmsnorm_forward(g->dev, q + q_size, act->rstd_k, act->qkv + q_size, g->params + w->k_norm, N, c->NKV, c->HS, Q, stride, c->eps);
    }
    rope_forward(g->dev, q, b->pos, g->cos_sin, N, c->NH + c->NKV, c->HS, stride);
    attend(g, a, l, q, q + q_size, act->qkv + q_size + kv_size, b);
    matmul_forward(g->dev, a->delta, act->o, g->params + w->wo, NULL, N, q_size, c->C);
}

void gpt_forward(const Gpt *g, GptActs *a, const Batch *b) {
    RANGE("forward");
    const ModelConfig *c = &g->config;
    int N = b->N, L = c->L;
    REQUIRE(N <= a->N_max && b->T <= a->T_max, "%d tokens in sequences of up to %d: activations were planned for %d and %d", N, b->T, a->N_max, a->T_max);
    LayerActs *act = a->layers;
    embedding_forward(g->dev, act->x, b->ids, g->params + g->table.embed, N, c->C);
    rmsnorm_forward(g->dev, act->y1, act->rstd1, act->x, g->params + g->table.layers[0].ln1, N, 1, c->C, c->C, c->C, c->eps);
    for (int l = 0; l < L; l++, act++) {
        RANGE_NUMBER("layer", l);
        const LayerOffsets *w = &g->table.layers[l];
        attention_block(g, a, l, b);
        rmsnorm_residual_forward(g->dev, act->x2, act->y2, act->rstd2, act->x, a->delta, g->params + w->ln2, N, c->C, c->eps);
        matmul_forward(g->dev, act->gate_up, act->y2, g->params + w->w_gate_up, NULL, N, c->C, 2 * c->F);
        swiglu_forward(g->dev, act->act, act->gate_up, N, c->F);
        matmul_forward(g->dev, a->delta, act->act, g->params + w->w_down, NULL, N, c->F, c->C);
        bool last = l + 1 == L;
        rmsnorm_residual_forward(g->dev, last ? a->x_final : act[1].x, last ? a->hidden : act[1].y1,
                                 last ? a->rstd_final : act[1].rstd1, act->x2, a->delta,
                                 g->params + (last ? g->table.final_norm : w[1].ln1), N, c->C, c->eps);
    }
}

// dx (N, C), the gradient of the residual stream after attention, -> dy: the gradient of y1
static void attention_block_backward(const Gpt *g, GptActs *a, Gradients *d, int l, const Batch *b) {
    const ModelConfig *c = &g->config;
    const LayerOffsets *w = &g->table.layers[l];
    LayerActs *act = &a->layers[l];
    AttentionShape shape = packed_shape(c, b);
    int N = b->N, q_size = c->NH * c->HS, kv_size = c->NKV * c->HS, Q = q_size + 2 * kv_size;
    matmul_backward_weight(g->dev, d->flat + w->wo, NULL, a->dx, act->o, N, q_size, c->C);
    matmul_backward_input(g->dev, a->d_o, a->dx, g->params + w->wo, N, q_size, c->C);
    floatX *q = c->qk_norm ? act->qk : act->qkv, *dq = c->qk_norm ? a->dqk : a->dqkv;
    attention_backward(g->dev, dq, dq + q_size, a->dqkv + q_size + kv_size, a->d_o, q, q + q_size, act->qkv + q_size + kv_size,
                       act->o, act->lse, b->starts, &shape, a->attention_workspace);
    rope_backward(g->dev, dq, b->pos, g->cos_sin, N, c->NH + c->NKV, c->HS, shape.q_stride);
    if (c->qk_norm) {
        rmsnorm_backward(g->dev, a->dqkv, d->flat + w->q_norm, NULL, dq, act->qkv, g->params + w->q_norm, act->rstd_q, N,
                         c->NH, c->HS, Q, Q, shape.q_stride, a->workspace);
        rmsnorm_backward(g->dev, a->dqkv + q_size, d->flat + w->k_norm, NULL, dq + q_size, act->qkv + q_size,
                         g->params + w->k_norm, act->rstd_k, N, c->NKV, c->HS, Q, Q, shape.q_stride, a->workspace);
    }
    matmul_backward_weight(g->dev, d->flat + w->wqkv, c->qkv_bias ? d->flat + w->bqkv : NULL, a->dqkv, act->y1, N, c->C, Q);
    matmul_backward_input(g->dev, a->dy, a->dqkv, g->params + w->wqkv, N, c->C, Q);
}

void gpt_backward(const Gpt *g, GptActs *a, Gradients *d, const Batch *b) {
    RANGE("backward");
    const ModelConfig *c = &g->config;
    int N = b->N, C = c->C, F = c->F;
    rmsnorm_backward(g->dev, a->dx, d->flat + g->table.final_norm, NULL, a->dhidden, a->x_final, g->params + g->table.final_norm,
                     a->rstd_final, N, 1, C, C, C, C, a->workspace);
    for (int l = c->L - 1; l >= 0; l--) {
        RANGE_NUMBER("layer", l);
        const LayerOffsets *w = &g->table.layers[l];
        LayerActs *act = &a->layers[l];
        matmul_backward_weight(g->dev, d->flat + w->w_down, NULL, a->dx, act->act, N, F, C);
        matmul_backward_input(g->dev, a->dact, a->dx, g->params + w->w_down, N, F, C);
        swiglu_backward(g->dev, act->gate_up, a->dact, act->gate_up, N, F);
        matmul_backward_weight(g->dev, d->flat + w->w_gate_up, NULL, act->gate_up, act->y2, N, C, 2 * F);
        matmul_backward_input(g->dev, a->dy, act->gate_up, g->params + w->w_gate_up, N, C, 2 * F);
        rmsnorm_backward(g->dev, a->dx, d->flat + w->ln2, a->dx, a->dy, act->x2, g->params + w->ln2, act->rstd2, N, 1, C, C, C,
                         C, a->workspace);
        attention_block_backward(g, a, d, l, b);
        rmsnorm_backward(g->dev, a->dx, d->flat + w->ln1, a->dx, a->dy, act->x, g->params + w->ln1, act->rstd1, N, 1, C, C, C,
                         C, a->workspace);
        gradients_final(g, d, w->ln1);
    }
    embedding_backward(g->dev, d->flat + g->table.embed, b->ids, a->dx, N, C, c->V, a->workspace);
}
