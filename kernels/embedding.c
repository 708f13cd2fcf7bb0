// Backward: a thread owns a range of channels and takes all tokens in order.
#include "kernels/embedding.h"
#include "kernels/device/device_threads.h"
#include "kernels/gather_rows.h"

enum { CHANNELS = 64 };

void embedding_forward(Device *dev, floatX *y, const int *ids, const floatX *table, int N, int C) {
    gather_rows(dev, y, table, ids, N, C);
}

size_t embedding_workspace_bytes(UNUSED int N, UNUSED int V) { return 0; }

void embedding_backward(Device *dev, float *dtable, const int *ids, const floatX *dy, int N, int C, UNUSED int V,
                        UNUSED void *workspace) {
    PARALLEL(dev)
    for (int c0 = 0; c0 < C; c0 += CHANNELS) {
        int width = C - c0 < CHANNELS ? C - c0 : CHANNELS;
        for (int n = 0; n < N; n++) {
            float *to = dtable + (size_t)ids[n] * C + c0;
            const floatX *from = dy + (size_t)n * C + c0;
            for (int c = 0; c < width; c++) to[c] += from[c];
        }
    }
}
