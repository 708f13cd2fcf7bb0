// The decoder: one forward for training and generation, one backward.
//
//   x = embed[ids]
//   every layer:  x += Wo attention(rope(norm?(Wqkv rmsnorm(x) + b)));  x += Wdown swiglu(Wgate_up rmsnorm(x))
//   hidden = rmsnorm(x);  logits = hidden Whead^T  (a chunk of rows at a time: gpt_head.h)
//
// Generation and training run the same calls in the same order; only attention reads its keys from elsewhere (the
// packed batch, or a paged cache). Together with the row-independent kernels of the C build this makes the
// log-probability of a sampled token and of the same token in training equal to the bit.
//
// Dims: N tokens of a packed micro-batch, C channels, NH heads, NKV kv heads, HS head size, F feed-forward size,
// L layers, V vocabulary, Q = (NH + 2 NKV) HS.
#ifndef MODEL_GPT_H
#define MODEL_GPT_H
#include "kernels/device/arena.h"
#include "kernels/attention.h"
#include "kernels/attention_decode.h"
#include "model/buckets.h"
#include "model/config.h"
#include "model/params.h"
#include <stdint.h>

typedef struct Gpt {
    ModelConfig config;
    ParamTable table;
    Device *dev;
    int T_rope;       // positions in cos_sin
    floatX *params;   // (table.room)
    float *cos_sin;   // (T_rope, 2, HS/2)
    Arena arena;
} Gpt;

// Builds the model with room for T_rope positions (<= config.T_max); parameters are all zero. Free with gpt_free.
// gpt_plan leaves the memory to gpt_commit; what else runs on the model can be planned in between.
Gpt *gpt_new(Device *dev, const ModelConfig *config, int T_rope);
Gpt *gpt_plan(Device *dev, const ModelConfig *config, int T_rope);
void gpt_commit(Gpt *gpt);
void gpt_free(Gpt *gpt);

// One layer's saved activations. Where nothing is trained all layers share one set (x2 is then x, and so on).
typedef struct LayerActs {
    floatX *x;       // (N, C) the residual stream as it enters the layer
    floatX *y1;      // (N, C) after the first norm
    floatX *qkv;     // (N, Q) rotated in place where there is no QK norm
    floatX *qk;      // (N, (NH + NKV) HS) normed and rotated q and k; QK norm only
    floatX *o;       // (N, NH HS) attention's output
    floatX *x2;      // (N, C) the residual stream after attention
    floatX *y2;      // (N, C) after the second norm
    floatX *gate_up; // (N, 2, F)
    floatX *act;     // (N, F)
    float *rstd1, *rstd2, *rstd_q, *rstd_k, *lse;
} LayerActs;

typedef struct GptActs {
    int N_max, T_max;
    bool train;
    LayerActs *layers; // (L)
    floatX *x_final;   // (N, C)
    floatX *hidden;    // (N, C) the final norm's output: what forward writes
    float *rstd_final;
    floatX *delta;     // (N, C) what a block adds to the residual stream
    void *attention_workspace;
    // backward only
    floatX *dhidden, *dx, *dy, *d_o, *dqkv, *dqk, *dact; // dhidden is read by gpt_backward
    void *workspace;
} GptActs;

// Plans activations for N_max tokens in sequences of at most T_max tokens into the arena; commit it, then use acts.
void gpt_acts_plan(const Gpt *gpt, GptActs *acts, Arena *arena, int N_max, int T_max);
// For generation: R_max rows over table_width blocks a sequence, no backward, one set for all layers. After the commit
// call gpt_acts_share, which points every layer at that set.
void gpt_acts_plan_decode(const Gpt *gpt, GptActs *acts, Arena *arena, int R_max, int table_width);
void gpt_acts_share(const Gpt *gpt, GptActs *acts);
void gpt_acts_free(GptActs *acts);

// The tokens of one call. Device arrays. Packed: starts (B + 1). Paged: seq, tables and the cache.
typedef struct Batch {
    int N, B, T;       // tokens, sequences, longest sequence
    const int *ids, *pos;
    const int *starts; // packed only
    const int *seq, *tables;
    int table_width;
    floatX *k_cache, *v_cache; // paged only: (L, blocks, kv_block_elements)
    size_t cache_layer;        // elements of one layer's cache
} Batch;

// writes acts->hidden (N, C) and, for training, everything backward needs
void gpt_forward(const Gpt *gpt, GptActs *acts, const Batch *batch);

// Gradients, fp32. A tied head collects its own (V, C) and is added to the embedding's at the end, so that the order of
// additions into the table does not depend on how the tokens were cut into micro-batches.
typedef struct Gradients {
    float *flat; // (table.room)
    float *head; // (V, C): inside flat, or apart where tied
    Buckets *buckets;
    bool last; // the last micro-batch goes backward: what it has finished is final, and summed over the ranks from then on
} Gradients;

void gradients_plan(const Gpt *gpt, Gradients *grads, Arena *arena, Buckets *buckets); // head is set by gradients_zero
void gradients_zero(const Gpt *gpt, Gradients *grads); // last is false again
void gradients_final(const Gpt *gpt, Gradients *grads, size_t from); // flat[from ...] has this micro-batch's part
void gradients_finish(const Gpt *gpt, Gradients *grads); // after the last micro-batch, once: flat is the sum over all ranks

// accumulates into grads from acts->dhidden; follows gpt_forward with the same batch. Overwrites saved activations.
void gpt_backward(const Gpt *gpt, GptActs *acts, Gradients *grads, const Batch *batch);

#endif
