// One task is one (sequence, kv head). It packs its keys and values once into panels of tile.h, for all query heads of
// the group, and takes the queries in blocks of QUERIES rows, whose scores it keeps in the workspace.
#include "kernels/attention.h"
#include "kernels/device/device_threads.h"
#include "kernels/softmax_row.h"
#include "kernels/tile_pack.h"
#include <math.h>
#include <omp.h>
#include <string.h>

enum { QUERIES = 4 * TILE_ROWS };

// The workspace of one thread; tokens and channels are padded to whole panels.
typedef struct Scratch {
    float *by_key;           // K transposed: panels of TILE_COLS keys, (HS, TILE_COLS) each, for q . k
    float *values_by_key;    // V likewise, for d_o . v
    float *by_channel;       // K or V: panels of TILE_COLS channels, (T, TILE_COLS) each, for sums over keys
    float *out, *out2;       // (T, HS padded): sums over keys or queries before they are stored
    float *scores, *dscores; // (QUERIES, T)
    float *rows;             // panels of a block of q or d_o: (QUERIES, TILE_COLS) each
} Scratch;

static size_t scratch_floats(const AttentionShape *s) {
    size_t t = (size_t)round_up(s->T, TILE_COLS), hs = (size_t)round_up(s->HS, TILE_COLS);
    return t * hs * 5 + 2 * QUERIES * t + QUERIES * hs * 2;
}

// This thread's part of the workspace.
static Scratch scratch_of(void *workspace, const AttentionShape *s) {
    size_t t = (size_t)round_up(s->T, TILE_COLS), tensor = t * (size_t)round_up(s->HS, TILE_COLS);
    float *at = (float *)workspace + (size_t)omp_get_thread_num() * scratch_floats(s), *blocks = at + 5 * tensor;
    return (Scratch){.by_key = at, .by_channel = at + tensor, .values_by_key = at + 2 * tensor,
                     .out = at + 3 * tensor, .out2 = at + 4 * tensor, .scores = blocks,
                     .dscores = blocks + QUERIES * t, .rows = blocks + 2 * QUERIES * t};
}

size_t attention_workspace_bytes(const Device *dev, const AttentionShape *s) {
    return (size_t)dev->threads * scratch_floats(s) * sizeof(float);
}

// Packs x (T, HS), rows `stride` apart, into panels (HS, TILE_COLS) over t: element (t, c) goes to panel t / TILE_COLS.
static void pack_by_key(float *panels, const float *x, int stride, int T, int HS) {
    for (int t = 0; t < T; t += TILE_COLS)
        tile_pack(panels + (size_t)t * HS, x + (size_t)t * stride, 1, (size_t)stride, HS, smaller(T - t, TILE_COLS));
}

// Packs x into panels (T, TILE_COLS) over the channels: element (t, c) goes to panel c / TILE_COLS.
static void pack_by_channel(float *panels, const float *x, int stride, int T, int HS) {
    for (int c = 0; c < HS; c += TILE_COLS)
        tile_pack(panels + (size_t)c * T, x + c, (size_t)stride, 1, T, smaller(HS - c, TILE_COLS));
}

// out (rows, ld) = A B, or += with `load`: A[r][k] is a[r * row_step + k * k_step], B (K, cols) is in panels.
static void multiply_panels(float *out, int ld, const float *a, size_t row_step, size_t k_step, const float *panels,
                            int rows, int cols, int K, size_t panel_step, bool load) {
    for (int r = 0; r < rows; r += TILE_ROWS)
        for (int j = 0; j < cols; j += TILE_COLS)
            tile_multiply(smaller(rows - r, TILE_ROWS), out + (size_t)r * ld + j, (size_t)ld, a + (size_t)r * row_step,
                          row_step, k_step, panels + (size_t)(j / TILE_COLS) * panel_step, K, load);
}

static void head_forward(float *o, float *lse, const float *q, const AttentionShape *s, Scratch w, int T) {
    int ld = round_up(T, TILE_COLS), hs = round_up(s->HS, TILE_COLS);
    float scale = 1.0f / sqrtf((float)s->HS);
    for (int t0 = 0; t0 < T; t0 += QUERIES) {
        int rows = smaller(T - t0, QUERIES), keys = round_up(t0 + rows, TILE_COLS);
        multiply_panels(w.scores, ld, q + (size_t)t0 * s->q_stride, s->q_stride, 1, w.by_key, rows, keys, s->HS,
                        s->HS * TILE_COLS, false);
        float sum[QUERIES];
        for (int r = 0; r < rows; r++)
            sum[r] = attention_weights(w.scores + (size_t)r * ld, t0 + r + 1, keys, scale, lse + (t0 + r) * s->NH);
        multiply_panels(w.out, hs, w.scores, ld, 1, w.by_channel, rows, s->HS, t0 + rows, T * TILE_COLS, false);
        for (int r = 0; r < rows; r++) {
            float *to = o + (size_t)(t0 + r) * s->NH * s->HS, inv = 1.0f / sum[r];
            for (int c = 0; c < s->HS; c++) to[c] = w.out[(size_t)r * hs + c] * inv;
        }
    }
}

void attention_forward(Device *dev, floatX *o, float *lse, const floatX *q, const floatX *k, const floatX *v,
                       const int *starts, const AttentionShape *s, void *workspace) {
    int group = s->NH / s->NKV;
#pragma omp parallel for schedule(dynamic) num_threads(dev->threads)
    for (int task = 0; task < s->B * s->NKV; task++) {
        int b = task / s->NKV, kv = task % s->NKV, T = starts[b + 1] - starts[b];
        size_t first = (size_t)starts[b];
        Scratch w = scratch_of(workspace, s);
        pack_by_key(w.by_key, k + first * s->k_stride + (size_t)kv * s->HS, s->k_stride, T, s->HS);
        pack_by_channel(w.by_channel, v + first * s->v_stride + (size_t)kv * s->HS, s->v_stride, T, s->HS);
        for (int h = kv * group; h < (kv + 1) * group; h++)
            head_forward(o + (first * s->NH + h) * s->HS, lse + first * s->NH + h,
                         q + first * s->q_stride + (size_t)h * s->HS, s, w, T);
    }
}

// Turns the scores of one block of queries into p, and d_o . v into ds, in place.
static void block_probabilities(Scratch w, const float *d_o, const float *o, const float *lse, const AttentionShape *s,
                                int t0, int rows, int keys, int ld) {
    float scale = 1.0f / sqrtf((float)s->HS);
    for (int r = 0; r < rows; r++) {
        size_t row = (size_t)(t0 + r) * s->NH, at = row * s->HS;
        float *p = w.scores + (size_t)r * ld, *ds = w.dscores + (size_t)r * ld, row_lse = lse[row], D = 0;
        for (int c = 0; c < s->HS; c++) D = mul_add(d_o[at + c], o[at + c], D);
        for (int j = 0; j <= t0 + r; j++) {
            p[j] = exp_f32(mul_add(p[j], scale, -row_lse));
            ds[j] = p[j] * (ds[j] - D) * scale;
        }
        for (int j = t0 + r + 1; j < keys; j++) p[j] = ds[j] = 0;
    }
}

// One query head: writes dq, accumulates dk into w.out and dv into w.out2, both (T, HS padded).
static void head_backward(float *dq, const float *d_o, const float *q, const float *o, const float *lse,
                          const AttentionShape *s, Scratch w, int T) {
    int ld = round_up(T, TILE_COLS), hs = round_up(s->HS, TILE_COLS), o_stride = s->NH * s->HS;
    size_t key_panel = (size_t)s->HS * TILE_COLS;
    float block[QUERIES * TILE_COLS];
    for (int t0 = 0; t0 < T; t0 += QUERIES) {
        int rows = smaller(T - t0, QUERIES), seen = t0 + rows, keys = round_up(seen, TILE_COLS);
        const float *qb = q + (size_t)t0 * s->q_stride, *gb = d_o + (size_t)t0 * o_stride;
        multiply_panels(w.scores, ld, qb, (size_t)s->q_stride, 1, w.by_key, rows, keys, s->HS, key_panel, false);
        multiply_panels(w.dscores, ld, gb, (size_t)o_stride, 1, w.values_by_key, rows, keys, s->HS, key_panel, false);
        block_probabilities(w, d_o, o, lse, s, t0, rows, keys, ld);
        for (int c = 0; c < s->HS; c += TILE_COLS) {
            int width = smaller(s->HS - c, TILE_COLS);
            multiply_panels(block, TILE_COLS, w.dscores, ld, 1, w.by_channel + c * T, rows, width, seen, 0, false);
            for (int r = 0; r < rows; r++)
                memcpy(dq + (size_t)(t0 + r) * s->q_stride + c, block + r * TILE_COLS, (size_t)width * sizeof(float));
        }
        pack_by_channel(w.rows, qb, s->q_stride, rows, s->HS); // dk += ds^T q, a sum over the block's queries
        multiply_panels(w.out, hs, w.dscores, 1, (size_t)ld, w.rows, seen, s->HS, rows, (size_t)rows * TILE_COLS, true);
        pack_by_channel(w.rows, gb, o_stride, rows, s->HS);
        multiply_panels(w.out2, hs, w.scores, 1, (size_t)ld, w.rows, seen, s->HS, rows, (size_t)rows * TILE_COLS, true);
    }
}

void attention_backward(Device *dev, floatX *dq, floatX *dk, floatX *dv, const floatX *d_o, const floatX *q,
                        const floatX *k, const floatX *v, const floatX *o, const float *lse, const int *starts,
                        const AttentionShape *s, void *workspace) {
    int group = s->NH / s->NKV, hs = round_up(s->HS, TILE_COLS);
#pragma omp parallel for schedule(dynamic) num_threads(dev->threads)
    for (int task = 0; task < s->B * s->NKV; task++) {
        int b = task / s->NKV, kv = task % s->NKV, T = starts[b + 1] - starts[b];
        size_t first = (size_t)starts[b], k_at = first * s->k_stride + (size_t)kv * s->HS;
        size_t v_at = first * s->v_stride + (size_t)kv * s->HS;
        Scratch w = scratch_of(workspace, s);
        pack_by_key(w.by_key, k + k_at, s->k_stride, T, s->HS);
        pack_by_channel(w.by_channel, k + k_at, s->k_stride, T, s->HS);
        pack_by_key(w.values_by_key, v + v_at, s->v_stride, T, s->HS);
        memset(w.out, 0, (size_t)round_up(T, TILE_COLS) * hs * sizeof(float));
        memset(w.out2, 0, (size_t)round_up(T, TILE_COLS) * hs * sizeof(float));
        for (int h = kv * group; h < (kv + 1) * group; h++) {
            size_t q_at = first * s->q_stride + (size_t)h * s->HS, o_at = (first * s->NH + h) * s->HS;
            head_backward(dq + q_at, d_o + o_at, q + q_at, o + o_at, lse + first * s->NH + h, s, w, T);
        }
        for (int t = 0; t < T; t++) {
            memcpy(dk + k_at + (size_t)t * s->k_stride, w.out + (size_t)t * hs, (size_t)s->HS * sizeof(float));
            memcpy(dv + v_at + (size_t)t * s->v_stride, w.out2 + (size_t)t * hs, (size_t)s->HS * sizeof(float));
        }
    }
}
