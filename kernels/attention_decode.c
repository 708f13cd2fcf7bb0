// A block holds the keys of each kv head as one panel of tile.h, (HS, tokens), and the values as panels of TILE_COLS
// channels, (tokens, TILE_COLS). Scores and sums are the chains of attention.c, continued from block to block.
#include "kernels/attention_decode.h"
#include "kernels/device/device_threads.h"
#include "kernels/softmax_row.h"
#include "kernels/tile.h"
#include <math.h>
#include <omp.h>
#include <string.h>

enum { BLOCK = TILE_COLS, HEADS = 4 }; // HEADS: kv heads of one row in a task

int kv_block_tokens(void) { return BLOCK; }
size_t kv_block_elements(int NKV, int HS) { return (size_t)NKV * BLOCK * (size_t)round_up(HS, TILE_COLS); }

// Scores and outputs of HEADS kv heads, each with its group of query heads.
static size_t scratch_floats(const DecodeShape *s) {
    size_t row = (size_t)s->table_width * BLOCK + (size_t)round_up(s->HS, TILE_COLS);
    return (size_t)HEADS * (size_t)(s->NH / s->NKV) * row;
}

size_t attention_decode_workspace_bytes(const Device *dev, const DecodeShape *s) {
    return (size_t)dev->threads * scratch_floats(s) * sizeof(float);
}

void kv_append(Device *dev, floatX *k_cache, floatX *v_cache, const floatX *k, const floatX *v, const int *tables,
               const int *seq, const int *pos, const DecodeShape *s) {
    int hs = round_up(s->HS, TILE_COLS);
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

// One row and the query heads of kv heads first .. first + heads - 1.
typedef struct RowTask {
    const DecodeShape *s;
    const float *q;            // (NH, HS) of this row
    const floatX *k_cache, *v_cache;
    const int *table;
    int keys, first, heads;
    float *scores, *out;       // (heads, group, table_width * BLOCK) and (heads, group, HS padded)
} RowTask;

// Collects products of equal shape and runs up to 16 at a time.
typedef struct JobList {
    TileJob job[16];
    int count, rows, K;
    size_t ldc, row_step;
    bool load;
} JobList;

static void jobs_run(JobList *list) {
    tile_multiply_jobs(list->count, list->rows, list->job, list->ldc, list->row_step, list->K, list->load);
    list->count = 0;
}

static void jobs_add(JobList *list, float *c, const float *a, const float *panel) {
    list->job[list->count++] = (TileJob){c, a, panel};
    if (list->count == 16) jobs_run(list);
}

static const float *panel_of(const RowTask *t, const floatX *cache, int block, int head, int channel) {
    size_t head_size = (size_t)BLOCK * round_up(t->s->HS, TILE_COLS), index = (size_t)t->table[block] * t->s->NKV;
    return cache + (index + (size_t)(t->first + head)) * head_size + (size_t)channel * BLOCK;
}

// Writes o (NH, HS) of the row: the query heads g0 .. g0 + rows - 1 of every group of the task.
static void rows_forward(float *o, const RowTask *t, int g0, int rows) {
    const DecodeShape *s = t->s;
    int group = s->NH / s->NKV, blocks = (t->keys + BLOCK - 1) / BLOCK, padded = round_up(t->keys, LANES);
    size_t ld = (size_t)s->table_width * BLOCK, hs = (size_t)round_up(s->HS, TILE_COLS), HS = (size_t)s->HS;
    float scale = 1.0f / sqrtf((float)s->HS), inv[HEADS][TILE_ROWS], lse;
    JobList scores = {.rows = rows, .K = s->HS, .ldc = ld, .row_step = HS};
    size_t head_step = (size_t)group * HS; // from the first query head of a group to the next group's, in q and o
    float *first_scores = t->scores + (size_t)g0 * ld, *first_out = t->out + (size_t)g0 * hs;
    for (int h = 0; h < t->heads; h++)
        for (int j = 0; j < blocks; j++)
            jobs_add(&scores, first_scores + (size_t)h * group * ld + (size_t)j * BLOCK,
                     t->q + (size_t)(t->first + h) * head_step + (size_t)g0 * HS, panel_of(t, t->k_cache, j, h, 0));
    jobs_run(&scores);
    for (int h = 0; h < t->heads; h++)
        for (int r = 0; r < rows; r++)
            inv[h][r] = 1.0f / attention_weights(first_scores + (h * group + r) * ld, t->keys, padded, scale, &lse);
    for (int j = 0; j < blocks; j++) { // all chains take one block, then all the next
        int keys = smaller(t->keys - j * BLOCK, BLOCK);
        JobList sums = {.rows = rows, .K = keys, .ldc = hs, .row_step = ld, .load = j > 0};
        for (int h = 0; h < t->heads; h++)
            for (int c = 0; c < s->HS; c += TILE_COLS)
                jobs_add(&sums, first_out + (size_t)h * group * hs + c,
                         first_scores + (size_t)h * group * ld + (size_t)j * BLOCK, panel_of(t, t->v_cache, j, h, c));
        jobs_run(&sums);
    }
    for (int h = 0; h < t->heads; h++)
        for (int r = 0; r < rows; r++) {
            float *to = o + (size_t)(t->first + h) * head_step + (size_t)(g0 + r) * HS;
            const float *from = first_out + ((size_t)h * group + r) * hs;
            for (size_t c = 0; c < HS; c++) to[c] = from[c] * inv[h][r];
        }
}

void attention_decode_forward(Device *dev, floatX *o, const floatX *q, const floatX *k_cache, const floatX *v_cache,
                              const int *tables, const int *seq, const int *pos, const DecodeShape *s,
                              void *workspace) {
    int group = s->NH / s->NKV, parts = (s->NKV + HEADS - 1) / HEADS;
    size_t part = scratch_floats(s), all_scores = (size_t)HEADS * group * s->table_width * BLOCK;
#pragma omp parallel for schedule(static) num_threads(dev->threads)
    for (int task = 0; task < s->R * parts; task++) {
        int r = task / parts, first = task % parts * HEADS;
        float *scores = (float *)workspace + (size_t)omp_get_thread_num() * part;
        RowTask t = {.s = s, .q = q + (size_t)r * s->q_stride, .k_cache = k_cache, .v_cache = v_cache,
                     .table = tables + (size_t)seq[r] * s->table_width, .keys = pos[r] + 1, .first = first,
                     .heads = smaller(s->NKV - first, HEADS), .scores = scores, .out = scores + all_scores};
        for (int g0 = 0; g0 < group; g0 += TILE_ROWS)
            rows_forward(o + (size_t)r * s->NH * s->HS, &t, g0, smaller(group - g0, TILE_ROWS));
    }
}

void kv_copy_blocks(Device *dev, floatX *k_cache, floatX *v_cache, const BlockCopy *copies, int n, int L,
                    size_t cache_layer, int NKV, int HS) {
    size_t elements = kv_block_elements(NKV, HS);
    PARALLEL(dev)
    for (int task = 0; task < n * L; task++) {
        BlockCopy copy = copies[task / L];
        size_t layer = task % L * cache_layer, to = layer + copy.to * elements, from = layer + copy.from * elements;
        memcpy(k_cache + to, k_cache + from, elements * sizeof(floatX));
        memcpy(v_cache + to, v_cache + from, elements * sizeof(floatX));
    }
}
