// The oracle for model/gpt.c: the decoder in its plainest form, in double precision, one sequence at a time, without
// caching and fusing. The parameters are the flat buffer of model/params.h in double.
#ifndef TESTS_MODEL_REFERENCE_MODEL_H
#define TESTS_MODEL_REFERENCE_MODEL_H
#include "model/params.h"
#include <math.h>
#include <string.h>

enum { REFERENCE_T = 32, REFERENCE_C = 64 };

static inline void reference_norm(double *y, const double *x, const double *w, int C, double eps) {
    double ss = 0;
    for (int c = 0; c < C; c++) ss += x[c] * x[c];
    for (int c = 0; c < C; c++) y[c] = x[c] / sqrt(ss / C + eps) * w[c];
}

static inline void reference_product(double *y, const double *x, const double *w, const double *b, int C, int OC) {
    for (int o = 0; o < OC; o++) {
        y[o] = b ? b[o] : 0;
        for (int c = 0; c < C; c++) y[o] += x[c] * w[(size_t)o * C + c];
    }
}

static inline void reference_rotate(double *x, int t, int HS, double theta) {
    for (int i = 0; i < HS / 2; i++) {
        double angle = t * pow(theta, -2.0 * i / HS), a = x[i], b = x[i + HS / 2];
        x[i] = a * cos(angle) - b * sin(angle);
        x[i + HS / 2] = b * cos(angle) + a * sin(angle);
    }
}

// x (T, C) += the attention block of layer l
static inline void reference_attention(double x[][REFERENCE_C], const double *p, const LayerOffsets *w,
                                       const ModelConfig *c, int T) {
    static double qkv[REFERENCE_T][4 * REFERENCE_C]; // scratch of this single-threaded oracle
    int q_size = c->NH * c->HS, kv_size = c->NKV * c->HS;
    for (int t = 0; t < T; t++) {
        double y[REFERENCE_C];
        reference_norm(y, x[t], p + w->ln1, c->C, c->eps);
        reference_product(qkv[t], y, p + w->wqkv, c->qkv_bias ? p + w->bqkv : NULL, c->C, q_size + 2 * kv_size);
        for (int h = 0; h < c->NH + c->NKV; h++) {
            double *head = qkv[t] + h * c->HS;
            if (c->qk_norm) reference_norm(head, head, p + (h < c->NH ? w->q_norm : w->k_norm), c->HS, c->eps);
            reference_rotate(head, t, c->HS, c->rope_theta);
        }
    }
    for (int t = 0; t < T; t++) {
        double o[REFERENCE_C * 2] = {0}, delta[REFERENCE_C];
        for (int h = 0; h < c->NH; h++) {
            int kv = h / (c->NH / c->NKV);
            double weight[REFERENCE_T], sum = 0;
            for (int j = 0; j <= t; j++) {
                double s = 0;
                for (int i = 0; i < c->HS; i++) s += qkv[t][h * c->HS + i] * qkv[j][q_size + kv * c->HS + i];
                sum += weight[j] = exp(s / sqrt(c->HS));
            }
            for (int j = 0; j <= t; j++)
                for (int i = 0; i < c->HS; i++)
                    o[h * c->HS + i] += weight[j] / sum * qkv[j][q_size + kv_size + kv * c->HS + i];
        }
        reference_product(delta, o, p + w->wo, NULL, q_size, c->C);
        for (int i = 0; i < c->C; i++) x[t][i] += delta[i];
    }
}

static inline void reference_feed_forward(double *x, const double *p, const LayerOffsets *w, const ModelConfig *c) {
    double y[REFERENCE_C], gate_up[4 * REFERENCE_C], act[2 * REFERENCE_C], delta[REFERENCE_C];
    reference_norm(y, x, p + w->ln2, c->C, c->eps);
    reference_product(gate_up, y, p + w->w_gate_up, NULL, c->C, 2 * c->F);
    for (int f = 0; f < c->F; f++) act[f] = gate_up[f] / (1 + exp(-gate_up[f])) * gate_up[c->F + f];
    reference_product(delta, act, p + w->w_down, NULL, c->F, c->C);
    for (int i = 0; i < c->C; i++) x[i] += delta[i];
}

// writes logits (T, V) of one sequence
static inline void reference_logits(double *logits, const double *p, const ParamTable *table, const ModelConfig *c,
                                    const int *ids, int T) {
    double x[REFERENCE_T][REFERENCE_C], y[REFERENCE_C];
    for (int t = 0; t < T; t++) memcpy(x[t], p + table->embed + (size_t)ids[t] * c->C, (size_t)c->C * sizeof(double));
    for (int l = 0; l < c->L; l++) {
        reference_attention(x, p, &table->layers[l], c, T);
        for (int t = 0; t < T; t++) reference_feed_forward(x[t], p, &table->layers[l], c);
    }
    for (int t = 0; t < T; t++) {
        reference_norm(y, x[t], p + table->final_norm, c->C, c->eps);
        reference_product(logits + (size_t)t * c->V, y, p + table->head, NULL, c->C, c->V);
    }
}

// log pi of token a in a row of logits at a temperature
static inline double reference_log_prob(const double *logits, int V, int a, double temp) {
    double sum = 0, top = logits[0];
    for (int b = 1; b < V; b++) top = logits[b] > top ? logits[b] : top;
    for (int b = 0; b < V; b++) sum += exp((logits[b] - top) / temp);
    return (logits[a] - top) / temp - log(sum);
}

#endif
