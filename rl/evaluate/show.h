// Optional (./eval --ask, --chat): a response on a terminal while it is generated. What a model writes is hostile: it
// may hold anything that a terminal obeys. Characters are shown whole, however the tokens cut them; control characters,
// marks that turn the direction of writing, and broken UTF-8 are shown as escapes (\x1b, \u202e) or U+FFFD, and obeyed
// by nothing.
#ifndef RL_EVALUATE_SHOW_H
#define RL_EVALUATE_SHOW_H
#include "kernels/sample.h"
#include "model/tokenizer/tokenizer.h"
#include <stdio.h>

typedef enum ShowColor { SHOW_ENTROPY, SHOW_PROBABILITY, SHOW_PLAIN } ShowColor;

typedef struct Show {
    FILE *out;
    ShowColor color;
    unsigned char held[4]; // the first bytes of a character that is not whole yet
    int n_held;
} Show;

// Colours only where `out` is a terminal that can (TERM is not "dumb") and NO_COLOR is not set (no-color.org).
Show show_open(FILE *out, ShowColor color);
bool show_has_colors(FILE *out);

// Shows a token's bytes, coloured by the policy that it was drawn from.
void show_token(Show *show, const char *bytes, size_t n, const TokenPolicy *policy);
void show_end(Show *show); // a character that was cut off is shown as broken

// Writes bytes (n) to `to` as text that a terminal only displays; newline and tab stay. Returns its length: up to 4 n,
// and a zero behind it. The last *held bytes, the start of a character, are not written (NULL: they are broken).
size_t show_safe(char *to, const char *bytes, size_t n, size_t *held);

#endif
