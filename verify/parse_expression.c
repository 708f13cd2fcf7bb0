// Optional (math answers from data sets): sums, products, signs, powers. Units: parse_measure.c.
//   "3-\sqrt{2}"   "2xy/3"   "-2^2" = -(2^2)   "7.0 + -2.0i"   "n!"   "28\%"   "45^\circ"   "1\pm\sqrt2"   "3 x 10^8"
#include "verify/parser.h"

#include "verify/ascii.h"
#include "verify/units.h"

#include <string.h>

static int sum_sign(const Parser *p) { // '+', '-', 'p' plus-minus, 'm' minus-plus, 0
    if (at_symbol(p, '+')) return token_symbol(&p->t[1], '/') && token_symbol(&p->t[2], '-') ? 'P' : '+';
    if (at_symbol(p, '-')) return '-';
    if (p->t->len > 4 && token_word(p->t, "minus|negative") && p->t[1].kind != T_END) return '-';
    return at_command(p, "pm") ? 'p' : at_command(p, "mp") ? 'm' : 0;
}

static const Node *parse_product(Parser *p, bool negative);

static const Node *parse_signed_product(Parser *p, bool first) {
    int sign = sum_sign(p);
    if (!sign) return parse_product(p, false);
    if (!parse_enter(p)) return NULL;
    p->t += sign == 'P' ? 3 : 1;
    bool last = first && sign == '-' && !sum_sign(p); // -7 mod 3 is (-7) mod 3, but 5 - 7 mod 3 is 5 - (7 mod 3)
    const Node *n = last ? parse_product(p, true) : parse_signed_product(p, first);
    parse_leave(p);
    if (!n || sign == '+' || last) return n;
    if (sign == '-') return node_negate(p->pool, n);
    return node_1(p->pool, N_PM, sign == 'm' ? -1 : 1, n);
}

const Node *parse_sum(Parser *p) {
    if (!parse_enter(p)) return NULL;
    Items items;
    if (!items_start(p, &items, parse_signed_product(p, true))) return NULL;
    while (sum_sign(p) && !token_word(p->t, "negative")) // "5 minus 3", not "5 negative 3"
        if (!items_add(p, &items, parse_signed_product(p, false))) return NULL;
    parse_leave(p);
    return items.count == 1 ? items.at[0] : node_new(p->pool, N_ADD, 0, items.at, items.count);
}

static bool unit_ahead(const Parser *p) { // a word after a value that reads as a unit or a noun
    const Token *t = p->t;
    if (t->kind != T_WORD || t->len < 2 || words_math_name(t->text, t->len)) return false;
    if (t->space && (words_equal(t->text, t->len, "per") || words_equal(t->text, t->len, "of"))) return true;
    if (unit_word(t->text, t->len) && !(token_symbol(&t[1], '('))) return t->space || t->len >= 2;
    return t->space && t->len >= 4;
}

bool starts_factor(const Parser *p) {
    const Token *t = p->t;
    if (at_new_statement(p) || at_domain(t)) return false;
    switch (t->kind) {
    case T_NUMBER: return true;
    case T_WORD:
        if (at_separator(p) || unit_ahead(p) || (t[-1].kind == T_NUMBER && half_day(t, NULL))) return false;
        if (words_equal(t->text, t->len, "to") && t->space && t[1].kind == T_NUMBER) return false;
        return !(t->display && t->len > 1) && !token_is(t, T_WORD, "U") && !words_equal(t->text, t->len, "mod");
    case T_SYMBOL:
        if (t->symbol == '|') return !p->scope.bars && !p->scope.builder;
        if (t->symbol == '(')
            return !at_condition(t) && !at_modulus(t);
        return t->symbol == '[' || t->symbol == '{';
    case T_COMMAND: {
        static const char NOT[] = "}|\\|cup|cap|setminus|backslash|to|pmod|mod|pod|bmod|mid|colon|pm|mp|cdot|times|"
            "div|ast|rangle|rceil|rfloor|rvert|rVert|rbrace|over|choose|binom_|end|lor|land|vee|wedge|circ|percent|"
            "euro|pounds|yen|rupee|cent|implies|Rightarrow|iff|permil|ne|neq|lt|le|leq|leqslant|gt|ge|geq|geqslant|"
            "approx|in|equiv|sim|cong|rightarrow|subset|subseteq|perp|parallel|notin|not|leqq|geqq|doteq|bigcup|"
            "mapsto|Longrightarrow";
        if (is_command(t, "frac|sqrt|pi")) return true; // most are
        if (at_norm(t)) return !p->scope.bars && !p->scope.builder;
        return !words_exactly(t->text, t->len, NOT);
    }
    default: return false;
    }
}

static int product_sign(Parser *p) { // '*', '/', 'm' for mod; consumes it
    if (at_symbol(p, '*')) {
        p->t++;
        if (at_symbol(p, '*')) p->t--; // "**" is a power, seen by parse_factor
        else return '*';
        return 0;
    }
    if (accept_command(p, "cdot|times|ast")) return '*';
    if (accept_symbol(p, '/') || accept_command(p, "div")) return '/';
    if (accept_command(p, "bmod") || (at_word(p, "mod") && (p->t++, true))) return 'm';
    bool times = token_is(p->t, T_WORD, "x") && p->t[-1].kind == T_NUMBER && p->t[1].kind == T_NUMBER;
    bool ten = times && p->t[1].len == 2 && !memcmp(p->t[1].text, "10", 2) && token_symbol(&p->t[2], '^');
    if (ten || (times && p->t->space && p->t[1].space)) return p->t++, '*'; // "3x10^8", "3 x 4"
    return 0;
}

// negative: the product follows a minus sign, which is applied here.
static const Node *parse_product(Parser *p, bool negative) {
    if (!parse_enter(p)) return NULL;
    Items items;
    if (!items_start(p, &items, parse_factor(p))) return NULL;
    for (;;) {
        int sign = product_sign(p);
        if (!sign && !starts_factor(p)) break;
        if (!sign && p->t->kind == T_NUMBER && p->t[-1].kind == T_NUMBER) return parse_fail(p); // "1 2"
        const Node *next = parse_factor(p);
        if (!next) return NULL;
        if (sign == 'm') {
            const Node *so_far = node_new(p->pool, N_MUL, 0, items.at, items.count);
            if (negative) so_far = node_negate(p->pool, so_far), negative = false;
            items.count = 0;
            next = node_2(p->pool, N_FUNC, FN_MOD, so_far, next);
        } else if (sign == '/') next = node_pow(p->pool, next, node_integer(p->pool, -1));
        if (!items_add(p, &items, next)) return NULL;
    }
    parse_leave(p);
    bool pair = items.count == 2 && node_is(items.at[0], N_SYM) && node_is(items.at[1], N_TUPLE);
    if (pair && is_upper(*items.at[0]->text)) return items.at[1]; // the point A(1,2)
    const Node *product = items.count == 1 ? items.at[0] : node_new(p->pool, N_MUL, 0, items.at, items.count);
    return negative ? node_negate(p->pool, product) : product;
}

const Node *parse_argument_run(Parser *p) {
    Items items;
    int sign = sum_sign(p);
    if (sign == '-' || sign == '+') p->t++;
    if (!items_start(p, &items, parse_factor(p))) return NULL;
    for (;;) {
        bool name = p->t->kind == T_COMMAND || p->t->kind == T_WORD;
        if (name && function_by_name(p->t->text, p->t->len) >= 0) break;
        if (at_symbol(p, '(') || at_symbol(p, '[') || at_symbol(p, '|') || !starts_factor(p)) break;
        if (!items_add(p, &items, parse_factor(p))) return NULL;
    }
    const Node *n = items.count == 1 ? items.at[0] : node_new(p->pool, N_MUL, 0, items.at, items.count);
    return sign == '-' ? node_negate(p->pool, n) : n;
}

static bool accept_power(Parser *p) {
    if (accept_symbol(p, '^')) return true;
    if (at_symbol(p, '*') && token_symbol(&p->t[1], '*')) return p->t += 2, true;
    return false;
}

static const Node *parse_exponent(Parser *p) { // 2^3^2 = 2^(3^2)
    if (!parse_enter(p)) return NULL;
    bool minus = at_symbol(p, '-'), sign = minus || at_symbol(p, '+');
    if (sign) p->t++;
    const Node *n = sign ? parse_factor(p) : parse_tex_argument(p, false);
    const Node *above = n && accept_power(p) ? parse_exponent(p) : NULL;
    parse_leave(p);
    if (above) n = node_pow(p->pool, n, above);
    return n && minus ? node_negate(p->pool, n) : n;
}

// ^\circ, ^{\circ}, ^o, \degree
static bool accept_degree(Parser *p) {
    if (accept_command(p, "degree|textdegree")) return true;
    if (!at_symbol(p, '^')) return false;
    const Token *t = &p->t[1];
    if (is_command(t, "circ|degree") || token_is(t, T_WORD, "o")) return p->t += 2;
    return token_symbol(t, '{') && is_command(&t[1], "circ") && token_symbol(&t[2], '}') && (p->t += 4);
}

static const Node *parse_postfix(Parser *p, const Node *n) {
    while (n && !p->failed) {
        bool not_equal = at_symbol(p, '!') && token_symbol(&p->t[1], '=') && !token_symbol(&p->t[2], '=');
        if (accept_degree(p)) n = parse_degree(p, n);
        else if (accept_power(p)) {
            const Node *e = parse_exponent(p);
            n = e ? node_pow(p->pool, n, e) : NULL;
        } else if (at_symbol(p, '!') && !not_equal) {
            p->t++;
            bool two = at_symbol(p, '!') && !p->t->space;
            if (two) p->t++;
            n = node_1(p->pool, N_FUNC, two ? FN_DOUBLE_FACTORIAL : FN_FACTORIAL, n);
        } else if (at_symbol(p, '%') || at_command(p, "percent") ) {
            if (node_is(n, N_UNIT)) return parse_fail(p);
            p->t++;
            Unit percent = unit_percent();
            n = node_unit(p->pool, n, &percent);
        } else break;
        if (!parse_enter(p)) return NULL;
        p->depth--;
    }
    return n;
}

const Node *parse_factor(Parser *p) {
    if (!parse_enter(p)) return NULL;
    int sign = sum_sign(p);
    const Node *n;
    Unit unit;
    if (sign == '+' || sign == '-') { // "3*-4"
        p->t++;
        n = parse_factor(p);
        if (n && sign == '-') n = node_negate(p->pool, n);
    } else if (accept_currency(p, &unit)) { // "$18", "\$\frac23"
        n = parse_factor(p);
        if (n) n = node_unit(p->pool, n, &unit);
    } else n = parse_postfix(p, parse_atom(p));
    parse_leave(p);
    return n;
}
