// Optional (text).
#include "base/text.h"
#include "base/check.h"
#include <string.h>

// A lead byte fixes the length of a character and, for four of them, the range of the second byte (The Unicode
// Standard, table 3-7: this excludes overlong forms, surrogates, and what lies beyond U+10FFFF).
size_t utf8_next(const char *text, size_t n, bool *valid) {
    const unsigned char *s = (const unsigned char *)text;
    unsigned char lead = s[0], low = 0x80, high = 0xbf;
    size_t length = 1, want = lead < 0x80 ? 1 : lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0) == 0xe0 ? 3 : 4;
    *valid = false;
    if (lead > 0xf4 || (lead >= 0x80 && lead < 0xc2)) return 1;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xed) high = 0x9f;
    if (lead == 0xf4) high = 0x8f;
    for (; length < want && length < n && s[length] >= low && s[length] <= high; low = 0x80, high = 0xbf) length++;
    *valid = length == want;
    return length;
}

size_t utf8_space(const char *text, size_t n) {
    static const char wide[][4] = {"\xc2\x85", "\xc2\xa0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003",
                                   "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a",
                                   "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};
    if (n > 0 && (*text == ' ' || (*text >= '\t' && *text <= '\r'))) return 1;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (strlen(wide[i]) <= n && begins(text, wide[i])) return strlen(wide[i]);
    return 0;
}

bool utf8_valid(const char *text, size_t n, size_t *bad) {
    bool valid = true;
    size_t i = 0;
    while (i < n && valid) {
        unsigned long long eight;
        size_t step = 8;
        if (n - i < 8 || (memcpy(&eight, text + i, 8), (eight & 0x8080808080808080u) != 0)) // else eight of ASCII
            step = utf8_next(text + i, n - i, &valid);
        if (valid) i += step;
    }
    if (bad) *bad = i;
    return valid;
}

size_t utf8_write(char *to, const char *bytes, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n;) {
        bool valid;
        size_t step = utf8_next(bytes + i, n - i, &valid), width = valid ? step : 3;
        memcpy(to + kept, valid ? bytes + i : "\xef\xbf\xbd", width);
        kept += width;
        i += step;
    }
    to[kept] = 0;
    return kept;
}

char *text_copy(const char *text, size_t n) {
    char *copy = strndup(text, n);
    REQUIRE(copy, "out of memory for a text of %zu bytes", n);
    return copy;
}

char *utf8_text(const char *bytes, size_t n, bool *exact) {
    char *text = malloc(3 * n + 1), *to = text;
    if (!text) return NULL;
    if (exact) *exact = !memchr(bytes, 0, n) && utf8_valid(bytes, n, NULL);
    for (size_t i = 0; i < n;) { // piecewise, from one NUL to the next
        size_t piece = strnlen(bytes + i, n - i);
        to += utf8_write(to, bytes + i, piece);
        i += piece;
        if (i == n) break;
        memcpy(to, "\xef\xbf\xbd", 3);
        to += 3;
        i++;
    }
    *to = 0;
    return text;
}
