// Added tokens: cut out of the text before anything else looks at it. Leftmost first, the longest of those that start at
// one place, as in the `tokenizers` package.
#ifndef MODEL_TOKENIZER_ADDED_H
#define MODEL_TOKENIZER_ADDED_H
#include "base/check.h"
#include <stddef.h>

typedef struct AddedToken {
    char *content; // owned, n bytes
    size_t n;
    int id;
    bool lstrip, rstrip; // takes the white space on its left, right, with it
} AddedToken;

typedef struct AddedTokens {
    AddedToken *tokens; // (count) sorted by content once ready
    int count;
    bool starts[256]; // some token starts with this byte
} AddedTokens;

// Copies content (n >= 1 bytes). False when out of memory.
bool added_add(AddedTokens *added, const char *content, size_t n, int id, bool lstrip, bool rstrip);
void added_sort(AddedTokens *added); // after the last added_add, before added_find
void added_free(AddedTokens *added);

typedef struct AddedMatch {
    size_t start, end; // of text, spaces it takes included
    int id;
} AddedMatch;

// The first match in text (n bytes, valid UTF-8) at or after `from`, which is the end of the match before. False: none.
bool added_find(const AddedTokens *added, const char *text, size_t n, size_t from, AddedMatch *match);

#endif
