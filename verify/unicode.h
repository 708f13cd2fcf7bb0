// Optional (math answers from data sets): rewrites other characters as ASCII TeX for the lexer.
//
//   "6π" -> "6\pi "   "x²⁰" -> "x^{20}"   "½" -> "\frac{1}{2}"   "−5" -> "-5"   "３" -> "3"   "٣" -> "3"
//
// A character without an entry becomes an opaque name ("\char4e2d "), an invalid byte "\byteff ", NUL "\byte00 ".
// Unknown bytes are never dropped, or "1<NUL>2" would read 12. Zero-width characters and byte-order marks vanish,
// except inside a word or number.
#ifndef VERIFY_UNICODE_H
#define VERIFY_UNICODE_H
#include "verify/node_pool.h"

// Decodes one code point at text[0..len), len > 0: returns its bytes, or 0 for an invalid sequence (overlong forms and
// surrogates included).
size_t utf8_decode(const char *text, size_t len, unsigned *code);

// The ASCII form, NUL-terminated, *out_len bytes; NULL when the pool is exhausted.
char *unicode_to_tex(NodePool *pool, const char *text, size_t len, size_t *out_len);

#endif
