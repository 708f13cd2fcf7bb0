// Causal attention of one query head over one sequence in double, as the formulas of kernels/attention.h read.
//
// The relative error of p_tj is the absolute error of its score, which grows with |q| . |k| / sqrt(HS). `reach` is the
// largest of these over the keys; the magnitudes contain the factor 1 + reach.
#ifndef TESTS_KERNELS_ATTENTION_REFERENCE_H
#define TESTS_KERNELS_ATTENTION_REFERENCE_H
#include "tests/kernels/kernel_test.h"

enum { REFERENCE_KEYS = 1100 };

typedef struct Head { // channel c of row t is x[t * x_stride + c]
    const double *q, *k, *v;
    int q_stride, k_stride, v_stride, HS;
} Head;

// p (T) of query t over keys 0..t; returns the reach
static inline double reference_weights(double *p, Sum *lse, const Head *h, int t) {
    double sum = 0, top = -INFINITY, reach = 0;
    assert_true(t < REFERENCE_KEYS);
    for (int j = 0; j <= t; j++) {
        Sum s = {0};
        for (int c = 0; c < h->HS; c++)
            sum_add(&s, h->q[(size_t)t * h->q_stride + c] * h->k[(size_t)j * h->k_stride + c] / sqrt(h->HS));
        p[j] = s.value;
        top = s.value > top ? s.value : top;
        reach = s.magnitude > reach ? s.magnitude : reach;
    }
    for (int j = 0; j <= t; j++) sum += p[j] = exp(p[j] - top);
    for (int j = 0; j <= t; j++) p[j] /= sum;
    *lse = (Sum){top + log(sum), 1 + reach + fabs(top) + fabs(log(sum))};
    return reach;
}

// writes o (HS) and lse of query t
static inline void reference_query(Sum *o, Sum *lse, const Head *h, int t) {
    double p[REFERENCE_KEYS], reach = reference_weights(p, lse, h, t);
    for (int c = 0; c < h->HS; c++) {
        o[c] = (Sum){0};
        for (int j = 0; j <= t; j++) sum_add(&o[c], p[j] * h->v[(size_t)j * h->v_stride + c]);
        o[c].magnitude *= 1 + reach;
    }
}

// accumulates dq, dk, dv (strided like q, k, v) over the T queries of one head. d_o and o: row t at t * o_stride
static inline void reference_head_backward(Sum *dq, Sum *dk, Sum *dv, const double *d_o, const double *o, int o_stride,
                                           const Head *h, int T) {
    for (int t = 0; t < T; t++) {
        double p[REFERENCE_KEYS];
        Sum lse, D = {0};
        double reach = reference_weights(p, &lse, h, t);
        const double *g = d_o + (size_t)t * o_stride;
        for (int c = 0; c < h->HS; c++) sum_add(&D, g[c] * o[(size_t)t * o_stride + c]);
        for (int j = 0; j <= t; j++) {
            Sum dp = {0};
            for (int c = 0; c < h->HS; c++) sum_add(&dp, g[c] * h->v[(size_t)j * h->v_stride + c]);
            double ds = p[j] * (dp.value - D.value) / sqrt(h->HS),
                   rough = p[j] * (dp.magnitude + D.magnitude) * (1 + reach) / sqrt(h->HS);
            for (int c = 0; c < h->HS; c++) {
                Sum *q = &dq[(size_t)t * h->q_stride + c], *k = &dk[(size_t)j * h->k_stride + c],
                    *v = &dv[(size_t)j * h->v_stride + c];
                double key = h->k[(size_t)j * h->k_stride + c], query = h->q[(size_t)t * h->q_stride + c];
                q->value += ds * key, q->magnitude += rough * fabs(key);
                k->value += ds * query, k->magnitude += rough * fabs(query);
                v->value += p[j] * g[c], v->magnitude += p[j] * fabs(g[c]) * (1 + reach);
            }
        }
    }
}

#endif
