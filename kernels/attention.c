// One task is one (sequence, kv head). It packs its keys and values once into panels of tile.h, for all query heads of
// the group, and takes the queries in blocks of QUERIES rows, whose scores it keeps in the workspace. In backward the
// keys of a shared prompt then have tasks of their own, each with all queries of the sequences that continue it: these
// compute scores again, and need neither memory for partial sums nor a thread that waits for another.
#include "kernels/attention.h"
#include "kernels/device/device_threads.h"
#include "kernels/softmax_row.h"
#include "kernels/tile_pack.h"
#include <math.h>
#include <omp.h>
#include <string.h>

enum { QUERIES = 4 * TILE_ROWS, PROMPT_KEYS = 2 * TILE_COLS }; // PROMPT_KEYS: of a shared prompt, in one task

// The workspace of one thread; tokens and channels are padded to whole panels.
typedef struct Scratch {
    float *by_key;           // K transposed: panels of TILE_COLS keys, (HS, TILE_COLS) each, for q . k
    float *values_by_key;    // V likewise, for d_o . v
    float *by_channel;       // K or V: panels of TILE_COLS channels, (T, TILE_COLS) each, for sums over keys
    float *out, *out2;       // (T, HS padded): sums over keys or queries before they are stored; at first, K or V
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

// A sequence's tokens: P of the prompt that it continues, from token `prompt` on, then n from token `own` on.
typedef struct Packed { int prompt, P, own, n; } Packed;
static Packed packed_sequence(const int *starts, const int *prefix, int b) {
    int p = prefix ? prefix[b] : -1;
    return (Packed){p < 0 ? 0 : starts[p], p < 0 ? 0 : starts[p + 1] - starts[p], starts[b], starts[b + 1] - starts[b]};
}

static void copy_rows(float *to, size_t to_stride, const float *from, size_t from_stride, int rows, int cols) {
    for (int r = 0; r < rows; r++) memcpy(to + r * to_stride, from + r * from_stride, (size_t)cols * sizeof *to);
}

// Copies K or V of one kv head, x (N, stride), to `rows` (T, HS); returns rows.
static const float *by_position(float *rows, const float *x, size_t stride, Packed p, int HS) {
    copy_rows(rows, (size_t)HS, x + (size_t)p.prompt * stride, stride, p.P, HS);
    copy_rows(rows + (size_t)p.P * HS, (size_t)HS, x + (size_t)p.own * stride, stride, p.n, HS);
    return rows;
}

static void head_forward(float *o, float *lse, const float *q, const AttentionShape *s, Scratch w, Packed x) {
    int T = x.P + x.n, ld = round_up(T, TILE_COLS), hs = round_up(s->HS, TILE_COLS);
    float scale = 1.0f / sqrtf((float)s->HS);
    for (int t0 = 0; t0 < x.n; t0 += QUERIES) {
        int rows = smaller(x.n - t0, QUERIES), before = x.P + t0, keys = round_up(before + rows, TILE_COLS);
        multiply_panels(w.scores, ld, q + (size_t)t0 * s->q_stride, s->q_stride, 1, w.by_key, rows, keys, s->HS,
                        s->HS * TILE_COLS, false);
        float sum[QUERIES];
        for (int r = 0; r < rows; r++)
            sum[r] = attention_weights(w.scores + (size_t)r * ld, before + r + 1, keys, scale, lse + (t0 + r) * s->NH);
        multiply_panels(w.out, hs, w.scores, ld, 1, w.by_channel, rows, s->HS, before + rows, T * TILE_COLS, false);
        for (int r = 0; r < rows; r++) {
            float *to = o + (size_t)(t0 + r) * s->NH * s->HS, inv = 1.0f / sum[r];
            for (int c = 0; c < s->HS; c++) to[c] = w.out[(size_t)r * hs + c] * inv;
        }
    }
}

void attention_forward(Device *dev, floatX *o, float *lse, const floatX *q, const floatX *k, const floatX *v,
                       const int *starts, const int *prefix, const AttentionShape *s, void *workspace) {
    int group = s->NH / s->NKV;
#pragma omp parallel for schedule(dynamic) num_threads(dev->threads)
    for (int task = 0; task < s->B * s->NKV; task++) {
        int kv = task % s->NKV;
        Packed x = packed_sequence(starts, prefix, task / s->NKV);
        size_t first = (size_t)x.own, at = (size_t)kv * s->HS;
        Scratch w = scratch_of(workspace, s);
        pack_by_key(w.by_key, by_position(w.out2, k + at, s->k_stride, x, s->HS), s->HS, x.P + x.n, s->HS);
        pack_by_channel(w.by_channel, by_position(w.out2, v + at, s->v_stride, x, s->HS), s->HS, x.P + x.n, s->HS);
        for (int h = kv * group; h < (kv + 1) * group; h++)
            head_forward(o + (first * s->NH + h) * s->HS, lse + first * s->NH + h,
                         q + first * s->q_stride + (size_t)h * s->HS, s, w, x);
    }
}

// Turns the scores of one block of queries into p, and d_o . v into ds, in place. Query r sees the first before + r + 1
// keys of T.
static void block_probabilities(Scratch w, const float *d_o, const float *o, const float *lse, const AttentionShape *s,
                                int before, int T, int rows, int keys, int ld) {
    float scale = 1.0f / sqrtf((float)s->HS);
    for (int r = 0; r < rows; r++) {
        size_t row = (size_t)r * s->NH, at = row * s->HS;
        float *p = w.scores + (size_t)r * ld, *ds = w.dscores + (size_t)r * ld, row_lse = lse[row], D = 0;
        int seen = smaller(before + r + 1, T);
        for (int c = 0; c < s->HS; c++) D = mul_add(d_o[at + c], o[at + c], D);
        for (int j = 0; j < seen; j++) {
            p[j] = exp_f32(mul_add(p[j], scale, -row_lse));
            ds[j] = p[j] * (ds[j] - D) * scale;
        }
        for (int j = seen; j < keys; j++) p[j] = ds[j] = 0;
    }
}

// Query head h of the n tokens from token `own` on. The packed keys are P before these, and theirs: writes dq, and
// accumulates dk of the n into w.out and dv into w.out2, both (n, HS padded). With dq NULL the keys, and the sums, are
// those of the P.
static void head_backward(float *dq, const float *d_o, const float *q, const float *o, const float *lse,
                          const AttentionShape *s, Scratch w, int h, int own, int P, int n) {
    int T = dq ? P + n : P, first = dq ? P : 0, ld = round_up(T, TILE_COLS), hs = round_up(s->HS, TILE_COLS);
    size_t key_panel = (size_t)s->HS * TILE_COLS, o_stride = (size_t)s->NH * s->HS, q_stride = (size_t)s->q_stride;
    float block[QUERIES * TILE_COLS];
    for (int t0 = 0; t0 < n; t0 += QUERIES) {
        int rows = smaller(n - t0, QUERIES), seen = smaller(P + t0 + rows, T), keys = round_up(seen, TILE_COLS);
        size_t row = (size_t)(own + t0), q_at = row * q_stride + (size_t)h * s->HS, o_at = row * o_stride + h * s->HS;
        multiply_panels(w.scores, ld, q + q_at, q_stride, 1, w.by_key, rows, keys, s->HS, key_panel, false);
        multiply_panels(w.dscores, ld, d_o + o_at, o_stride, 1, w.values_by_key, rows, keys, s->HS, key_panel, false);
        block_probabilities(w, d_o + o_at, o + o_at, lse + row * s->NH + h, s, P + t0, T, rows, keys, ld);
        for (int c = 0; dq && c < s->HS; c += TILE_COLS) {
            int width = smaller(s->HS - c, TILE_COLS);
            multiply_panels(block, TILE_COLS, w.dscores, ld, 1, w.by_channel + c * T, rows, width, seen, 0, false);
            copy_rows(dq + q_at + c, q_stride, block, TILE_COLS, rows, width);
        }
        pack_by_channel(w.rows, q + q_at, s->q_stride, rows, s->HS); // dk += ds^T q, a sum over the block's queries
        multiply_panels(w.out, hs, w.dscores + first, 1, (size_t)ld, w.rows, seen - first, s->HS, rows,
                        (size_t)rows * TILE_COLS, true);
        pack_by_channel(w.rows, d_o + o_at, (int)o_stride, rows, s->HS);
        multiply_panels(w.out2, hs, w.scores + first, 1, (size_t)ld, w.rows, seen - first, s->HS, rows,
                        (size_t)rows * TILE_COLS, true);
    }
}

void attention_backward(Device *dev, floatX *dq, floatX *dk, floatX *dv, const floatX *d_o, const floatX *q,
                        const floatX *k, const floatX *v, const floatX *o, const float *lse, const int *starts,
                        const int *prefix, const AttentionShape *s, void *workspace) {
    int group = s->NH / s->NKV, HS = s->HS, tiles = prefix ? (s->T + PROMPT_KEYS - 1) / PROMPT_KEYS : 0;
    size_t hs = (size_t)round_up(HS, TILE_COLS), k_stride = s->k_stride, v_stride = s->v_stride;
#pragma omp parallel for schedule(dynamic) num_threads(dev->threads)
    for (int task = 0; task < s->B * s->NKV; task++) {
        Packed x = packed_sequence(starts, prefix, task / s->NKV);
        int kv = task % s->NKV, at = kv * HS, T = x.P + x.n;
        Scratch w = scratch_of(workspace, s);
        pack_by_channel(w.by_channel, by_position(w.out2, k + at, k_stride, x, HS), HS, T, HS);
        pack_by_key(w.by_key, w.out2, HS, T, HS);
        pack_by_key(w.values_by_key, by_position(w.out2, v + at, v_stride, x, HS), HS, T, HS);
        memset(w.out, 0, x.n * hs * sizeof(float));
        memset(w.out2, 0, x.n * hs * sizeof(float));
        for (int h = kv * group; h < (kv + 1) * group; h++)
            head_backward(dq, d_o, q, o, lse, s, w, h, x.own, x.P, x.n);
        copy_rows(dk + x.own * k_stride + at, k_stride, w.out, hs, x.n, HS);
        copy_rows(dv + x.own * v_stride + at, v_stride, w.out2, hs, x.n, HS);
    }
#pragma omp parallel for schedule(dynamic) num_threads(dev->threads)
    for (int task = 0; task < s->B * s->NKV * tiles; task++) { // of (prompt p, kv head, keys j0, j0 + 1, ...)
        int p = task / tiles / s->NKV, kv = task / tiles % s->NKV, j0 = starts[p] + task % tiles * PROMPT_KEYS;
        int keys = smaller(starts[p + 1] - j0, PROMPT_KEYS);
        size_t k_at = j0 * k_stride + (size_t)kv * HS, v_at = j0 * v_stride + (size_t)kv * HS;
        if (keys <= 0 || p + 1 == s->B || prefix[p + 1] != p) continue;
        Scratch w = scratch_of(workspace, s);
        pack_by_key(w.by_key, k + k_at, s->k_stride, keys, HS);
        pack_by_key(w.values_by_key, v + v_at, s->v_stride, keys, HS);
        copy_rows(w.out, hs, dk + k_at, k_stride, keys, HS); // the sums so far, over the prompt's own queries
        copy_rows(w.out2, hs, dv + v_at, v_stride, keys, HS);
        for (int b = p + 1; b < s->B && prefix[b] == p; b++)
            for (int h = kv * group; h < (kv + 1) * group; h++)
                head_backward(NULL, d_o, q, o, lse, s, w, h, starts[b], keys, starts[b + 1] - starts[b]);
        copy_rows(dk + k_at, k_stride, w.out, hs, keys, HS);
        copy_rows(dv + v_at, v_stride, w.out2, hs, keys, HS);
    }
}
