// AdamW over the flat parameter buffer, with gradient clipping by global norm and steps with a non-finite gradient
// skipped. One call a parameter tensor, since only matrices decay. With ZeRO-1 a rank holds the state of its shares of the
// parameters only (buckets.h): 12 bytes a parameter become 12 / W.
#ifndef MODEL_OPTIMIZER_H
#define MODEL_OPTIMIZER_H
#include "model/gpt.h"

typedef struct OptimizerConfig {
    float beta1, beta2, eps, weight_decay;
    float grad_clip; // largest norm; 0 = off
} OptimizerConfig;

typedef struct Optimizer {
    const Buckets *buckets;
    float *master;   // (buckets_held) fp32 weights; where floatX is float the parameters themselves, all of them
    float *m, *v;    // (buckets_held)
    double *partial; // scratch of the norm
    long long t;     // updates done
    long long skipped; // updates left out because the gradient was not finite
} Optimizer;

void optimizer_plan(Optimizer *opt, Arena *arena, const Buckets *buckets);
// After the commit: where floatX is float the parameters are their own master. writes master from h_params (fp32, flat),
// or leaves its values to gpt_load where h_params is NULL.
void optimizer_start(const Gpt *gpt, Optimizer *opt, const float *h_params);
void optimizer_reset(const Gpt *gpt, Optimizer *opt); // moments and count back to 0

// One update with the gradients summed over all ranks. Returns the gradient norm before clipping (not finite: skipped).
double optimizer_step(Gpt *gpt, Optimizer *opt, const Gradients *grads, const OptimizerConfig *config, float lr);

// Between state (opt->master, m or v) and a flat array on the host. write: of values offset .. offset + n, what this rank holds.
// read: all ranks call; writes h_to (table.size) on rank 0, whatever it is elsewhere. What other ranks hold comes by way of scratch
// (table.room), which is overwritten: the gradients' buffer is free between two steps.
void optimizer_write(const Gpt *gpt, const Optimizer *opt, float *state, size_t offset, const float *h_from, size_t n);
void optimizer_read(const Gpt *gpt, const Optimizer *opt, const float *state, float *scratch, float *h_to);

#endif
