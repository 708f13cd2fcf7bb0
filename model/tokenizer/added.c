// Optional (Hugging Face models): added tokens, found by a binary search that advances byte by byte.
#include "model/tokenizer/added.h"
#include <string.h>
#include <utf8proc.h>

bool added_add(AddedTokens *added, const char *content, size_t n, int id, bool lstrip, bool rstrip) {
    AddedToken *tokens = realloc(added->tokens, (size_t)(added->count + 1) * sizeof *tokens);
    if (tokens) added->tokens = tokens;
    char *copy = tokens ? malloc(n) : NULL;
    if (!copy) return false;
    memcpy(copy, content, n);
    added->tokens[added->count++] = (AddedToken){copy, n, id, lstrip, rstrip};
    added->starts[(unsigned char)content[0]] = true;
    return true;
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

static bool is_space(utf8proc_int32_t rune) { // Unicode's White_Space
    if (rune < 128) return rune == ' ' || (rune >= '\t' && rune <= '\r');
    utf8proc_category_t category = utf8proc_category(rune);
    return rune == 0x85 || category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
           category == UTF8PROC_CATEGORY_ZP;
}

static size_t rune_at(const char *text, size_t n, utf8proc_int32_t *rune) {
    utf8proc_ssize_t step = utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, rune);
    return step > 0 ? (size_t)step : 0;
}

static void include_spaces(const AddedToken *t, const char *text, size_t n, size_t from, AddedMatch *match) {
    utf8proc_int32_t rune;
    while (t->lstrip && match->start > from) {
        size_t before = match->start - 1;
        while (before > from && ((unsigned char)text[before] & 0xc0) == 0x80) before--;
        if (!rune_at(text + before, match->start - before, &rune) || !is_space(rune)) break;
        match->start = before;
    }
    while (t->rstrip && match->end < n) {
        size_t step = rune_at(text + match->end, n - match->end, &rune);
        if (!step || !is_space(rune)) break;
        match->end += step;
    }
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
