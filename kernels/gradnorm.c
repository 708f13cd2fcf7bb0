#include "kernels/gradnorm.h"
#include "kernels/device/device_threads.h"

enum { PIECE = 1 << 14, SUMS = 8 };

size_t gradnorm_partials(size_t n) { return (n + PIECE - 1) / PIECE; }

double gradnorm_squared(Device *dev, double *partial, const float *g, size_t n) {
    size_t pieces = gradnorm_partials(n);
    PARALLEL(dev)
    for (size_t p = 0; p < pieces; p++) {
        size_t end = (p + 1) * PIECE < n ? (p + 1) * PIECE : n, i = p * PIECE;
        double s[SUMS] = {0};
        for (; i + SUMS <= end; i += SUMS)
            for (int l = 0; l < SUMS; l++) s[l] += (double)g[i + l] * g[i + l];
        for (int l = 0; i + l < end; l++) s[l] += (double)g[i + l] * g[i + l];
        partial[p] = ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
    }
    double sum = 0;
    for (size_t p = 0; p < pieces; p++) sum += partial[p];
    return sum;
}
