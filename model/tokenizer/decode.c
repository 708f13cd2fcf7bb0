// Optional (showing text): tokens to UTF-8.
#include "model/tokenizer/decode.h"
#include "base/text.h"
#include <string.h>

// The text of the bytes held before and n tokens. Unless `after` is NULL, it keeps an incomplete character at the end.
static char *text_of(const Tokenizer *t, TokenStream before, const int *ids, int n, TokenStream *after, size_t *len,
                     Error *err) {
    size_t total = before.n_held, some, held = 0, at = before.n_held;
    for (int i = 0; i < n; i++, total += some)
        if (!tokenizer_token_bytes(t, ids[i], &some))
            return fail(err, "token %d has id %d; the vocabulary has %d", i, ids[i], tokenizer_vocab_size(t)), NULL;
    char *out = malloc(4 * total + 1);
    if (!out) return fail(err, "out of memory"), NULL;
    char *raw = out + 3 * total + 1; // after the text: up to 3 bytes (U+FFFD) per raw byte, and a zero
    memcpy(raw, before.held, before.n_held);
    for (int i = 0; i < n; i++, at += some) {
        const char *bytes = tokenizer_token_bytes(t, ids[i], &some);
        if (some) memcpy(raw + at, bytes, some);
    }
    size_t kept = utf8_write(out, raw, total, after ? &held : NULL);
    if (after) memcpy(after->held, raw + total - held, held);
    if (after) after->n_held = held;
    if (len) *len = kept;
    return out;
}

char *tokenizer_decode(const Tokenizer *t, const int *ids, int n, size_t *len, Error *err) {
    return text_of(t, (TokenStream){0}, ids, n, NULL, len, err);
}

char *tokenizer_stream(const Tokenizer *t, TokenStream *stream, int id, size_t *len, Error *err) {
    TokenStream before = *stream;
    if (id < 0) stream->n_held = 0;
    return text_of(t, before, &id, id >= 0, id >= 0 ? stream : NULL, len, err);
}
