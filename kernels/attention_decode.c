// See attention_decode.h. A block holds one panel of tile.h per kv head: keys as (HS, tokens), values as panels
// of TILE_COLS channels, (tokens, TILE_COLS). Scores and sums are then the multiply-add chains of attention.c, started
// and continued block by block: the bits are those of the training forward.
#include "kernels/attention_decode.h"
#include "kernels/device_threads.h"
#include "kernels/softmax_row.h"
#include "kernels/tile.h"
#include <math.h>
#include <omp.h>
#include <string.h>

enum { BLOCK = TILE_COLS };

static int padded_channels(int HS) { return (HS + TILE_COLS - 1) / TILE_COLS * TILE_COLS; }

int kv_block_tokens(void) { return BLOCK; }
size_t kv_block_elements(int NKV, int HS) { return (size_t)NKV * BLOCK * (size_t)padded_channels(HS); }

static size_t scratch_floats(const DecodeShape *s) {
    return (size_t)(s->NH / s->NKV) * ((size_t)s->table_width * BLOCK + (size_t)padded_channels(s->HS));
}

size_t attention_decode_workspace_bytes(const Device *dev, const DecodeShape *shape) {
    return (size_t)dev->threads * scratch_floats(shape) * sizeof(float);
}

void kv_append(Device *dev, floatX *k_cache, floatX *v_cache, const floatX *k, const floatX *v, const int *tables,
               const int *seq, const int *pos, const DecodeShape *s) {
    int hs = padded_channels(s->HS);
    PARALLEL(dev)
    for (int r = 0; r < s->R; r++) {
        int block = tables[(size_t)seq[r] * s->table_width + pos[r] / BLOCK], at = pos[r] % BLOCK;
        for (int h = 0; h < s->NKV; h++) {
            size_t base = (size_t)block * kv_block_elements(s->NKV, s->HS) + (size_t)h * BLOCK * hs;
            const float *key = k + (size_t)r * s->k_stride + (size_t)h * s->HS;
            const float *value = v + (size_t)r * s->v_stride + (size_t)h * s->HS;
            for (int c = 0; c < s->HS; c++) {
                k_cache[base + (size_t)c * BLOCK + at] = key[c];
                v_cache[base + (size_t)(c / TILE_COLS * BLOCK + at) * TILE_COLS + c % TILE_COLS] = value[c];
            }
        }
    }
}

// The query heads of one kv head of one row; q and o are (group, HS).
static void group_forward(float *o, const float *q, const floatX *k_cache, const floatX *v_cache, const int *table,
                          int keys, int head, const DecodeShape *s, float *scores, float *out) {
    int group = s->NH / s->NKV, hs = padded_channels(s->HS), ld = s->table_width * BLOCK;
    size_t block_step = kv_block_elements(s->NKV, s->HS), head_at = (size_t)head * BLOCK * hs;
    float scale = 1.0f / sqrtf((float)s->HS);
    for (int g0 = 0; g0 < group; g0 += TILE_ROWS) {
        int rows = group - g0 < TILE_ROWS ? group - g0 : TILE_ROWS;
        float inv[TILE_ROWS], lse;
        for (int j = 0; j < keys; j += BLOCK)
            tile_multiply(rows, scores + j, (size_t)ld, q + (size_t)g0 * s->HS, (size_t)s->HS, 1,
                          k_cache + (size_t)table[j / BLOCK] * block_step + head_at, s->HS, false);
        for (int r = 0; r < rows; r++)
            inv[r] = 1.0f / attention_weights(scores + (size_t)r * ld, keys, (keys + LANES - 1) / LANES * LANES, scale, &lse);
        for (int j = 0; j < keys; j += BLOCK)
            for (int c = 0; c < s->HS; c += TILE_COLS)
                tile_multiply(rows, out + c, (size_t)hs, scores + j, (size_t)ld, 1,
                              v_cache + (size_t)table[j / BLOCK] * block_step + head_at + (size_t)c * BLOCK,
                              keys - j < BLOCK ? keys - j : BLOCK, j > 0);
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < s->HS; c++) o[(size_t)(g0 + r) * s->HS + c] = out[(size_t)r * hs + c] * inv[r];
    }
}

void attention_decode_forward(Device *dev, floatX *o, const floatX *q, const floatX *k_cache, const floatX *v_cache,
                              const int *tables, const int *seq, const int *pos, const DecodeShape *s,
                              void *workspace) {
    int group = s->NH / s->NKV;
    size_t part = scratch_floats(s);
#pragma omp parallel for schedule(static) num_threads(dev->threads)
    for (int task = 0; task < s->R * s->NKV; task++) {
        int r = task / s->NKV, head = task % s->NKV;
        float *scores = (float *)workspace + (size_t)omp_get_thread_num() * part;
        group_forward(o + ((size_t)r * s->NH + (size_t)head * group) * s->HS,
                      q + (size_t)r * s->q_stride + (size_t)head * group * s->HS, k_cache, v_cache,
                      tables + (size_t)seq[r] * s->table_width, pos[r] + 1, head, s, scores,
                      scores + (size_t)group * s->table_width * BLOCK);
    }
}

void kv_copy_block(Device *dev, floatX *k_cache, floatX *v_cache, int to, int from, int NKV, int HS) {
    size_t n = kv_block_elements(NKV, HS);
    device_copy(dev, k_cache + (size_t)to * n, k_cache + (size_t)from * n, n * sizeof(floatX));
    device_copy(dev, v_cache + (size_t)to * n, v_cache + (size_t)from * n, n * sizeof(floatX));
}
