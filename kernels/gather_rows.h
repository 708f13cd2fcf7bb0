// Copies of chosen rows. The head is applied only where a response token follows: those rows of the final hidden state
// are gathered before the head, and their gradients are scattered back after it.
// Cost: 2 C floatX of memory traffic a row; add_rows 12 bytes a value. Memory bandwidth is the limit in both builds.
#ifndef KERNELS_GATHER_ROWS_H
#define KERNELS_GATHER_ROWS_H
#include "kernels/device/device.h"
EXTERN_C_BEGIN

// Writes to (M, C) floatX: to[m] = from[rows[m]]. rows (M) may name a row of `from` several times.
void gather_rows(Device *dev, floatX *to, const floatX *from, const int *rows, int M, int C);

// Writes to[rows[m]] = from[m], from (M, C) floatX; the other rows of `to` keep their values. No row is named twice.
void scatter_rows(Device *dev, floatX *to, const floatX *from, const int *rows, int M, int C);

// Accumulates to[i] += from[i] for n fp32 values (the gradient of a tied head into that of the embedding).
void add_rows(Device *dev, float *to, const float *from, size_t n);
EXTERN_C_END
#endif
