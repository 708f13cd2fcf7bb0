// Optional (showing text): tokens to UTF-8.
#include "model/tokenizer/decode.h"
#include "base/text.h"
#include <string.h>

char *tokenizer_decode(const Tokenizer *t, const int *ids, int n, size_t *len, Error *err) {
    size_t total = 0, some, at = 0;
    for (int i = 0; i < n; i++) {
        if (!tokenizer_token_bytes(t, ids[i], &some))
            return fail(err, "token %d has id %d; the vocabulary has %d", i, ids[i], tokenizer_vocab_size(t)), NULL;
        total += some;
    }
    char *out = malloc(4 * total + 1); // up to 3 bytes of text per raw byte (U+FFFD), then the raw bytes
    if (!out) return fail(err, "out of memory"), NULL;
    char *raw = out + 3 * total + 1;
    for (int i = 0; i < n; i++, at += some) {
        const char *bytes = tokenizer_token_bytes(t, ids[i], &some);
        if (some) memcpy(raw + at, bytes, some);
    }
    size_t kept = utf8_write(out, raw, total, NULL);
    if (len) *len = kept;
    return out;
}

char *tokenizer_stream(const Tokenizer *t, TokenStream *stream, int id, size_t *len, Error *err) {
    size_t n = 0, held = 0, n_old = stream->n_held;
    const char *bytes = id < 0 ? NULL : tokenizer_token_bytes(t, id, &n);
    if (id >= 0 && !bytes) return fail(err, "id %d; the vocabulary has %d", id, tokenizer_vocab_size(t)), NULL;
    char *out = malloc(4 * (n_old + n) + 1);
    if (!out) return fail(err, "out of memory"), NULL;
    char *raw = out + 3 * (n_old + n) + 1;
    memcpy(raw, stream->held, n_old);
    if (n) memcpy(raw + n_old, bytes, n);
    size_t kept = utf8_write(out, raw, n_old + n, id < 0 ? NULL : &held);
    memcpy(stream->held, raw + n_old + n - held, held);
    stream->n_held = held;
    if (len) *len = kept;
    return out;
}
