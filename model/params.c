#include "model/params.h"
#include "kernels/philox.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Appends a tensor: the first of a group aligned, the others without a gap.
static size_t add(ParamTable *t, bool first_of_group, const char *name, int layer, int rows, int cols, ParamInit init) {
    if (first_of_group) t->size = (t->size + 63) / 64 * 64;
    Param *p = &t->params[t->count++];
    *p = (Param){.offset = t->size, .rank = cols ? 2 : 1, .shape = {rows, cols}, .init = init, .decay = cols > 0};
    if (layer < 0) snprintf(p->name, sizeof p->name, "%s", name);
    else snprintf(p->name, sizeof p->name, "model.layers.%d.%s", layer, name);
    t->size += param_elements(p);
    t->numbers += param_elements(p);
    return p->offset;
}

static void add_layer(ParamTable *t, const ModelConfig *c, int l) {
    LayerOffsets *at = &t->layers[l];
    int q = c->NH * c->HS, kv = c->NKV * c->HS;
    at->ln1 = add(t, true, "input_layernorm.weight", l, c->C, 0, INIT_ONE);
    at->wqkv = add(t, true, "self_attn.q_proj.weight", l, q, c->C, INIT_NORMAL);
    add(t, false, "self_attn.k_proj.weight", l, kv, c->C, INIT_NORMAL);
    add(t, false, "self_attn.v_proj.weight", l, kv, c->C, INIT_NORMAL);
    if (c->qkv_bias) {
        at->bqkv = add(t, true, "self_attn.q_proj.bias", l, q, 0, INIT_ZERO);
        add(t, false, "self_attn.k_proj.bias", l, kv, 0, INIT_ZERO);
        add(t, false, "self_attn.v_proj.bias", l, kv, 0, INIT_ZERO);
    }
    if (c->qk_norm) {
        at->q_norm = add(t, true, "self_attn.q_norm.weight", l, c->HS, 0, INIT_ONE);
        at->k_norm = add(t, true, "self_attn.k_norm.weight", l, c->HS, 0, INIT_ONE);
    }
    at->wo = add(t, true, "self_attn.o_proj.weight", l, c->C, q, INIT_ZERO);
    at->ln2 = add(t, true, "post_attention_layernorm.weight", l, c->C, 0, INIT_ONE);
    at->w_gate_up = add(t, true, "mlp.gate_proj.weight", l, c->F, c->C, INIT_NORMAL);
    add(t, false, "mlp.up_proj.weight", l, c->F, c->C, INIT_NORMAL);
    at->w_down = add(t, true, "mlp.down_proj.weight", l, c->C, c->F, INIT_ZERO);
}

ParamTable params_make(const ModelConfig *c) {
    ParamTable t = {0};
    t.params = calloc((size_t)c->L * 14 + 3, sizeof *t.params);
    t.layers = calloc((size_t)c->L, sizeof *t.layers);
    REQUIRE(t.params && t.layers, "out of memory");
    t.embed = add(&t, true, "model.embed_tokens.weight", -1, c->V, c->C, INIT_NORMAL);
    for (int l = 0; l < c->L; l++) add_layer(&t, c, l);
    t.final_norm = add(&t, true, "model.norm.weight", -1, c->C, 0, INIT_ONE);
    t.head = c->tied ? t.embed : add(&t, true, "lm_head.weight", -1, c->V, c->C, INIT_NORMAL);
    t.size = (t.size + 63) / 64 * 64;
    t.room = t.size + PARAMS_SPARE;
    return t;
}

void params_free(ParamTable *table) {
    free(table->params);
    free(table->layers);
    *table = (ParamTable){0};
}

const Param *params_find(const ParamTable *table, const char *name) {
    for (int i = 0; i < table->count; i++)
        if (strcmp(table->params[i].name, name) == 0) return &table->params[i];
    return NULL;
}

// Box-Muller over Philox, keyed by (seed, tensor, element)
static float normal(uint64_t seed, uint32_t tensor, size_t element) {
    Philox bits = philox(seed, 0x77656967u, tensor, (uint32_t)element, (uint32_t)(element >> 32));
    double u = (bits.word[0] + 0.5) / 4294967296.0, v = bits.word[1] / 4294967296.0;
    return (float)(sqrt(-2 * log(u)) * cos(2 * M_PI * v));
}

void params_init(const ParamTable *table, uint64_t seed, float *h_params) {
    memset(h_params, 0, table->size * sizeof *h_params);
    for (int i = 0; i < table->count; i++) {
        const Param *p = &table->params[i];
        float *to = h_params + p->offset, std = p->rank == 2 ? 1.0f / sqrtf((float)p->shape[1]) : 0.0f;
        for (size_t k = 0; k < param_elements(p); k++)
            to[k] = p->init == INIT_ONE ? 1.0f : p->init == INIT_ZERO ? 0.0f : std * normal(seed, (uint32_t)i, k);
    }
}
