// Text for the report page. Everything a model wrote, and every string that came out of a file, goes through
// text_html; nothing else may put such a string on the page.
#ifndef RL_REPORT_TEXT_H
#define RL_REPORT_TEXT_H
#include <stddef.h>
#include <stdio.h>

// Writes `text` (NULL: nothing) so that it is inert in HTML content and in a double-quoted attribute: & < > " ' become
// entities; a byte that belongs to no well-formed UTF-8 sequence (RFC 3629: no overlong forms, no surrogates) and the
// C1 controls become U+FFFD; C0 controls but newline and tab become their control pictures; the characters that turn
// the writing direction (they can make a line read as what it is not) become U+FFFD. At most `limit` bytes are read,
// cut between characters, with an ellipsis where something was left out; 0 means no limit.
void text_html(FILE *out, const char *text, size_t limit);

// As text_html, for one token: a newline is made visible as a return sign before the break.
void text_token(FILE *out, const char *text);

// A number for a reader: four significant digits, trailing zeros cut; "-" as an en dash where x is not finite.
void text_number(FILE *out, double x);

// x in [0, 1] as a percentage with one decimal, "45.6 %".
void text_percent(FILE *out, double x);

// A count or an amount with its thousands prefix: 1.23 M, 494 k, 812.
void text_amount(FILE *out, double x);

// A number for JSON or SVG: `digits` significant digits; null where x is not finite.
void text_json(FILE *out, double x, int digits);

#endif
