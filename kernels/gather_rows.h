// Choosing rows. The head is applied only where a response token follows: those rows of the final hidden state are
// gathered before it, and their gradients scattered back after.
#ifndef KERNELS_GATHER_ROWS_H
#define KERNELS_GATHER_ROWS_H
#include "kernels/device/device.h"
#ifdef __cplusplus
extern "C" {
#endif

// writes to (M, C): to[m] = from[rows[m]]
void gather_rows(Device *dev, floatX *to, const floatX *from, const int *rows, int M, int C);

// writes the M rows to[rows[m]] = from[m] and leaves the others; `rows` names no row twice
void scatter_rows(Device *dev, floatX *to, const floatX *from, const int *rows, int M, int C);

// accumulates to[i] += from[i] for n fp32 values (a tied head's gradient into the embedding's)
void add_rows(Device *dev, float *to, const float *from, size_t n);

#ifdef __cplusplus
}
#endif
#endif
