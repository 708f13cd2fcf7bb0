// Optional (math answers from data sets): answers that are words: names, days, "no solution", "twelve", "October 30".
//
//   "\text{an Ellipse.}" -> "ellipse"   "no solutions" -> "no solution"   "twenty-one" -> 21   "all reals" -> the reals
#ifndef VERIFY_WORDS_H
#define VERIFY_WORDS_H
#include "verify/exact.h"

// True when the text is words and not mathematics: letters, blanks and light punctuation only (digits after a word are
// allowed: "March 14"), with at least one word of three letters that is no function or constant name.
bool words_only(const char *text, size_t len);

// Normal form, NUL-terminated: lower case, no TeX wrappers, articles, closing punctuation or plural s. NULL: no memory.
char *words_normal(NodePool *pool, const char *text, size_t len, size_t *out_len);

// The exact meaning of normal words, a number ("twelve") or a constant ("empty set", "infinity"), else a N_TEXT node.
const Node *words_node(Exact *exact, const char *normal, size_t len);

bool words_equal(const char *text, size_t len, const char *word); // ignoring case
// Lists of words are one string, "a|b|c".
bool words_in(const char *text, size_t len, const char *list);      // ignoring case; the list is lower case
bool words_exactly(const char *text, size_t len, const char *list);
int words_place(const char *text, size_t len, const char *list);    // ignoring case: its index, -1 when absent
// Words after a number that make it a hedge and not a measure: "or maybe", "not", "approximately".
bool words_hedge(const char *word, size_t len);
// Length of an "or" or "and" that was glued to the name after it: "x=1orx=2" has the word "orx". 0 for other words.
size_t words_glued(const char *word, size_t len);
// Functions, constants and Greek letters that are written out in plain text: "sqrt", "pi", "alpha".
bool words_math_name(const char *word, size_t len);

#endif
