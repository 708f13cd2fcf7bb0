// Optional (math answers from data sets): classes of ASCII characters, the same in every locale.
#ifndef VERIFY_ASCII_H
#define VERIFY_ASCII_H
#include <stdbool.h>
#include <string.h>

static inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static inline bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static inline bool is_alpha(char c) { return is_upper(c) || is_lower(c); }
static inline bool is_alnum(char c) { return is_alpha(c) || is_digit(c); }
static inline bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static inline bool is_xdigit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static inline char to_lower(char c) { return is_upper(c) ? (char)(c + 'a' - 'A') : c; }
static inline bool one_of(char c, const char *set) { return c && strchr(set, c); } // never for NUL

// How many characters at the beginning of text are letters, or digits.
static inline size_t letters_at(const char *text, size_t len) {
    size_t n = 0;
    while (n < len && is_alpha(text[n])) n++;
    return n;
}

#endif
