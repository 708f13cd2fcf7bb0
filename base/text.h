// Optional (text): pieces of text, and UTF-8, checked and made from bytes that may not be.
#ifndef BASE_TEXT_H
#define BASE_TEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool begins(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

// What follows the last `mark` in text, or NULL.
static inline const char *after_last(const char *text, const char *mark) {
    const char *after = NULL;
    while ((text = strstr(text, mark))) after = text += strlen(mark);
    return after;
}

// The first n bytes, or those before a NUL, zero-terminated and to be freed. Ends the program when memory runs out.
char *text_copy(const char *text, size_t n);

// The length of the character at text (n >= 1 bytes). Where there is no valid one, *valid is false and the length is
// that of the broken start which one U+FFFD replaces (Unicode's "maximal subpart", as in Python and Rust).
size_t utf8_next(const char *text, size_t n, bool *valid);

// The length of the white-space character (Unicode's White_Space) at text (n bytes); 0: there is none.
size_t utf8_space(const char *text, size_t n);

// Whether all n bytes are UTF-8; *bad (may be NULL) is the offset of the first that is not.
bool utf8_valid(const char *text, size_t n, size_t *bad);

// writes bytes (n) to `to` as UTF-8, each broken start as U+FFFD, and a zero behind it. Returns its length: up to 3 n.
size_t utf8_write(char *to, const char *bytes, size_t n);

// The bytes as zero-terminated UTF-8 of the caller's (free), a NUL as U+FFFD too: what JSON can hold. *exact (may be
// NULL) tells whether nothing was replaced. NULL when memory runs out.
char *utf8_text(const char *bytes, size_t n, bool *exact);

#endif
