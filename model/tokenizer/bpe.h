// Byte-pair encoding of one word (Sennrich et al. 2016): start from its bytes; merge the adjacent pair of lowest rank,
// the leftmost of equals, until no pair is in the table.
#ifndef MODEL_TOKENIZER_BPE_H
#define MODEL_TOKENIZER_BPE_H
#include "base/check.h"
#include "model/tokenizer/vocab.h"
#include <stddef.h>
#include <stdint.h>

typedef struct Merge {
    uint64_t pair; // left id << 32 | right id; NO_PAIR where the slot is empty
    uint32_t rank; // lower merges first
    int32_t id;    // what the pair becomes
} Merge;

typedef struct Merges {
    Merge *slots; // (mask + 1) open addressing
    size_t mask;
} Merges;

// Room for count merges. False when out of memory.
bool merges_init(Merges *merges, size_t count);
void merges_free(Merges *merges);

// The pair (left, right) becomes id. Given again, the later rank holds, as in the `tokenizers` package.
void merges_add(Merges *merges, int left, int right, uint32_t rank, int id);

// The working memory of a caller; one for each thread.
typedef struct BpeSpace {
    int *ids, *merged, *next, *prev; // (room)
    uint32_t *rank;                  // (room)
    uint64_t *heap;                  // (3 room)
    size_t room;
} BpeSpace;

// Room for words of n bytes, n < 2^30. False when out of memory. Start from {0}; free with bpe_free.
bool bpe_reserve(BpeSpace *space, size_t n);
void bpe_free(BpeSpace *space);

// writes space->ids and returns how many; space has room for n >= 1 bytes. Where the vocabulary lacks a byte: -1 - its index.
ptrdiff_t bpe_word(const Merges *merges, const Vocab *vocab, const char *word, size_t n, BpeSpace *space);

#endif
