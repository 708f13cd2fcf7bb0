// The step from one decoded token to the next, on the device: the token that the sampler drew becomes the row's next
// input. The host reads the rows every decode_burst() steps; between reads, decoding runs entirely on the device.
// Cost: under 100 bytes a row. Limit: latency in both builds.
#ifndef KERNELS_DECODE_H
#define KERNELS_DECODE_H
#include "kernels/sample.h"
EXTERN_C_BEGIN

enum { DECODE_BURST_MAX = 8 };

typedef struct DecodeRows { // device arrays, one entry per row
    int *ids, *pos;  // the token to decode next and its absolute position
    SampleKey *key;  // of the draw that follows that token; key.position == pos
    int *left;       // tokens that the row may still draw; 0: it has ended
    int *taken;      // tokens that it has drawn since the host last read the rows
    Sampled *log;    // (rows, DECODE_BURST_MAX) those tokens
} DecodeRows;

// Advances each row r of R with left[r] > 0 by its draw sampled[r]: the draw goes into the row's log, taken[r] += 1,
// left[r] -= 1, or left[r] = 0 if the token is one of eos (n_eos). A row that has not ended then gets ids[r] = the
// token, pos[r] += 1 and key[r].position += 1. An ended row stays: decoding it again rewrites what the cache holds.
void decode_advance(Device *dev, const DecodeRows *rows, const Sampled *sampled, const int *eos, int n_eos, int R);

// Steps between two reads of the host, <= DECODE_BURST_MAX. C build: 1, since only steps of ended rows cost time there.
int decode_burst(void);

// Prompt tokens to pack into one forward. C build: 256 (512 were no faster). CUDA build: 1024, so that arithmetic takes
// the time and not launches and the reading of weights.
int prefill_rows(void);

// How many rows to run for R live ones, R <= result <= most. CUDA build: one of a few sizes, each with its own graph
// (graph.h); rows from R on are rows that have ended. C build: R.
int decode_bucket(int R, int most);
EXTERN_C_END

// decode_advance of one row that has not ended: the arithmetic of both twins.
TWIN_INLINE void decode_advance_row(const DecodeRows *rows, int r, Sampled drawn, const int *eos, int n_eos) {
    rows->log[(size_t)r * DECODE_BURST_MAX + rows->taken[r]++] = drawn;
    int left = rows->left[r] - 1;
    for (int i = 0; i < n_eos; i++) left = drawn.token == eos[i] ? 0 : left;
    rows->left[r] = left;
    if (left == 0) return;
    rows->ids[r] = drawn.token;
    rows->pos[r]++;
    rows->key[r].position++;
}
#endif
