// Sampling the next token, and the statistics that training will want of it.
//
//   pi = softmax(z / temp);  a ~ pi by inversion: the first token at which the running sum of e^(z/temp - max) passes
//   u times the whole, u from Philox keyed by seed and counted by (step, prompt, rollout, position).
//
// top_k and top_p restrict what may be drawn (evaluation only); the statistics are always those of the full softmax.
// temp = 0 takes the largest logit (the first, on a tie), with the statistics of temp = 1.
#ifndef KERNELS_SAMPLE_H
#define KERNELS_SAMPLE_H
#include "kernels/device/device.h"
#include "kernels/modulation.h"
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct SampleConfig {
    float temp;   // >= 0
    int top_k;    // keep the k most likely tokens and what ties with the last of them; 0 = off
    float top_p;  // keep the smallest set of most likely tokens (and ties) with mass >= top_p; 1 = off
    uint64_t seed;
    uint32_t step; // of training, or a stream number of evaluation
} SampleConfig;

typedef struct SampleKey { // what makes a draw unique within a step
    uint32_t prompt, rollout, position;
} SampleKey;

typedef struct Sampled {
    int token;
    TokenPolicy policy; // log pi_a, H, E at temperature temp
} Sampled;

// writes sampled (R); logits (R, V) fp32, key (R), config (1): all of them on the device, so that a recorded step (graph.h) serves
// under any configuration
void sample_forward(Device *dev, Sampled *sampled, const float *logits, const SampleKey *key,
                    const SampleConfig *config, int R, int V);

#ifdef __cplusplus
}
#endif
#endif
