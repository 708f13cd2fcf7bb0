// Optional (math answers from data sets): which letter an answer to a multiple choice names.
//
//   "C", "(C)", "\textbf{(C)}\ 42", "C) forty-two", "C. Paris", "option C"   ->  C
//   "A, C", "C or D", "Cat"                                                  ->  none
#ifndef VERIFY_CHOICE_H
#define VERIFY_CHOICE_H
#include "verify/lex.h"

// The one capital letter that the answer chooses, or 0. *rest gets what follows the label in the ASCII text (the value,
// "42" above), NULL when nothing does. *marked: the letter carries a label's brackets or punctuation.
char choice_letter(const Tokens *tokens, const char **rest, bool *marked);

// "A,C", "(A) and (C)", "AC": the set of letters chosen as bits, at least two; else 0.
unsigned choice_set(const Tokens *tokens);

#endif
