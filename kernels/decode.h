// From one decoding step to the next without the host: what the sampler drew becomes the row's next input, on the device.
// The host looks at the rows every decode_burst() steps; until then it neither sees a token nor gives the device one.
#ifndef KERNELS_DECODE_H
#define KERNELS_DECODE_H
#include "kernels/sample.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { DECODE_BURST_MAX = 8 };

typedef struct DecodeRows { // device arrays, one entry a row
    int *ids, *pos;  // the token to decode next, and its position
    SampleKey *key;  // of the draw that follows it; key.position == pos
    int *left;       // tokens this row may still get; 0: it has ended
    int *taken;      // tokens it got since the host last looked
    Sampled *log;    // (rows, DECODE_BURST_MAX) those tokens
} DecodeRows;

// Row r of R, if left[r] > 0: appends sampled[r] to its log, taken[r] += 1, left[r] -= 1, and left[r] = 0 at one of the
// n_eos tokens eos. A row that goes on gets ids[r] = that token, pos[r] += 1, key[r].position += 1. A row that has ended
// stands still: decoding it again writes the keys and values that are there already.
void decode_advance(Device *dev, const DecodeRows *rows, const Sampled *sampled, const int *eos, int n_eos, int R);

// Steps between two looks of the host, <= DECODE_BURST_MAX. C build: 1 (a look is free, a step of an ended row is not).
int decode_burst(void);

// Prompt tokens worth packing into one forward. C build: 256 (twice as many were no faster). CUDA build: 1024, so that the
// time goes into arithmetic, not into launching kernels and reading the weights.
int prefill_rows(void);

// How many rows to run for R live ones, R <= result <= most. CUDA build: one of a few sizes, each with its own graph
// (graph.h); the rows beyond R have ended before they begin. C build: R.
int decode_bucket(int R, int most);

#ifdef __cplusplus
}
#endif
#endif
