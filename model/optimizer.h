// AdamW over the flat parameter buffer, with gradient clipping by global norm and steps with a non-finite gradient
// skipped. One call a parameter tensor, since only matrices decay.
#ifndef MODEL_OPTIMIZER_H
#define MODEL_OPTIMIZER_H
#include "model/gpt.h"

typedef struct OptimizerConfig {
    float beta1, beta2, eps, weight_decay;
    float grad_clip; // largest norm; 0 = off
} OptimizerConfig;

typedef struct Optimizer {
    float *master;   // (table.size) fp32 weights: the parameters themselves where floatX is float
    float *m, *v;    // (table.size)
    double *partial; // scratch of the norm
    long long t;     // updates done
    long long skipped; // updates left out because the gradient was not finite
} Optimizer;

void optimizer_plan(const Gpt *gpt, Optimizer *opt, Arena *arena);
// After the commit: where floatX is float the parameters are their own master. writes master from h_params (fp32, flat),
// or leaves its values to gpt_load where h_params is NULL.
void optimizer_start(const Gpt *gpt, Optimizer *opt, const float *h_params);

void optimizer_reset(const Gpt *gpt, Optimizer *opt); // moments and count back to 0

// One update with the gradients summed over all ranks. Returns the gradient norm before clipping (not finite: skipped).
double optimizer_step(Gpt *gpt, Optimizer *opt, const Gradients *grads, const OptimizerConfig *config, float lr);

#endif
