// Token <-> id. A token in a byte-level file is written with one printable character for each byte (GPT-2's alphabet);
// here it is kept as its bytes.
#ifndef MODEL_TOKENIZER_VOCAB_H
#define MODEL_TOKENIZER_VOCAB_H
#include "base/check.h"
#include <stddef.h>
#include <stdint.h>

enum { VOCAB_MAX = 1 << 22 }; // ids a file may use

typedef enum TokenKind {
    TOKEN_MISSING,
    TOKEN_BYTES,  // spelled in the byte alphabet: what merges make
    TOKEN_LITERAL // has a character outside that alphabet and stands for itself: only an added token can match it
} TokenKind;

typedef struct TokenEntry {
    size_t start;
    uint32_t len;
    unsigned char kind; // TokenKind
    bool whole;         // BPE of its bytes gives this one token
    bool special;
} TokenEntry;

typedef struct VocabSlot {
    uint32_t tag; // of the hash
    int32_t id;   // -1: empty
} VocabSlot;

typedef struct Vocab {
    TokenEntry *entries; // (size)
    int size;
    char *bytes; // all tokens end to end
    size_t n_bytes, room;
    VocabSlot *slots; // (mask + 1) open addressing
    size_t mask;
    size_t longest;    // bytes of the longest token
    int byte_ids[256]; // the token of a single byte, or -1
} Vocab;

// An empty vocabulary for ids 0 .. size - 1. False when out of memory.
bool vocab_init(Vocab *vocab, int size);
void vocab_free(Vocab *vocab);

// Adds a token. False with the reason (without a file name) in err: id out of range or taken, token already there.
bool vocab_add(Vocab *vocab, int id, const char *bytes, size_t len, TokenKind kind, Error *err);

// The id of these bytes, or -1.
int vocab_find(const Vocab *vocab, const char *bytes, size_t len, TokenKind kind);

static inline const char *vocab_bytes(const Vocab *vocab, int id) { return vocab->bytes + vocab->entries[id].start; }

// From a file's spelling: writes bytes (never longer than text) and their number. Returns TOKEN_BYTES, or TOKEN_LITERAL with
// text itself as the bytes, or TOKEN_MISSING where text is not UTF-8.
TokenKind token_from_spelling(const char *text, size_t len, char *bytes, size_t *n);

// A byte's character in the alphabet (33 .. 323): bytes that print stand for themselves, the rest follow from 256 on.
int spelling_of_byte(int byte);

#endif
