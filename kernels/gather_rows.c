#include "kernels/gather_rows.h"
#include "kernels/device/device_threads.h"
#include <string.h>

void gather_rows(Device *dev, floatX *to, const floatX *from, const int *rows, int M, int C) {
    PARALLEL(dev)
    for (int m = 0; m < M; m++) memcpy(to + (size_t)m * C, from + (size_t)rows[m] * C, (size_t)C * sizeof *to);
}

void scatter_rows(Device *dev, floatX *to, const floatX *from, const int *rows, int M, int C) {
    PARALLEL(dev)
    for (int m = 0; m < M; m++) memcpy(to + (size_t)rows[m] * C, from + (size_t)m * C, (size_t)C * sizeof *to);
}

void add_rows(Device *dev, float *to, const float *from, size_t n) {
    PARALLEL(dev)
    for (size_t i = 0; i < n; i++) to[i] += from[i];
}
