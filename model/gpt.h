// The decoder: one forward for training and generation, one backward.
//
//   x = embed[ids]
//   every layer:  x += Wo attention(rope(norm?(Wqkv rmsnorm(x) + b)));  x += Wdown swiglu(Wgate_up rmsnorm(x))
//   hidden = rmsnorm(x);  logits = hidden Whead^T  (a chunk of rows at a time: gpt_head.h)
//
// Generation and training make the same calls in the same order; they differ only in where attention reads its keys:
// the packed batch of N tokens, or a paged KV cache. The kernels of the C build compute each row independently of the
// others, so the log-probability of a sampled token is bit-identical in generation and in training.
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
    int q_size, kv_size, Q; // channels of a token: NH HS, NKV HS, and all of q, k and v: (NH + 2 NKV) HS
    int qk_stride;  // row stride of the rotated q and k: q_size + kv_size with QK norm, otherwise Q
    int T_rope;     // positions in cos_sin
    floatX *params; // (table.room)
    float *cos_sin; // (T_rope, 2, HS/2)
    Arena arena;
} Gpt;

// A model for T_rope positions (<= config.T_max) whose parameters are all zero. gpt_plan allocates nothing on the
// device, so that everything else can be planned, and a memory plan checked, before gpt_commit does.
Gpt *gpt_new(Device *dev, const ModelConfig *config, int T_rope); // plan and commit
Gpt *gpt_plan(Device *dev, const ModelConfig *config, int T_rope);
void gpt_commit(Gpt *gpt);
void gpt_free(Gpt *gpt);

// A layer's saved activations. Generation saves nothing: its layers share one set.
typedef struct LayerActs {
    floatX *x;       // (N, C) the residual stream as it enters the layer
    floatX *y1;      // (N, C) after the first norm
    floatX *qkv;     // (N, Q) without QK norm q and k are rotated in place
    floatX *qk;      // (N, (NH + NKV) HS) normed and rotated q and k; QK norm only
    floatX *o;       // (N, NH HS) the output of attention
    floatX *x2;      // (N, C) the residual stream after attention
    floatX *y2;      // (N, C) after the second norm
    floatX *gate_up; // (N, 2, F)
    floatX *act;     // (N, F) swiglu(gate_up)
    float *rstd1, *rstd2, *rstd_q, *rstd_k, *lse; // (N), (N), (N, NH), (N, NKV) of the norms; (N, NH) of attention
} LayerActs;

typedef struct GptActs {
    int N_max, T_max;
    LayerActs *layers; // (L)
    floatX *x_final;   // (N, C) the residual stream after the last layer
    floatX *hidden;    // (N, C) the final norm's output: the result of gpt_forward
    float *rstd_final; // (N)
    floatX *delta;     // (N, C) what a block adds to the residual stream
    void *attention_workspace;
    // backward only: dhidden (N, C) is the input of gpt_backward, the others are scratch
    floatX *dhidden, *dx, *dy, *d_o, *dqkv, *dqk, *dact;
    void *workspace;
} GptActs;

// Plans activations for N_max tokens in sequences of at most T_max tokens.
void gpt_acts_plan(const Gpt *gpt, GptActs *acts, Arena *arena, int N_max, int T_max);
// For generation: R_max rows, sequences of up to table_width KV blocks, no backward, one set of activations, to which
// gpt_acts_share points every layer after the arena's commit.
void gpt_acts_plan_decode(const Gpt *gpt, GptActs *acts, Arena *arena, int R_max, int table_width);
void gpt_acts_share(const Gpt *gpt, GptActs *acts);
void gpt_acts_free(GptActs *acts);

// The tokens of one call; device arrays. Training packs its sequences one after another, and a response may continue a
// prompt that is packed once for many (kernels/attention.h); generation sets k_cache and reads keys and values from the
// paged KV cache (kernels/attention_decode.h).
typedef struct Batch {
    int N, B, T;             // tokens, sequences, positions of the longest sequence
    const int *ids, *pos;    // (N) tokens and their positions
    const int *starts;       // packed only: (B + 1) first token of each sequence
    const int *prefix;       // packed only: (B) the sequence that each one continues, or -1; NULL: -1 for all
    const int *seq, *tables; // paged only: (N) each token's sequence, and the sequences' block tables
    int table_width;
    floatX *k_cache, *v_cache; // paged only: (L, blocks, kv_block_elements)
    size_t cache_layer;        // elements of one layer's cache
} Batch;

// writes acts->hidden (N, C) and what gpt_backward needs
void gpt_forward(const Gpt *gpt, GptActs *acts, const Batch *batch);

// Gradients, fp32. A tied head has a gradient (V, C) apart from the embedding's, added to it at the end, so that the
// order of additions does not depend on how tokens are cut into micro-batches.
typedef struct Gradients {
    float *flat; // (table.room)
    float *head; // (V, C): inside flat, or apart if tied
    Buckets *buckets;
    bool last; // set before the last micro-batch's backward: from then on finished gradients are all-reduced
} Gradients;

void gradients_plan(const Gpt *gpt, Gradients *grads, Arena *arena, Buckets *buckets);
void gradients_zero(const Gpt *gpt, Gradients *grads); // before the first micro-batch
// The flat buffer is in forward order (embedding, layers, final norm, head) and backward goes from its end to its
// start: this micro-batch adds nothing more to flat[from..], which in the last one may be summed over the ranks.
void gradients_final(const Gpt *gpt, Gradients *grads, size_t from);
void gradients_finish(const Gpt *gpt, Gradients *grads);             // after the last: flat is the sum over all ranks

// accumulates into grads from acts->dhidden. It follows gpt_forward of the same batch and overwrites its activations.
void gpt_backward(const Gpt *gpt, GptActs *acts, Gradients *grads, const Batch *batch);

#endif
