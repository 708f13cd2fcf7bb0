// Draws the next token of each row, and computes the statistics of that draw which training needs.
//
//   pi = softmax(z / temp);  a ~ pi by inversion: the first token at which the running sum of e^(z/temp - max) passes
//   u times the whole sum, where u is a Philox random number of the row's key.
//
// top_k and top_p restrict the tokens that may be drawn (evaluation only); the statistics are those of the full
// softmax. temp = 0 takes the largest logit, the first one on a tie, with the statistics of temp = 1.
//
// Cost: 4 V bytes a row if memory is read once, two or three exponentials and about 30 FLOPs a logit; top_k and top_p
// each read the row up to 32 times more. Limit: FLOPs in the C build; in the CUDA build the second read, with 4-byte
// loads and one block a row. Measured on an H200, 2026-11-27, V = 151,936: 1,158 GB/s at 512 rows, 1,500 at 4,096 (27
// and 35 % of a plain copy's 4,266), one read counted.
#ifndef KERNELS_SAMPLE_H
#define KERNELS_SAMPLE_H
#include "kernels/device/device.h"
#include "kernels/modulation.h"
#include <stdint.h>
EXTERN_C_BEGIN

typedef struct SampleConfig {
    float temp;    // >= 0
    int top_k;     // keep the k most likely tokens and all that tie with the last of them; 0 = off
    float top_p;   // keep the smallest set of most likely tokens, ties included, whose mass is >= top_p; 1 = off
    uint64_t seed; // the key of Philox
    uint32_t step; // RL steps done before this one, so it counts from 0; evaluation uses a stream number here
} SampleConfig;

// The counter of Philox is (step, prompt, rollout, position): the draw depends on nothing else.
typedef struct SampleKey {
    uint32_t prompt;   // low 32 bits of the prompt's id
    uint32_t rollout;  // number of the rollout within its prompt, from 0
    uint32_t position; // absolute, prompt included: of the token whose logits are drawn from; the draw goes after it
} SampleKey;

typedef struct Sampled {
    int token;
    TokenPolicy policy; // log pi_a, H and E at temperature temp
} Sampled;

// Writes sampled (R). Reads logits (R, V) fp32, key (R) and config (1). All operands are on the device, so a recorded
// step (graph.h) can be replayed under another configuration.
void sample_forward(Device *dev, Sampled *sampled, const float *logits, const SampleKey *key,
                    const SampleConfig *config, int R, int V);
EXTERN_C_END
#endif
