// Optional (texts that end a response).
#include "rl/stop.h"
#include <string.h>

// A token's bytes in the text of a response: none of a special token.
static const char *bytes_of(const Tokenizer *tokenizer, int id, size_t *n) {
    const char *bytes = tokenizer_is_special(tokenizer, id) ? NULL : tokenizer_token_bytes(tokenizer, id, n);
    if (!bytes) *n = 0;
    return bytes;
}

// The bytes from the first stop string in text (n) on; 0: there is none.
static size_t from_stop(const PromptTemplate *template, const char *text, size_t n) {
    size_t most = 0;
    for (int s = 0; s < template->stops; s++) {
        size_t size = strlen(template->stop[s]);
        for (size_t at = 0; at + size <= n && n - at > most; at++)
            if (memcmp(text + at, template->stop[s], size) == 0) most = n - at;
    }
    return most;
}

bool stop_rollout(const PromptTemplate *template, const Tokenizer *tokenizer, Rollout *r, int from) {
    char tail[2 * PROMPT_STOP_SIZE]; // the last bytes before a token: fewer than the longest stop string
    const size_t keep = PROMPT_STOP_SIZE;
    size_t n_tail = 0, n;
    int first = from;
    for (size_t total = 0; first > 0 && total < keep; total += n) bytes_of(tokenizer, r->tokens[--first], &n);
    for (int t = first; t < r->n; t++) {
        const char *bytes = bytes_of(tokenizer, r->tokens[t], &n);
        char *text = malloc(n_tail + n + 1);
        REQUIRE(text, "out of memory");
        memcpy(text, tail, n_tail);
        if (n) memcpy(text + n_tail, bytes, n);
        size_t found = t < from ? 0 : from_stop(template, text, n_tail + n), all = n_tail + n;
        n_tail = all < keep ? all : keep;
        memcpy(tail, text + all - n_tail, n_tail);
        free(text);
        if (!found) continue;
        r->n = t + 1;
        r->uncounted = (int)found;
        return true;
    }
    return false;
}
