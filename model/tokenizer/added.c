// Optional (Hugging Face models): added tokens, found by a binary search that advances byte by byte.
#include "model/tokenizer/added.h"
#include "base/text.h"
#include <string.h>

void added_add(AddedTokens *added, const char *content, size_t n, int id, bool lstrip, bool rstrip) {
    added->tokens = realloc(added->tokens, (size_t)(added->count + 1) * sizeof *added->tokens);
    REQUIRE(added->tokens, "out of memory");
    added->tokens[added->count++] = (AddedToken){text_copy(content, n), n, id, lstrip, rstrip};
    added->starts[(unsigned char)content[0]] = true;
}

static int compare_tokens(const void *a, const void *b) {
    const AddedToken *s = a, *t = b;
    int order = memcmp(s->content, t->content, s->n < t->n ? s->n : t->n);
    return order ? order : (s->n > t->n) - (s->n < t->n);
}

void added_sort(AddedTokens *added) {
    if (added->count) qsort(added->tokens, (size_t)added->count, sizeof *added->tokens, compare_tokens);
}

void added_free(AddedTokens *added) {
    for (int i = 0; i < added->count; i++) free(added->tokens[i].content);
    free(added->tokens);
}

// The first token in [low, high), which all share their first `depth` bytes, whose next byte is at least `byte`.
static int lower_bound(const AddedTokens *added, int low, int high, size_t depth, int byte) {
    while (low < high) {
        int middle = low + (high - low) / 2;
        const AddedToken *t = &added->tokens[middle];
        int here = t->n > depth ? (unsigned char)t->content[depth] : -1;
        if (here < byte) low = middle + 1;
        else high = middle;
    }
    return low;
}

// The longest token that text starts with, or NULL.
static const AddedToken *longest_at(const AddedTokens *added, const char *text, size_t n) {
    const AddedToken *found = NULL;
    int low = 0, high = added->count;
    for (size_t depth = 0; depth < n && low < high; depth++) {
        int byte = (unsigned char)text[depth];
        low = lower_bound(added, low, high, depth, byte);
        high = lower_bound(added, low, high, depth, byte + 1);
        if (low < high && added->tokens[low].n == depth + 1) found = &added->tokens[low];
    }
    return found;
}

static void include_spaces(const AddedToken *t, const char *text, size_t n, size_t from, AddedMatch *match) {
    while (t->lstrip && match->start > from) {
        size_t before = match->start - 1;
        while (before > from && ((unsigned char)text[before] & 0xc0) == 0x80) before--;
        if (!utf8_space(text + before, match->start - before)) break;
        match->start = before;
    }
    for (size_t step = t->rstrip; step; match->end += step) step = utf8_space(text + match->end, n - match->end);
}

bool added_find(const AddedTokens *added, const char *text, size_t n, size_t from, AddedMatch *match) {
    for (size_t i = from; added->count && i < n; i++) {
        if (!added->starts[(unsigned char)text[i]]) continue;
        const AddedToken *t = longest_at(added, text + i, n - i);
        if (!t) continue;
        *match = (AddedMatch){i, i + t->n, t->id};
        include_spaces(t, text, n, from, match);
        return true;
    }
    return false;
}
