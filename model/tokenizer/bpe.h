// Optional (Hugging Face models): byte-pair encoding of one word (Sennrich et al. 2016).
// Start from its bytes; merge the adjacent pair of lowest rank, the leftmost of equals, until no pair is in the table.
#ifndef MODEL_TOKENIZER_BPE_H
#define MODEL_TOKENIZER_BPE_H
#include "base/check.h"
#include "model/tokenizer/vocab.h"
#include <stddef.h>
#include <stdint.h>

typedef struct Merge {
    uint64_t pair; // left id << 32 | right id; NO_PAIR: an empty slot
    uint32_t rank; // the lowest is merged first
    int32_t id;    // what the pair becomes
} Merge;

typedef struct Merges {
    Merge *slots; // (mask + 1) open addressing
    size_t mask;
} Merges;

// Room for count merges. False when out of memory.
bool merges_init(Merges *merges, size_t count);
void merges_free(Merges *merges);

// The pair (left, right) becomes id. A pair given twice has the later rank, as in the `tokenizers` package.
void merges_add(Merges *merges, int left, int right, uint32_t rank, int id);

// Scratch memory, one per thread.
typedef struct BpeSpace {
    int *ids, *merged, *next, *prev; // (room)
    uint32_t *rank;                  // (room)
    uint64_t *heap;                  // (3 room)
    size_t room;
} BpeSpace;

// Room for words of n bytes, n < 2^30. False when out of memory. Start from {0}; free with bpe_free.
bool bpe_reserve(BpeSpace *space, size_t n);
void bpe_free(BpeSpace *space);

// writes space->ids and returns how many; space has room for n >= 1 bytes. -1 - i: the vocabulary lacks byte i of word.
ptrdiff_t bpe_word(const Merges *merges, const Vocab *vocab, const char *word, size_t n, BpeSpace *space);

#endif
