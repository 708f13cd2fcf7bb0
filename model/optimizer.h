// AdamW over the flat parameter buffer (Loshchilov and Hutter, arXiv 1711.05101), with gradient clipping by global
// norm. With ZeRO-1 a rank holds the state of its shards only (buckets.h): 12 bytes per parameter become 12 / ranks.
#ifndef MODEL_OPTIMIZER_H
#define MODEL_OPTIMIZER_H
#include "model/gpt.h"

typedef struct OptimizerConfig {
    float beta1, beta2, eps, weight_decay;
    float grad_clip; // the largest norm; 0: off
} OptimizerConfig;

typedef struct Optimizer {
    const Buckets *buckets;
    float *master;     // (buckets_held) fp32 weights; if floatX is float, the parameters themselves (table.room)
    float *m, *v;      // (buckets_held) first and second moments
    double *partial;   // scratch of the norm
    long long t;       // updates done
    long long skipped; // updates skipped because the gradient was not finite
} Optimizer;

void optimizer_plan(Optimizer *opt, Arena *arena, const Buckets *buckets);
// After the commit. writes master from h_params (fp32, table.size), or leaves that to gpt_load if h_params is NULL.
void optimizer_start(const Gpt *gpt, Optimizer *opt, const float *h_params);
void optimizer_reset(const Gpt *gpt, Optimizer *opt); // moments and t are 0 again

// One update from gradients that are already summed over all ranks. Returns their norm before clipping; if that is not
// finite the update was skipped.
double optimizer_step(Gpt *gpt, Optimizer *opt, const Gradients *grads, const OptimizerConfig *config, float lr);

// Copies between state (opt->master, m or v) and a flat array on the host.
// write: from h_from (n), the values offset .. offset + n - 1, those that this rank holds.
// read: called by all ranks, writes h_to (table.size) on rank 0. The shards of other ranks are gathered in scratch
// (table.room), which is overwritten; the gradients' buffer is free between two steps.
void optimizer_write(const Gpt *gpt, const Optimizer *opt, float *state, size_t offset, const float *h_from, size_t n);
void optimizer_read(const Gpt *gpt, const Optimizer *opt, const float *state, float *scratch, float *h_to);

#endif
