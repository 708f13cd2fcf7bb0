// Optional (math answers from data sets): numbers. Base n: parse_base.c.
//   "3e8"   "0.1\overline{6}"   "0.\dot{3}"   "0.333..."   "0.3636..."   "3\frac25" = 17/5   "3 2/5" = 17/5
#include "verify/parser.h"

#include <string.h>

static const Node *literal(Parser *p, const Token *t, int64_t exponent, size_t repeat, bool decimal) {
    const Node *n = exact_literal(p->exact, t->text, t->len, exponent, repeat);
    if (!n) {
        p->limit = true;
        return parse_fail(p);
    }
    Node *copy = pool_alloc(p->pool, sizeof *copy);
    if (!copy) return node_undef();
    *copy = *n;
    copy->decimal = decimal;
    copy->text = t->text;
    copy->text_len = t->len;
    return copy;
}

static bool is_integer_token(const Token *t) { return t->kind == T_NUMBER && !memchr(t->text, '.', t->len); }

// "e8", "E-5", "e+03" straight after the digits. Returns the tokens used; "2e" alone is 2 times Euler's number.
static int exponent_after(const Parser *p, int64_t *exponent) {
    const Token *t = p->t;
    if (t->kind != T_WORD || t->len != 1 || (*t->text != 'e' && *t->text != 'E') || t->space) return 0;
    int used = 1, sign = 1;
    if (t[1].kind == T_SYMBOL && strchr("-+", t[1].symbol) && !t[1].space) sign = t[1].symbol == '-' ? -1 : 1, used = 2;
    const Token *digits = &t[used];
    if (!is_integer_token(digits) || digits->space || digits->len > 9) return 0;
    *exponent = 0;
    for (uint32_t i = 0; i < digits->len; i++) *exponent = *exponent * 10 + (digits->text[i] - '0');
    *exponent *= sign;
    return used + 1;
}

// A group of digits right at p->t: { digits } or ( digits ); the digits in *found and tokens used, or 0.
static int digit_group(const Token *t, char open, char close, const Token **found) {
    if (token_symbol(&t[0], open) && is_integer_token(&t[1]) && token_symbol(&t[2], close)) return *found = &t[1], 3;
    if (open == '{' && t[0].kind == T_NUMBER && t[0].len == 1) return *found = &t[0], 1;
    return 0;
}

static const Node *joined(Parser *p, const Token *head, const char *tail, size_t tail_len, size_t repeat) {
    char *text = pool_alloc(p->pool, head->len + tail_len + 2);
    if (!text) return node_undef();
    memcpy(text, head->text, head->len);
    size_t n = head->len;
    if (!memchr(text, '.', n)) text[n++] = '.';
    memcpy(text + n, tail, tail_len);
    Token whole = {.text = text, .len = (uint32_t)(n + tail_len)};
    return literal(p, &whole, 0, repeat, true);
}

// \dot1 4285 \dot7, \dot{3}: collects digits with the marks that open and close the period.
static const Node *dotted(Parser *p, const Token *head) {
    char digits[64];
    size_t n = 0, first = 0, marks = 0;
    while (n + 24 < sizeof digits) {
        bool mark = accept_command(p, "dot");
        const Token *group;
        int used = digit_group(p->t, '{', '}', &group);
        if (!used && !mark && marks == 1 && p->t->len < 16 && is_integer_token(p->t)) group = p->t, used = 1;
        if (!used || group->len > 16) break;
        if (mark && !marks++) first = n;
        memcpy(digits + n, group->text, group->len);
        n += group->len;
        p->t += used;
        if (mark && marks == 2) break;
        if (!at_command(p, "dot") && p->t->kind != T_NUMBER) break;
    }
    return n ? joined(p, head, digits, n, n - first) : parse_fail(p);
}

static bool accept_dots(Parser *p) {
    if (accept_command(p, "ldots|dots|cdots")) return true;
    for (int i = 0; i < 3; i++)
        if (!token_symbol(&p->t[i], '.')) return false;
    p->t += 3;
    return true;
}

// The period that digits before "..." show: one digit three times (0.333...) or up to six of them twice (0.3636...).
static size_t written_period(const char *digits, size_t n) {
    for (size_t period = 1; period <= 6; period++) {
        size_t times = period == 1 ? 3 : 2;
        if (n < period * times) return 0;
        const char *last = digits + n - period;
        bool same = true;
        for (size_t k = 1; k < times; k++) same &= !memcmp(last, last - k * period, period);
        if (same) return period;
    }
    return 0;
}

// The period of a repeating decimal after `head`, or NULL when there is none.
static const Node *repeating(Parser *p, const Token *head) {
    const char *point = memchr(head->text, '.', head->len);
    bool open_point = !point && at_symbol(p, '.') && !p->t->space; // "0." of "0.\overline{3}"
    Token *start = p->t;
    if (!point && !open_point) return NULL;
    if (open_point) p->t++;
    const Token *group;
    if (at_command(p, "overline|bar")) {
        int used = digit_group(p->t + 1, '{', '}', &group);
        if (used) return p->t += 1 + used, joined(p, head, group->text, group->len, group->len);
    } else if (at_command(p, "dot")) return dotted(p, head);
    else if (at_symbol(p, '(') && !p->t->space) {
        int used = digit_group(p->t, '(', ')', &group);
        if (used) return p->t += used, joined(p, head, group->text, group->len, group->len);
    } else if (point && !p->t->space) {
        size_t period = written_period(point + 1, (size_t)(head->text + head->len - point - 1));
        if (period && accept_dots(p)) return literal(p, head, 0, period, true);
    }
    p->t = start;
    return NULL;
}

static const Node *whole(Parser *p, const Token *t) {
    return is_integer_token(t) ? literal(p, t, 0, 0, false) : NULL;
}

// 3\frac{2}{5} and "3 2/5": an integer straight before a proper fraction of literals.
static const Node *mixed(Parser *p, const Token *head) {
    const Token *top, *bottom;
    int used;
    if (memchr(head->text, '.', head->len)) return NULL;
    if (at_command(p, "frac")) {
        int a = digit_group(p->t + 1, '{', '}', &top), b = a ? digit_group(p->t + 1 + a, '{', '}', &bottom) : 0;
        if (!b && p->t[1].kind == T_NUMBER && p->t[1].len == 2) return NULL; // 3\frac25 is split below
        used = b ? 1 + a + b : 0;
    } else {
        top = &p->t[0], bottom = &p->t[2];
        bool slash = top->kind == T_NUMBER && top->space && token_symbol(&p->t[1], '/') && bottom->kind == T_NUMBER;
        used = slash ? 3 : 0;
    }
    if (!used) return NULL;
    const Node *a = whole(p, top), *b = a ? whole(p, bottom) : NULL;
    if (!a || !b || !node_sign(a) || exact_compare(a, b) >= 0) return NULL;
    p->t += used;
    return node_add(p->pool, literal(p, head, 0, 0, false), node_divide(p->pool, a, b));
}

static const Node *mixed_split(Parser *p, const Token *head) { // 3\frac25
    const Token *two = &p->t[1];
    if (!at_command(p, "frac") || !is_integer_token(two) || two->len != 2 || !is_integer_token(head)) return NULL;
    if (two->text[0] >= two->text[1] || two->text[0] == '0') return NULL;
    Token a = *two, b = *two;
    a.len = b.len = 1;
    b.text++;
    p->t += 2;
    return node_add(p->pool, whole(p, head), node_divide(p->pool, whole(p, &a), whole(p, &b)));
}

// 2{\frac12}: the fraction in braces of its own.
static const Node *mixed_group(Parser *p, const Token *head) {
    Token *start = p->t;
    if (!at_symbol(p, '{') || !is_command(&p->t[1], "frac")) return NULL;
    p->t++;
    const Node *n = mixed(p, head);
    if (!n) n = mixed_split(p, head);
    if (!n || !accept_symbol(p, '}')) return p->t = start, NULL;
    return n;
}

const Node *parse_point(Parser *p) { // ".\overline{3}"
    static const Token ZERO = {.kind = T_NUMBER, .text = "0", .len = 1};
    return at_symbol(p, '.') && p->t[1].kind == T_COMMAND ? repeating(p, &ZERO) : NULL;
}

const Node *parse_number(Parser *p) {
    const Token *head = p->t++;
    int64_t exponent;
    int used = exponent_after(p, &exponent);
    if (used) return p->t += used, literal(p, head, exponent, 0, true);
    const Node *n = parse_based(p, head);
    if (!n && !p->failed) n = repeating(p, head);
    if (!n && !p->failed) n = mixed(p, head);
    if (!n && !p->failed) n = mixed_split(p, head);
    if (!n && !p->failed) n = mixed_group(p, head);
    if (n || p->failed) return n;
    if (token_symbol(p->t, '.') && !p->t->space && p->t[1].kind == T_END) p->t++; // "12."
    return literal(p, head, 0, 0, memchr(head->text, '.', head->len) != NULL);
}
