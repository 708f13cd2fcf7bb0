#include "model/gpt.h"
#include "kernels/embedding.h"
#include "kernels/matmul.h"
#include "kernels/device/nvtx.h"
#include "kernels/rmsnorm.h"
#include "kernels/rope.h"
#include "kernels/swiglu.h"

static AttentionShape packed_shape(const Gpt *g, const Batch *b) {
    const ModelConfig *c = &g->config;
    return (AttentionShape){b->N, b->B, b->T, c->NH, c->NKV, c->HS, g->qk_stride, g->qk_stride, g->Q};
}

// q, k, v -> o = attention(q, k, v)
static void attend(const Gpt *g, GptActs *a, int l, const floatX *q, const Batch *b) {
    const ModelConfig *c = &g->config;
    LayerActs *act = &a->layers[l];
    const floatX *k = q + g->q_size, *v = act->qkv + g->q_size + g->kv_size;
    if (b->k_cache) {
        DecodeShape shape = {b->N, c->NH, c->NKV, c->HS, g->qk_stride, g->qk_stride, g->Q, b->table_width};
        floatX *k_cache = b->k_cache + (size_t)l * b->cache_layer, *v_cache = b->v_cache + (size_t)l * b->cache_layer;
        kv_append(g->dev, k_cache, v_cache, k, v, b->tables, b->seq, b->pos, &shape);
        attention_decode_forward(g->dev, act->o, q, k_cache, v_cache, b->tables, b->seq, b->pos, &shape,
                                 a->attention_workspace);
    } else {
        AttentionShape shape = packed_shape(g, b);
        attention_forward(g->dev, act->o, act->lse, q, k, v, b->starts, b->prefix, &shape,
                          a->attention_workspace);
    }
}

// y1 -> delta = Wo attention(...)
static void attention_block(const Gpt *g, GptActs *a, int l, const Batch *b) {
    const ModelConfig *c = &g->config;
    const LayerOffsets *w = &g->table.layers[l];
    const floatX *p = g->params, *bias = c->qkv_bias ? p + w->bqkv : NULL;
    LayerActs *act = &a->layers[l];
    int N = b->N, Q = g->Q, stride = g->qk_stride;
    matmul_forward(g->dev, act->qkv, act->y1, p + w->wqkv, bias, N, c->C, Q);
    floatX *q = c->qk_norm ? act->qk : act->qkv, *k = q + g->q_size;
    if (c->qk_norm) {
        rmsnorm_forward(g->dev, q, act->rstd_q, act->qkv, p + w->q_norm, N, c->NH, c->HS, Q, stride, c->eps);
        const floatX *k_in = act->qkv + g->q_size;
        rmsnorm_forward(g->dev, k, act->rstd_k, k_in, p + w->k_norm, N, c->NKV, c->HS, Q, stride, c->eps);
    }
    rope_forward(g->dev, q, b->pos, g->cos_sin, N, c->NH + c->NKV, c->HS, stride);
    attend(g, a, l, q, b);
    matmul_forward(g->dev, a->delta, act->o, p + w->wo, NULL, N, g->q_size, c->C);
}

void gpt_forward(const Gpt *g, GptActs *a, const Batch *b) {
    RANGE("forward");
    const ModelConfig *c = &g->config;
    const floatX *p = g->params;
    int N = b->N, C = c->C, F = c->F;
    REQUIRE(N <= a->N_max && b->T <= a->T_max, "%d tokens, sequences up to %d: more than planned", N, b->T);
    LayerActs *act = a->layers;
    embedding_forward(g->dev, act->x, b->ids, p + g->table.embed, N, C);
    rmsnorm_forward(g->dev, act->y1, act->rstd1, act->x, p + g->table.layers[0].ln1, N, 1, C, C, C, c->eps);
    for (int l = 0; l < c->L; l++, act++) {
        RANGE_NUMBER("layer", l);
        const LayerOffsets *w = &g->table.layers[l];
        attention_block(g, a, l, b);
        rmsnorm_residual_forward(g->dev, act->x2, act->y2, act->rstd2, act->x, a->delta, p + w->ln2, N, C, c->eps);
        matmul_forward(g->dev, act->gate_up, act->y2, p + w->w_gate_up, NULL, N, C, 2 * F);
        swiglu_forward(g->dev, act->act, act->gate_up, N, F);
        matmul_forward(g->dev, a->delta, act->act, p + w->w_down, NULL, N, F, C);
        bool last = l + 1 == c->L; // the final norm is next; otherwise the next layer's first norm
        rmsnorm_residual_forward(g->dev, last ? a->x_final : act[1].x, last ? a->hidden : act[1].y1,
                                 last ? a->rstd_final : act[1].rstd1, act->x2, a->delta,
                                 p + (last ? g->table.final_norm : w[1].ln1), N, C, c->eps);
    }
}

// dx (N, C), the gradient of the residual stream after attention -> dy, the gradient of y1
static void attention_block_backward(const Gpt *g, GptActs *a, Gradients *d, int l, const Batch *b) {
    const ModelConfig *c = &g->config;
    const LayerOffsets *w = &g->table.layers[l];
    const floatX *p = g->params;
    LayerActs *act = &a->layers[l];
    int N = b->N, Q = g->Q, stride = g->qk_stride;
    matmul_backward_weight(g->dev, d->flat + w->wo, NULL, a->dx, act->o, N, g->q_size, c->C);
    matmul_backward_input(g->dev, a->d_o, a->dx, p + w->wo, N, g->q_size, c->C);
    floatX *q = c->qk_norm ? act->qk : act->qkv, *k = q + g->q_size, *v = act->qkv + g->q_size + g->kv_size;
    floatX *dq = c->qk_norm ? a->dqk : a->dqkv, *dk = dq + g->q_size, *dv = a->dqkv + g->q_size + g->kv_size;
    AttentionShape shape = packed_shape(g, b);
    attention_backward(g->dev, dq, dk, dv, a->d_o, q, k, v, act->o, act->lse, b->starts, b->prefix, &shape,
                       a->attention_workspace);
    rope_backward(g->dev, dq, b->pos, g->cos_sin, N, c->NH + c->NKV, c->HS, stride);
    if (c->qk_norm) {
        rmsnorm_backward(g->dev, a->dqkv, d->flat + w->q_norm, NULL, dq, act->qkv, p + w->q_norm, act->rstd_q, N, c->NH,
                         c->HS, Q, Q, stride, a->workspace);
        rmsnorm_backward(g->dev, a->dqkv + g->q_size, d->flat + w->k_norm, NULL, dk, act->qkv + g->q_size,
                         p + w->k_norm, act->rstd_k, N, c->NKV, c->HS, Q, Q, stride, a->workspace);
    }
    float *dbias = c->qkv_bias ? d->flat + w->bqkv : NULL;
    matmul_backward_weight(g->dev, d->flat + w->wqkv, dbias, a->dqkv, act->y1, N, c->C, Q);
    matmul_backward_input(g->dev, a->dy, a->dqkv, p + w->wqkv, N, c->C, Q);
}

void gpt_backward(const Gpt *g, GptActs *a, Gradients *d, const Batch *b) {
    RANGE("backward");
    const ModelConfig *c = &g->config;
    const floatX *p = g->params;
    int N = b->N, C = c->C, F = c->F;
    size_t norm = g->table.final_norm;
    rmsnorm_backward(g->dev, a->dx, d->flat + norm, NULL, a->dhidden, a->x_final, p + norm, a->rstd_final, N, 1, C, C,
                     C, C, a->workspace);
    for (int l = c->L - 1; l >= 0; l--) {
        RANGE_NUMBER("layer", l);
        const LayerOffsets *w = &g->table.layers[l];
        LayerActs *act = &a->layers[l];
        matmul_backward_weight(g->dev, d->flat + w->w_down, NULL, a->dx, act->act, N, F, C);
        matmul_backward_input(g->dev, a->dact, a->dx, p + w->w_down, N, F, C);
        swiglu_backward(g->dev, act->gate_up, a->dact, act->gate_up, N, F); // in place
        matmul_backward_weight(g->dev, d->flat + w->w_gate_up, NULL, act->gate_up, act->y2, N, C, 2 * F);
        matmul_backward_input(g->dev, a->dy, act->gate_up, p + w->w_gate_up, N, C, 2 * F);
        rmsnorm_backward(g->dev, a->dx, d->flat + w->ln2, a->dx, a->dy, act->x2, p + w->ln2, act->rstd2, N, 1, C, C, C,
                         C, a->workspace);
        attention_block_backward(g, a, d, l, b);
        rmsnorm_backward(g->dev, a->dx, d->flat + w->ln1, a->dx, a->dy, act->x, p + w->ln1, act->rstd1, N, 1, C, C, C,
                         C, a->workspace);
        gradients_final(g, d, w->ln1);
    }
    embedding_backward(g->dev, d->flat + g->table.embed, b->ids, a->dx, N, C, c->V, a->workspace);
}
