// Optional (showing text): tokens to UTF-8.
#ifndef MODEL_TOKENIZER_DECODE_H
#define MODEL_TOKENIZER_DECODE_H
#include "model/tokenizer/tokenizer.h"

// The text of n tokens as zero-terminated UTF-8, free with free; special tokens by their name. A token is any run of
// bytes, so several together need not be UTF-8: what is not becomes U+FFFD, as in Python. len may be NULL. NULL with
// the reason in err for an id outside the vocabulary.
char *tokenizer_decode(const Tokenizer *tokenizer, const int *ids, int n, size_t *len, Error *err);

#endif
