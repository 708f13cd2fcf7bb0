// Token embedding: y[n] = table[ids[n]].
// Cost a token: forward 2 C floatX of memory traffic, backward C floatX and 8 C bytes, C FLOPs; the CUDA build's
// backward also compares N integers. Memory bandwidth is the limit in both builds.
#ifndef KERNELS_EMBEDDING_H
#define KERNELS_EMBEDDING_H
#include "kernels/device/device.h"
EXTERN_C_BEGIN

// Writes y (N, C) floatX from table (V, C) floatX; ids (N) in [0, V).
void embedding_forward(Device *dev, floatX *y, const int *ids, const floatX *table, int N, int C);

// Accumulates dtable (V, C) fp32: dtable[ids[n]] += dy[n] from dy (N, C) floatX, in the order of n, so the bits do not
// depend on threads. workspace: embedding_workspace_bytes(N, V) bytes on the device (0 in the C build: may be NULL).
size_t embedding_workspace_bytes(int N, int V);
void embedding_backward(Device *dev, float *dtable, const int *ids, const floatX *dy, int N, int C, int V,
                        void *workspace);
EXTERN_C_END
#endif
