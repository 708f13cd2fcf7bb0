// Token embedding: y[n] = table[ids[n]].
#ifndef KERNELS_EMBEDDING_H
#define KERNELS_EMBEDDING_H
#include "kernels/device/device.h"
#ifdef __cplusplus
extern "C" {
#endif

// writes y (N, C); ids (N) in [0, V), table (V, C)
void embedding_forward(Device *dev, floatX *y, const int *ids, const floatX *table, int N, int C);

// accumulates dtable (V, C), fp32: dtable[ids[n]] += dy[n], in the order of n, so the bits do not depend on threads.
// workspace: embedding_workspace_bytes(N, V) bytes of device memory (0 in the C build: may be NULL).
size_t embedding_workspace_bytes(int N, int V);
void embedding_backward(Device *dev, float *dtable, const int *ids, const floatX *dy, int N, int C, int V,
                        void *workspace);

#ifdef __cplusplus
}
#endif
#endif
