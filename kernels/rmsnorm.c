#include "kernels/rmsnorm.h"
#include "kernels/device/device_threads.h"
#include "kernels/softmax_row.h"
#include <math.h>

enum { CHANNELS = 32 };

static float row_dot(const float *a, const float *b, int C) {
    float s[LANES] = {0};
    int i = 0;
    for (; i + LANES <= C; i += LANES)
        for (int l = 0; l < LANES; l++) s[l] = mul_add(a[i + l], b[i + l], s[l]);
    for (int l = 0; i + l < C; l++) s[l] = mul_add(a[i + l], b[i + l], s[l]);
    return lanes_sum(s);
}

static float row_forward(float *y, const float *x, const float *w, int C, float eps) {
    float rstd = 1.0f / sqrtf(row_dot(x, x, C) / (float)C + eps);
    for (int c = 0; c < C; c++) y[c] = x[c] * rstd * w[c];
    return rstd;
}

void rmsnorm_forward(Device *dev, floatX *y, float *rstd, const floatX *x, const floatX *w, int N, int H, int C,
                     int stride, int y_stride, float eps) {
    PARALLEL(dev)
    for (int n = 0; n < N; n++)
        for (int h = 0; h < H; h++)
            rstd[(size_t)n * H + h] = row_forward(y + (size_t)n * y_stride + (size_t)h * C,
                                                  x + (size_t)n * stride + (size_t)h * C, w, C, eps);
}

void rmsnorm_residual_forward(Device *dev, floatX *sum, floatX *y, float *rstd, const floatX *x, const floatX *delta,
                              const floatX *w, int N, int C, float eps) {
    PARALLEL(dev)
    for (int n = 0; n < N; n++) {
        float *s = sum + (size_t)n * C;
        const float *a = x + (size_t)n * C, *b = delta + (size_t)n * C;
        for (int c = 0; c < C; c++) s[c] = a[c] + b[c];
        rstd[n] = row_forward(y + (size_t)n * C, s, w, C, eps);
    }
}

static void row_backward(float *dx, const float *dres, const float *dy, const float *x, const float *w, float rstd,
                         int C) {
    float s[LANES] = {0};
    for (int c = 0; c < C; c++) s[c % LANES] = mul_add(dy[c] * w[c], x[c], s[c % LANES]);
    float mean = lanes_sum(s) * rstd / (float)C; // of g x_hat
    for (int c = 0; c < C; c++) {
        float g = rstd * (dy[c] * w[c] - x[c] * rstd * mean);
        dx[c] = dres ? dres[c] + g : g;
    }
}

size_t rmsnorm_workspace_bytes(UNUSED int N, UNUSED int H, UNUSED int C) { return 0; }

void rmsnorm_backward(Device *dev, floatX *dx, float *dw, const floatX *dres, const floatX *dy, const floatX *x,
                      const floatX *w, const float *rstd, int N, int H, int C, int stride, int dx_stride,
                      int dy_stride, UNUSED void *workspace) {
    PARALLEL(dev) // dw first, since dx may overwrite dy. A thread owns a range of channels and takes all rows in order.
    for (int c0 = 0; c0 < C; c0 += CHANNELS) {
        int end = C - c0 < CHANNELS ? C : c0 + CHANNELS;
        for (int n = 0; n < N; n++)
            for (int h = 0; h < H; h++) {
                const float *g = dy + (size_t)n * dy_stride + (size_t)h * C;
                const float *a = x + (size_t)n * stride + (size_t)h * C;
                float r = rstd[(size_t)n * H + h];
                for (int c = c0; c < end; c++) dw[c] = mul_add(g[c], a[c] * r, dw[c]);
            }
    }
    PARALLEL(dev)
    for (int n = 0; n < N; n++)
        for (int h = 0; h < H; h++) {
            size_t in = (size_t)n * stride + (size_t)h * C, out = (size_t)n * dx_stride + (size_t)h * C;
            row_backward(dx + out, dres ? dres + out : NULL, dy + (size_t)n * dy_stride + (size_t)h * C, x + in, w,
                         rstd[(size_t)n * H + h], C);
        }
}
