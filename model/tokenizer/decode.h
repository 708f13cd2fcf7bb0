// Optional (showing text): tokens to UTF-8, at once or one by one.
#ifndef MODEL_TOKENIZER_DECODE_H
#define MODEL_TOKENIZER_DECODE_H
#include "model/tokenizer/tokenizer.h"

// The text of n tokens as zero-terminated UTF-8, free with free; special tokens by their name. A token is any run of
// bytes, so several together need not be UTF-8: what is not becomes U+FFFD, as in Python. len may be NULL. NULL with
// the reason in err for an id outside the vocabulary.
char *tokenizer_decode(const Tokenizer *tokenizer, const int *ids, int n, size_t *len, Error *err);

// The same, token by token. Start from {0}. Returns the text that token `id` adds, whole characters only: the first
// bytes of a character that several tokens make up wait in the stream. id -1 ends the text. The results joined are what
// tokenizer_decode gives for all ids. Free with free.
typedef struct TokenStream {
    unsigned char held[4];
    size_t n_held; // at most 3
} TokenStream;
char *tokenizer_stream(const Tokenizer *tokenizer, TokenStream *stream, int id, size_t *len, Error *err);

#endif
