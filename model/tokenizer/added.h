// Optional (Hugging Face models): added tokens, cut out of the text before any other step.
// The leftmost match wins, and the longest of those at the same position, as in the `tokenizers` package.
#ifndef MODEL_TOKENIZER_ADDED_H
#define MODEL_TOKENIZER_ADDED_H
#include "base/check.h"
#include <stddef.h>

typedef struct AddedToken {
    char *content; // owned, n bytes
    size_t n;
    int id;
    bool lstrip, rstrip; // white space on its left, right belongs to it
} AddedToken;

typedef struct AddedTokens {
    AddedToken *tokens; // (count) sorted by content after added_sort
    int count;
    bool starts[256]; // some token starts with this byte
} AddedTokens;

// Copies content (n >= 1 bytes, none zero).
void added_add(AddedTokens *added, const char *content, size_t n, int id, bool lstrip, bool rstrip);
void added_sort(AddedTokens *added); // after the last added_add, before added_find
void added_free(AddedTokens *added);

typedef struct AddedMatch {
    size_t start, end; // in the text, with the spaces that belong to it
    int id;
} AddedMatch;

// The first match in text (n bytes, valid UTF-8) from byte `from` on, the end of the previous match. False: none.
bool added_find(const AddedTokens *added, const char *text, size_t n, size_t from, AddedMatch *match);

#endif
