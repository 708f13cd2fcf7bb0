// Optional (math answers from data sets): digits with a base.
//   "204_5"   "204_{\text{five}}"   "(204)_5"   "204\text{ base }5"   "A3_{16}"   "\text{FF}_{16}"   "54_{10}" = 54
#include "verify/parser.h"

#include "verify/ascii.h"

#include <string.h>

enum { LARGEST_BASE = 36 };

static int number_base(const Token *t) { // "5", "16"
    int value = 0;
    if (t->kind != T_NUMBER || t->len > 2 || memchr(t->text, '.', t->len)) return 0;
    for (uint32_t i = 0; i < t->len; i++) value = value * 10 + (t->text[i] - '0');
    return value;
}

// The base written at t, after the digits: _5, _{16}, _{\text{five}}, \text{ base }5. Returns the tokens used, or 0.
static int base_at(const Token *t, int *base) {
    const Token *from = t;
    bool script = token_symbol(t, '_'), group = script && token_symbol(t + 1, '{');
    t += script + group;
    bool word = token_word(t, "base");
    if (!script && !word) return 0;
    t += word;
    *base = number_base(t);
    if (!*base) *base = 2 + token_place(t, "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve");
    t++;
    if (*base < 2 || *base > LARGEST_BASE || (group && !token_symbol(t, '}'))) return 0;
    return (int)(t - from) + group;
}

// The digits spelled by [from, to) in lower case; NULL when one is no digit of the base.
static const char *digits_of(Parser *p, const Token *from, const Token *to, int base, size_t *len) {
    const char *digits = spelling_until(p, from, to, len);
    char *lower = digits ? pool_alloc(p->pool, *len + 1) : NULL;
    for (size_t i = 0; lower && i < *len; i++) {
        lower[i] = to_lower(digits[i]);
        int digit = is_digit(lower[i]) ? lower[i] - '0' : lower[i] - 'a' + 10;
        if (lower[i] != '.' && digit >= base) return NULL;
    }
    return lower;
}

static const Node *finish(Parser *p, const Token *from, const Token *to, int base) {
    size_t len;
    const char *digits = digits_of(p, from, to, base, &len);
    if (!digits || !len) return NULL;
    if (base == 10) return exact_literal(p->exact, digits, len, 0, 0);
    Node *n = (Node *)node_text(p->pool, N_BASE, digits, len, NULL, 0);
    if (n->kind == N_BASE) n->op = (int16_t)base;
    return n;
}

// Digits start with `head` (the token before p->t) and may go on in letters: 152A_{11}.
const Node *parse_based(Parser *p, const Token *head) {
    Token *t = p->t;
    int base;
    bool letters = head->kind != T_NUMBER; // alone they are a name with a subscript, unless they are all hexadecimal
    if (letters && !(t->kind == T_NUMBER && !t->space))
        for (uint32_t i = 0; i < head->len; i++)
            if (head->len < 2 || !is_xdigit(head->text[i])) return NULL;
    if ((t->kind == T_WORD || (t->kind == T_TEXT && *t->text != ' ')) && !t->space && t->len <= 8) t++;
    if ((t > p->t || letters) && t->kind == T_NUMBER && !t->space) t++;
    int used = base_at(t, &base);
    if (!used || (letters && base < 11)) return NULL;
    const Node *n = finish(p, head, t, base);
    if (n) p->t = t + used;
    return n;
}

const Node *parse_letter_digits(Parser *p) {
    Token *head = p->t++;
    const Node *n = parse_based(p, head);
    if (!n) p->t = head;
    return n;
}

const Node *parse_bracketed_digits(Parser *p) {
    Token *t = p->t;
    bool bracketed = t[1].kind == T_NUMBER && token_symbol(&t[2], ')') && token_symbol(&t[3], '_');
    int base, used = bracketed ? base_at(&t[3], &base) : 0;
    const Node *n = used ? finish(p, &t[1], &t[2], base) : NULL;
    if (n) p->t += 3 + used;
    return n;
}
