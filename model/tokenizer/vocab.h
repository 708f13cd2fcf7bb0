// Optional (Hugging Face models): token <-> id. Byte-level files spell a token with one printable character per byte
// (GPT-2's byte alphabet); here a token is its bytes.
#ifndef MODEL_TOKENIZER_VOCAB_H
#define MODEL_TOKENIZER_VOCAB_H
#include "base/check.h"
#include <stddef.h>
#include <stdint.h>

enum { VOCAB_MAX = 1 << 22 }; // ids in a file are below it

typedef enum TokenKind {
    TOKEN_MISSING,
    TOKEN_BYTES,  // spelled in the byte alphabet: the result of merges
    TOKEN_LITERAL // has a character outside that alphabet and means itself: only an added token matches it
} TokenKind;

typedef struct TokenEntry {
    size_t start;
    uint32_t len;
    unsigned char kind; // TokenKind
    bool whole;         // BPE of its bytes gives this token alone
    bool special;
} TokenEntry;

typedef struct VocabSlot {
    uint32_t tag; // of the hash
    int32_t id;   // -1: empty
} VocabSlot;

typedef struct Vocab {
    TokenEntry *entries; // (size)
    int size;
    char *bytes; // all tokens concatenated
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

// writes the bytes of a file's spelling (at most len) and their number. Returns TOKEN_BYTES, TOKEN_LITERAL (the bytes
// are text itself) or TOKEN_MISSING (text is not UTF-8).
TokenKind token_from_spelling(const char *text, size_t len, char *bytes, size_t *n);

// A byte's character in the alphabet (33 .. 323): printable bytes are themselves, the others follow from 256 on.
int spelling_of_byte(int byte);

#endif
