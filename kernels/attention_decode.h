// Attention of new tokens over a paged KV cache, for generation: attention.h computes the same for training.
//
// One layer's cache is two arrays, keys and values, of blocks of kv_block_tokens() tokens each. Each twin lays out a
// block in its own way. Sequence s has a row of the block table, tables (slots, table_width): its position p is in
// block tables[s][p / block tokens]. Sequences may share a block as long as none of them appends to it. A batch has R
// rows; row r is the token of sequence seq[r] at position pos[r]. Several rows may belong to one sequence (prefill of a
// prompt): the caller appends the keys of all rows before any row attends. All arrays are on the device; strides count
// elements.
//
// Cost of a row with t keys: 4 t NH HS FLOPs, 2 t NKV HS floatX of the cache read. Limit: memory bandwidth, except
// where the keys are in the processor's caches (in the CUDA build: L2, where sequences share blocks); then FLOPs (C) or
// the kernel's own instructions (CUDA). Measured on an H200, 2026-11-27, 16 x 16 rollouts, context about 450, NH 12,
// NKV 2, HS 128: 39 us a layer, 16 MB read from DRAM.
#ifndef KERNELS_ATTENTION_DECODE_H
#define KERNELS_ATTENTION_DECODE_H
#include "kernels/device/device.h"
EXTERN_C_BEGIN

typedef struct DecodeShape {
    int R;                            // rows of this batch
    int NH, NKV, HS;                  // as in attention.h
    int q_stride, k_stride, v_stride; // elements from one row to the next
    int table_width;                  // the most blocks that a sequence may have
} DecodeShape;

int kv_block_tokens(void);
size_t kv_block_elements(int NKV, int HS); // floatX elements in one block of keys, and as many in one of values
size_t attention_decode_workspace_bytes(const Device *dev, const DecodeShape *shape);

// Writes the keys and values of the R rows to their positions in one layer's cache. k, v (R, NKV, HS) floatX, strided.
void kv_append(Device *dev, floatX *k_cache, floatX *v_cache, const floatX *k, const floatX *v, const int *tables,
               const int *seq, const int *pos, const DecodeShape *shape);

// Writes o (R, NH, HS) floatX from q (R, NH, HS) floatX, strided: row r attends to positions 0 .. pos[r] of seq[r].
void attention_decode_forward(Device *dev, floatX *o, const floatX *q, const floatX *k_cache, const floatX *v_cache,
                              const int *tables, const int *seq, const int *pos, const DecodeShape *s, void *workspace);

typedef struct BlockCopy { int to, from; } BlockCopy;

// Writes block copies[i].to = block copies[i].from, i < n, in each of L layers, cache_layer elements apart: so several
// sequences can continue a partly filled prompt block. No block is written twice, or both written and read.
void kv_copy_blocks(Device *dev, floatX *k_cache, floatX *v_cache, const BlockCopy *copies, int n, int L,
                    size_t cache_layer, int NKV, int HS);
EXTERN_C_END
#endif
