// Optional (math answers from data sets): from the text of an answer to its tree.
//
// The grammar is what people write in a box: LaTeX, plain text and any mix ("2pi", "\frac12", "sqrt(5)", "x=1, y=2",
// "(1,2]\cup\{3\}", "3 hours"). Recursive descent; tokens, nodes and depth are bounded, a text beyond is a `limit`.
// From loose to tight: `;`  list `,` and/or  relation  union  ratio `:`  sum  product  sign  power.
#ifndef VERIFY_PARSE_H
#define VERIFY_PARSE_H
#include "verify/exact.h"
#include "verify/lex.h"

// A level of brackets passes through up to ten functions, an atom through up to eight: 64 levels, 2,000 atoms.
enum { PARSE_DEPTH = 10 * 64, PARSE_STEPS = 8 * 2048, PARSE_LIST = 1024 };

typedef struct Parsed {
    const Node *tree;      // NULL when the text is no answer that we can read
    const char *text;      // ASCII form of the text
    size_t text_len;
    const char *words;     // words in normal form, or NULL when the text is not words alone
    size_t words_len;
    const char *label;     // "Profit" of "Profit: 5" in normal form, or NULL
    size_t label_len;
    Tokens tokens;         // for the comparison of last resort: the same tokens
    bool limit;            // too long or too deep
} Parsed;

// Reads one answer. group: "1,234" may be one number.
Parsed parse_answer(Exact *exact, const char *text, size_t len, bool group);

#endif
