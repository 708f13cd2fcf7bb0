// From ids to text. A token is any run of bytes, so the bytes of several need not be UTF-8: what is not becomes U+FFFD.
#include "model/tokenizer/tokenizer.h"
#include <string.h>
#include <utf8proc.h>

// Length of the valid character at text (n >= 1 bytes), or 0; then *skip is the length of the broken start of one that
// U+FFFD replaces (Unicode's "maximal subpart", which Python and Rust follow too), and *cut tells that the text ends in it.
static size_t character(const unsigned char *text, size_t n, size_t *skip, bool *cut) {
    utf8proc_int32_t rune;
    utf8proc_ssize_t step = utf8proc_iterate(text, (utf8proc_ssize_t)n, &rune);
    if (step > 0) return (size_t)step;
    unsigned char c = text[0], low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80, high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    size_t want = c >= 0xc2 && c <= 0xdf ? 2 : c >= 0xe0 && c <= 0xef ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 1;
    for (*skip = 1; *skip < want && *skip < n && text[*skip] >= low && text[*skip] <= high; low = 0x80, high = 0xbf) ++*skip;
    *cut = *skip < want && *skip == n;
    return 0;
}

// Writes raw (n bytes) as UTF-8, at most 3 n bytes, a 0 byte behind them, and returns how many. With `held` the start of a
// character at raw's end is not written: *held is its bytes.
static size_t write_utf8(char *out, const unsigned char *raw, size_t n, size_t *held) {
    size_t kept = 0, skip = 0;
    bool cut = false;
    if (held) *held = 0;
    for (size_t i = 0; i < n;) {
        size_t step = character(raw + i, n - i, &skip, &cut);
        if (!step && cut && held) {
            *held = skip;
            break;
        }
        memcpy(out + kept, step ? (const char *)raw + i : "\xef\xbf\xbd", step ? step : 3);
        kept += step ? step : 3;
        i += step ? step : skip;
    }
    out[kept] = 0;
    return kept;
}

char *tokenizer_decode(const Tokenizer *t, const int *ids, int n, size_t *len, Error *err) {
    size_t total = 0, some, at = 0;
    for (int i = 0; i < n; i++) {
        if (!tokenizer_token_bytes(t, ids[i], &some))
            return fail(err, "token %d has id %d; the vocabulary has %d", i, ids[i], tokenizer_vocab_size(t)), NULL;
        total += some;
    }
    char *out = malloc(4 * total + 1); // U+FFFD is 3 bytes; the raw bytes wait at the end
    if (!out) return fail(err, "out of memory"), NULL;
    unsigned char *raw = (unsigned char *)out + 3 * total + 1;
    for (int i = 0; i < n; i++, at += some) {
        const char *bytes = tokenizer_token_bytes(t, ids[i], &some);
        if (some) memcpy(raw + at, bytes, some);
    }
    size_t kept = write_utf8(out, raw, total, NULL);
    if (len) *len = kept;
    return out;
}

char *tokenizer_stream(const Tokenizer *t, TokenStream *stream, int id, size_t *len, Error *err) {
    size_t n = 0, held = 0, n_old = stream->n_held;
    const char *bytes = id < 0 ? NULL : tokenizer_token_bytes(t, id, &n);
    if (id >= 0 && !bytes) return fail(err, "id %d; the vocabulary has %d", id, tokenizer_vocab_size(t)), NULL;
    char *out = malloc(4 * (n_old + n) + 1);
    if (!out) return fail(err, "out of memory"), NULL;
    unsigned char *raw = (unsigned char *)out + 3 * (n_old + n) + 1;
    memcpy(raw, stream->held, n_old);
    if (n) memcpy(raw + n_old, bytes, n);
    size_t kept = write_utf8(out, raw, n_old + n, id < 0 ? NULL : &held);
    memcpy(stream->held, raw + n_old + n - held, held);
    stream->n_held = held;
    if (len) *len = kept;
    return out;
}
