// Optional (showing text): tokens to UTF-8.
#include "model/tokenizer/decode.h"
#include "base/text.h"

char *tokenizer_decode(const Tokenizer *t, const int *ids, int n, size_t *len, Error *err) {
    size_t total = 0, some;
    for (int i = 0; i < n; i++, total += some)
        if (!tokenizer_token_bytes(t, ids[i], &some))
            return fail(err, "token %d has id %d; the vocabulary has %d", i, ids[i], tokenizer_vocab_size(t)), NULL;
    char *out = malloc(4 * total + 1);
    if (!out) return fail(err, "out of memory"), NULL;
    char *raw = out + 3 * total + 1, *to = raw; // after the text: up to 3 bytes (U+FFFD) per raw byte, and a zero
    for (int i = 0; i < n; i++, to += some) {
        const char *bytes = tokenizer_token_bytes(t, ids[i], &some);
        if (some) memcpy(to, bytes, some);
    }
    size_t kept = utf8_write(out, raw, total);
    if (len) *len = kept;
    return out;
}
