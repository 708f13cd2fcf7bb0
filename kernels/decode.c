#include "kernels/decode.h"

void decode_advance(UNUSED Device *dev, const DecodeRows *rows, const Sampled *sampled, const int *eos, int n_eos,
                    int R) {
    for (int r = 0; r < R; r++)
        if (rows->left[r] > 0) decode_advance_row(rows, r, sampled[r], eos, n_eos);
}

int decode_burst(void) { return 1; }
int prefill_rows(void) { return 256; }
int decode_bucket(int R, UNUSED int most) { return R; }
