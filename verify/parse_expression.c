// Sums, products, signs, powers and the units after them.
//   "3-\sqrt{2}"   "2xy/3"   "-2^2" = -(2^2)   "7.0 + -2.0i"   "n!"   "28\%"   "45^\circ"   "1 \pm \sqrt{19}"   "3 hours"
#include "verify/parser.h"
#include "verify/units.h"

#include <ctype.h>
#include <string.h>

// ---- units ----

static bool tail_token(const Token *t) {
    return t->kind == T_TEXT || t->kind == T_WORD || t->kind == T_NUMBER || (t->kind == T_SYMBOL && strchr("/^{}.*%-", t->symbol)) ||
           token_is(t, T_COMMAND, "cdot") || token_is(t, T_COMMAND, "Omega") || token_is(t, T_COMMAND, "circ");
}

static const char *symbol_label(const Parser *p, Unit *unit) { // currency after or before a number
    static const char *const NAMES[] = {"euro", "pounds", "yen", "rupee", NULL};
    if (at_symbol(p, '$')) return *unit = unit_dollar(), "";
    if (at_command(p, "cent")) {
        int64_t scale;
        return unit_parse("cent", 4, true, unit, &scale) ? "" : NULL;
    }
    for (size_t i = 0; NAMES[i]; i++)
        if (at_command(p, NAMES[i])) return *unit = unit_label(NAMES[i][0] == 'p' ? "pound" : NAMES[i]), NAMES[i];
    return NULL;
}

// The unit text from p->t to a separator, relation or closing bracket.
static const Node *accept_unit(Parser *p, const Node *value) {
    Unit unit;
    if (symbol_label(p, &unit)) return p->t++, node_unit(p->arena, value, &unit);
    if (p->t->kind != T_TEXT && p->t->kind != T_WORD) return value;
    Token *end = p->t;
    int braces = 0;
    bool roman = p->t->kind == T_TEXT;
    for (; tail_token(end) && end - p->t < 24; end++) {
        if (end->kind == T_SYMBOL && end->symbol == '{') braces++;
        if (end->kind == T_SYMBOL && end->symbol == '}' && --braces < 0) break;
        Parser look = *p;
        look.t = end;
        if (end > p->t && at_separator(&look)) break;
        if (end->kind == T_NUMBER && !(end[-1].kind == T_SYMBOL && strchr("^{-", end[-1].symbol))) break; // "1 hour 30 minutes"
    }
    size_t len = 0;
    char *text = arena_alloc(p->arena, 512);
    if (!text) return value;
    for (const Token *t = p->t; t < end; t++) {
        if (len + t->len + 3 >= 512) return value;
        if (len && t->kind != T_SYMBOL && (t->space || t->kind == T_TEXT || t[-1].kind == T_TEXT)) text[len++] = ' ';
        if (token_is(t, T_COMMAND, "cdot")) text[len++] = '*';
        else memcpy(text + len, t->text, t->len), len += t->len;
    }
    text[len] = 0;
    int64_t scale;
    if (!unit_parse(text, len, roman, &unit, &scale)) return value;
    if (unit.label) {
        char *label = arena_alloc(p->arena, unit.label_len + 2);
        if (!label) return value;
        unit.label_len = (uint32_t)words_normal(unit.label, unit.label_len, label);
        unit.label = label;
        if (!unit.label_len) return value;
    }
    p->t = end;
    if (scale != 1) value = node_2(p->arena, N_MUL, 0, node_integer(p->arena, scale), value);
    bool bare = !unit.label && !unit.percent && !unit.degree && !unit.generic && unit.num == 1 && unit.den == 1 && !unit.ten && !memcmp(unit.dims, (int8_t[8]){0}, 8);
    return bare ? value : node_unit(p->arena, value, &unit);
}

// "1 hour 30 minutes", "5 feet and 3 inches": the second, smaller measure of the same dimension is added.
static const Node *compound(Parser *p, const Node *first) {
    Token *start = p->t;
    if (!node_is(first, N_UNIT) || first->unit->label || first->unit->percent || first->unit->degree) return first;
    if (at_word(p, "and") && p->t[1].kind == T_NUMBER) p->t++;
    if (p->t->kind != T_NUMBER) return p->t = start, first;
    const Node *number = parse_number(p), *second = number ? accept_unit(p, number) : NULL;
    if (p->failed || !second) return NULL;
    const Unit *a = first->unit, *b = second->unit;
    if (!node_is(second, N_UNIT) || b->label || !unit_same_dimension(a, b)) return p->t = start, first;
    const Node *ratio = exact_scale(p->exact, node_integer(p->arena, 1), a->num, a->den, a->ten - b->ten);
    ratio = ratio ? exact_scale(p->exact, ratio, b->den, b->num, 0) : NULL;
    if (!ratio) return parse_fail(p);
    return node_unit(p->arena, node_2(p->arena, N_ADD, 0, node_2(p->arena, N_MUL, 0, ratio, first->args[0]), second->args[0]), b);
}

const Node *parse_measure(Parser *p) {
    const Node *value = parse_sum(p);
    if (!value || p->failed) return NULL;
    if (node_is(value, N_RAT) || (p->t->kind != T_END && !at_separator(p))) {
        bool time = p->t[0].kind == T_SYMBOL && p->t[0].symbol == ':';
        if (!time && !at_separator(p)) {
            const Node *measured = accept_unit(p, value);
            if (node_is(measured, N_UNIT) && node_is(value, N_UNIT)) { // "$5 dollars", "$1.5 million"
                const Unit *inner = value->unit;
                return node_unit(p->arena, value->args[0], inner);
            }
            if (node_is(measured, N_MUL) && measured->count == 2 && node_is(measured->args[1], N_UNIT)) // "$1.5 million"
                return node_unit(p->arena, node_2(p->arena, N_MUL, 0, measured->args[0], measured->args[1]->args[0]), measured->args[1]->unit);
            return compound(p, measured);
        }
    }
    return value;
}

// ---- sums ----

static int sum_sign(const Parser *p) { // '+', '-', 'p' plus-minus, 'm' minus-plus, 0
    if (at_symbol(p, '+')) return p->t[1].kind == T_SYMBOL && p->t[1].symbol == '/' && p->t[2].kind == T_SYMBOL && p->t[2].symbol == '-' ? 'P' : '+';
    if (at_symbol(p, '-')) return '-';
    return at_command(p, "pm") ? 'p' : at_command(p, "mp") ? 'm' : 0;
}

static const Node *parse_product(Parser *p, bool negative);

static const Node *parse_signed_product(Parser *p, bool first) {
    int sign = sum_sign(p);
    if (!sign) return parse_product(p, false);
    if (!parse_enter(p)) return NULL;
    p->t += sign == 'P' ? 3 : 1;
    bool last = first && sign == '-' && !sum_sign(p); // the sign goes along: -7 mod 3 is (-7) mod 3, 5 - 7 mod 3 is 5 - (7 mod 3)
    const Node *n = last ? parse_product(p, true) : parse_signed_product(p, first);
    parse_leave(p);
    if (!n || sign == '+' || last) return n;
    if (sign == '-') return node_negate(p->arena, n);
    return node_1(p->arena, N_PM, sign == 'm' ? -1 : 1, n);
}

const Node *parse_sum(Parser *p) {
    if (!parse_enter(p)) return NULL;
    Items items;
    items_init(&items);
    if (!items_add(p, &items, parse_signed_product(p, true))) return NULL;
    while (sum_sign(p))
        if (!items_add(p, &items, parse_signed_product(p, false))) return NULL;
    parse_leave(p);
    return items.count == 1 ? items.at[0] : node_new(p->arena, N_ADD, 0, items.at, items.count);
}

// ---- products ----

static bool unit_ahead(const Parser *p) { // a word after a value that reads as a unit or a noun
    const Token *t = p->t;
    if (t->kind != T_WORD || t->len < 2 || words_math_name(t->text, t->len)) return false;
    if (unit_word(t->text, t->len) && !(t[1].kind == T_SYMBOL && t[1].symbol == '(')) return t->space || t->len >= 2;
    return t->space && t->len >= 4;
}

static bool half_day(const Token *t) { // am, PM, a.m. after digits
    if (t[-1].kind != T_NUMBER || t->kind != T_WORD || !strchr("aApP", *t->text)) return false;
    if (t->len == 2) return t->text[1] == 'm' || t->text[1] == 'M';
    return t->len == 1 && t[1].kind == T_SYMBOL && t[1].symbol == '.' && (token_is(&t[2], T_WORD, "m") || token_is(&t[2], T_WORD, "M"));
}

bool starts_factor(const Parser *p) {
    const Token *t = p->t;
    switch (t->kind) {
    case T_NUMBER: return true;
    case T_WORD: return !at_separator(p) && !unit_ahead(p) && !half_day(t) && !(t->display && t->len > 1) && !token_is(t, T_WORD, "U") && !words_equal(t->text, t->len, "mod");
    case T_SYMBOL:
        if (t->symbol == '|') return !p->bars && !p->builder;
        if (t->symbol == '(') return !(token_is(&t[1], T_WORD, "mod") || token_is(&t[1], T_COMMAND, "bmod") || token_is(&t[1], T_COMMAND, "mod") || (t[1].kind == T_TEXT && words_equal(t[1].text, t[1].len, "mod")));
        return t->symbol == '[' || t->symbol == '{';
    case T_COMMAND: {
        static const char *const NOT[] = {"}", "\\", "cup", "cap", "setminus", "backslash", "to", "pmod", "mod", "pod", "bmod", "mid", "colon", "pm", "mp", "cdot", "times", "div", "ast", "rangle", "rceil",
            "rfloor", "rvert", "rVert", "rbrace", "over", "choose", "binom_", "end", "lor", "land", "vee", "wedge", "circ", "percent", "euro", "pounds", "yen", "rupee", "cent", "implies", "Rightarrow", "iff", "permil",
            "ne", "neq", "lt", "le", "leq", "leqslant", "gt", "ge", "geq", "geqslant", "approx", "in", "equiv", "sim", "cong", "rightarrow", "subset", "subseteq", "perp", "parallel", "notin", "not", "leqq", "geqq", "doteq", "bigcup", NULL};
        if (t->len == 1 && *t->text == '|') return !p->bars && !p->builder;
        return !words_in(t->text, t->len, NOT);
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
    if (accept_command(p, "cdot") || accept_command(p, "times") || accept_command(p, "ast")) return '*';
    if (accept_symbol(p, '/') || accept_command(p, "div")) return '/';
    if (accept_command(p, "bmod") || (token_is(p->t, T_WORD, "mod") && (p->t++, true))) return 'm';
    if (token_is(p->t, T_WORD, "x") && p->t[-1].kind == T_NUMBER && p->t[1].kind == T_NUMBER && p->t->space && p->t[1].space) return p->t++, '*'; // "3 x 10^8"
    return 0;
}

// negative: the product follows a minus sign, which is applied here.
static const Node *parse_product(Parser *p, bool negative) {
    if (!parse_enter(p)) return NULL;
    Items items;
    items_init(&items);
    if (!items_add(p, &items, parse_factor(p))) return NULL;
    for (;;) {
        int sign = product_sign(p);
        if (!sign && !starts_factor(p)) break;
        if (!sign && p->t->kind == T_NUMBER && p->t[-1].kind == T_NUMBER) return parse_fail(p); // "1 2"
        const Node *next = parse_factor(p);
        if (!next) return NULL;
        if (sign == 'm') {
            const Node *so_far = node_new(p->arena, N_MUL, 0, items.at, items.count);
            if (negative) so_far = node_negate(p->arena, so_far), negative = false;
            items.count = 0;
            next = node_2(p->arena, N_FUNC, FN_MOD, so_far, next);
        } else if (sign == '/') next = node_2(p->arena, N_POW, 0, next, node_integer(p->arena, -1));
        if (!items_add(p, &items, next)) return NULL;
    }
    parse_leave(p);
    bool point = items.count == 2 && node_is(items.at[1], N_TUPLE) && node_is(items.at[0], N_SYM) && isupper((unsigned char)*items.at[0]->text);
    if (point) return items.at[1]; // A(1,2)
    const Node *product = items.count == 1 ? items.at[0] : node_new(p->arena, N_MUL, 0, items.at, items.count);
    return negative ? node_negate(p->arena, product) : product;
}

const Node *parse_argument_run(Parser *p) {
    Items items;
    items_init(&items);
    int sign = sum_sign(p);
    if (sign == '-' || sign == '+') p->t++;
    do {
        if (!items_add(p, &items, parse_factor(p))) return NULL;
        bool function = (p->t->kind == T_COMMAND || p->t->kind == T_WORD) && function_by_name(p->t->text, p->t->len) >= 0;
        if (function || at_symbol(p, '(') || at_symbol(p, '[') || at_symbol(p, '|')) break;
    } while (starts_factor(p));
    const Node *n = items.count == 1 ? items.at[0] : node_new(p->arena, N_MUL, 0, items.at, items.count);
    return sign == '-' ? node_negate(p->arena, n) : n;
}

// ---- powers and what else follows an atom ----

static bool accept_power(Parser *p) {
    if (accept_symbol(p, '^')) return true;
    if (at_symbol(p, '*') && p->t[1].kind == T_SYMBOL && p->t[1].symbol == '*') return p->t += 2, true;
    return false;
}

static const Node *parse_exponent(Parser *p) { // 2^3^2 = 2^(3^2)
    if (!parse_enter(p)) return NULL;
    bool minus = at_symbol(p, '-'), sign = minus || at_symbol(p, '+');
    if (sign) p->t++;
    const Node *n = sign ? parse_factor(p) : parse_tex_argument(p, false);
    const Node *above = n && accept_power(p) ? parse_exponent(p) : NULL;
    parse_leave(p);
    if (above) n = node_2(p->arena, N_POW, 0, n, above);
    return n && minus ? node_negate(p->arena, n) : n;
}

// ^\circ, ^{\circ}, \degree
static bool accept_degree(Parser *p) {
    if (accept_command(p, "degree") || accept_command(p, "textdegree")) return true;
    if (!at_symbol(p, '^')) return false;
    if (token_is(&p->t[1], T_COMMAND, "circ") || token_is(&p->t[1], T_COMMAND, "degree")) return p->t += 2, true;
    if (p->t[1].kind == T_SYMBOL && p->t[1].symbol == '{' && token_is(&p->t[2], T_COMMAND, "circ") && p->t[3].kind == T_SYMBOL && p->t[3].symbol == '}') return p->t += 4, true;
    return false;
}

static const Node *parse_postfix(Parser *p, const Node *n) {
    while (n && !p->failed) {
        bool not_equal = at_symbol(p, '!') && p->t[1].kind == T_SYMBOL && p->t[1].symbol == '=' && !(p->t[2].kind == T_SYMBOL && p->t[2].symbol == '=');
        if (accept_degree(p)) {
            Unit degree = unit_degree();
            n = node_unit(p->arena, n, &degree);
        } else if (accept_power(p)) {
            const Node *e = parse_exponent(p);
            n = e ? node_2(p->arena, N_POW, 0, n, e) : NULL;
        } else if (at_symbol(p, '!') && !not_equal) {
            p->t++;
            bool two = at_symbol(p, '!') && !p->t->space;
            if (two) p->t++;
            n = node_1(p->arena, N_FUNC, two ? FN_DOUBLE_FACTORIAL : FN_FACTORIAL, n);
        } else if (at_symbol(p, '%') || at_command(p, "percent") ) {
            p->t++;
            Unit percent = unit_percent();
            n = node_unit(p->arena, n, &percent);
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
        if (n && sign == '-') n = node_negate(p->arena, n);
    } else if (symbol_label(p, &unit)) { // "$18", "\$\frac23"
        p->t++;
        n = parse_factor(p);
        if (n) n = node_unit(p->arena, n, &unit);
    } else n = parse_postfix(p, parse_atom(p));
    parse_leave(p);
    return n;
}
