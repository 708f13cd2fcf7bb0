// Attention of new tokens over a paged KV cache: the generation twin of attention.h.
//
// The cache of one layer is `blocks` blocks of kv_block_tokens() tokens each, for keys and for values; how a block is laid
// out inside is the twin's own affair. Sequence s has a row of the block table, tables (S, table_width): position p is
// in block tables[s][p / block tokens]. Blocks may be shared between sequences as long as nobody appends to them.
// A batch is R rows; row r is the token of sequence seq[r] at position pos[r]. Rows of one sequence may stand in the
// same batch (that is how a prompt is prefilled): all keys are appended before any row attends.
#ifndef KERNELS_ATTENTION_DECODE_H
#define KERNELS_ATTENTION_DECODE_H
#include "kernels/device/device.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef struct DecodeShape {
    int R;                        // rows of this batch
    int NH, NKV, HS;              // as in attention.h
    int q_stride, k_stride, v_stride;
    int table_width;              // blocks a sequence may have at most
} DecodeShape;

int kv_block_tokens(void);
size_t kv_block_elements(int NKV, int HS);         // floatX elements of one block of keys (values: the same)
size_t attention_decode_workspace_bytes(const Device *dev, const DecodeShape *shape);

// writes the keys and values of the R rows into their places of one layer's cache; k, v (R, NKV, HS) strided
void kv_append(Device *dev, floatX *k_cache, floatX *v_cache, const floatX *k, const floatX *v, const int *tables,
               const int *seq, const int *pos, const DecodeShape *shape);

// writes o (R, NH, HS): row r attends to positions 0 .. pos[r] of sequence seq[r]
void attention_decode_forward(Device *dev, floatX *o, const floatX *q, const floatX *k_cache, const floatX *v_cache,
                              const int *tables, const int *seq, const int *pos, const DecodeShape *shape,
                              void *workspace);

// In each of L layers, cache_layer elements apart, writes block copies[i].to = block copies[i].from for i < n (a partly filled
// prompt block that several sequences go on from). No block is written twice, or both written and read. copies (n)
typedef struct BlockCopy {
    int to, from;
} BlockCopy;
void kv_copy_blocks(Device *dev, floatX *k_cache, floatX *v_cache, const BlockCopy *copies, int n, int L, size_t cache_layer,
                    int NKV, int HS);

#ifdef __cplusplus
}
#endif
#endif
