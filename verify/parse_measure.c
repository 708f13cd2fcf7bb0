// Optional (math answers from data sets): a value with the unit after it or the currency before it.
//   "3 hours"   "5\text{ cm}^2"   "30 miles per hour"   "75¢"   "$18 per day"   "US\$40"   "\text{Rs. }40"
//   "1 hour and 30 minutes"   "25^\circ\text{C}"   "$1.5 million"   "7 p.m." is no unit, see parse_statement.c
#include "verify/parser.h"
#include "verify/units.h"

#include <string.h>

enum { UNIT_TOKENS = 24, UNIT_TEXT = 512 };

static bool currency_command(const Parser *p, Unit *unit) { // \euro and the like, from unicode.c
    static const char *const LABELS[] = {"euro", "pound", "yen", "rupee"};
    int64_t scale;
    if (at_command(p, "cent")) return unit_parse("cent", 4, true, unit, &scale);
    int place = p->t->kind == T_COMMAND ? words_place(p->t->text, p->t->len, "euro|pounds|yen|rupee") : -1;
    if (place >= 0) *unit = unit_label(LABELS[place]);
    return place >= 0;
}

static bool currency_word(const Parser *p, Unit *unit) { // "Rs." before a number, "US" before $40
    static const struct { const char *words, *label; } CURRENCIES[] = {{"usd|us", NULL}, {"rs|inr", "rupee"},
        {"eur", "euro"}, {"gbp", "pound"}};
    const Token *next = p->t + 1;
    if (!is_word(p->t)) return false;
    const char *word = p->t->text + strspn(p->t->text, " ~");
    size_t len = strcspn(word, " .~}");
    if (token_symbol(next, '.')) next++;
    bool amount = next->kind == T_NUMBER || token_symbol(next, '$');
    for (size_t i = 0; amount && i < sizeof CURRENCIES / sizeof *CURRENCIES; i++) {
        if (!words_in(word, len, CURRENCIES[i].words)) continue;
        *unit = CURRENCIES[i].label ? unit_label(CURRENCIES[i].label) : unit_dollar();
        return true;
    }
    return false;
}

bool accept_currency(Parser *p, Unit *unit) {
    if (currency_word(p, unit)) {
        p->t++;
        if (at_symbol(p, '.')) p->t++;
        accept_symbol(p, '$');
        return true;
    }
    if (at_symbol(p, '$')) *unit = unit_dollar();
    else if (!currency_command(p, unit)) return false;
    p->t++;
    return true;
}

// 75^\circ 30' 15'': minutes and seconds of arc after the degrees.
static const Node *minutes_of_arc(Parser *p, const Node *value) {
    for (int parts = 60; parts <= 3600 && p->t->kind == T_NUMBER; parts *= 60) {
        Token *start = p->t;
        const Node *number = exact_literal(p->exact, p->t->text, p->t->len, 0, 0);
        p->t++;
        if (!number || !accept_prime(p) || (parts == 3600 && !accept_prime(p))) return p->t = start, value;
        value = node_add(p->pool, value, node_divide(p->pool, number, node_integer(p->pool, parts)));
    }
    return value;
}

const Node *parse_degree(Parser *p, const Node *value) { // after the degree sign: C and F make it a temperature
    Unit unit = unit_degree();
    if (at_word(p, "c|celsius")) unit = unit_label("celsius"), p->t++;
    else if (at_word(p, "f|fahrenheit")) unit = unit_label("fahrenheit"), p->t++;
    else value = minutes_of_arc(p, value);
    return node_unit(p->pool, value, &unit);
}

static bool tail_token(const Token *t) {
    return is_word(t) || t->kind == T_NUMBER || (t->kind == T_SYMBOL && strchr("/^{}.*%-", t->symbol)) ||
           is_command(t, "cdot|Omega|circ");
}

// Where the unit that starts at p->t ends: at a separator, relation, closing bracket or the next value.
static Token *unit_end(const Parser *p) {
    Parser look = *p;
    int braces = 0;
    for (; tail_token(look.t) && look.t - p->t < UNIT_TOKENS; look.t++) {
        const Token *t = look.t;
        if (token_symbol(t, '{')) braces++;
        if (token_symbol(t, '}') && --braces < 0) break;
        if (t > p->t && at_separator(&look)) break;
        bool exponent = t[-1].kind == T_SYMBOL && strchr("^{-", t[-1].symbol);
        if (t->kind == T_NUMBER && !exponent) break; // "1 hour 30 minutes"
    }
    return look.t;
}

// The tokens in [from, end) as text, "m / s ^2"; 0 when it does not fit.
static size_t unit_text(const Token *from, const Token *end, char text[UNIT_TEXT]) {
    size_t len = 0;
    for (const Token *t = from; t < end; t++) {
        if (len + t->len + 3 >= UNIT_TEXT) return 0;
        if (len && t->kind != T_SYMBOL && (t->space || t->kind == T_TEXT || t[-1].kind == T_TEXT)) text[len++] = ' ';
        if (is_command(t, "cdot")) text[len++] = '*';
        else memcpy(text + len, t->text, t->len), len += t->len;
    }
    while (len && text[len - 1] == ' ') len--;
    if (end->kind == T_NUMBER && len > 4 && !memcmp(text + len - 4, " and", 4)) len -= 4; // "1 hour and" 30 minutes
    text[len] = 0;
    return len;
}

static bool dimensionless(const Unit *unit) {
    static const int8_t NONE[8] = {0};
    bool plain = !unit->label && !unit->percent && !unit->degree && !unit->generic;
    return plain && unit->num == 1 && unit->den == 1 && !unit->ten && !memcmp(unit->dims, NONE, sizeof NONE);
}

static const Node *accept_unit(Parser *p, const Node *value) {
    Unit unit;
    int64_t scale;
    if (at_symbol(p, '$')) return p->t++, unit = unit_dollar(), node_unit(p->pool, value, &unit);
    if (currency_command(p, &unit)) return p->t++, node_unit(p->pool, value, &unit);
    if ((p->t->kind != T_TEXT && p->t->kind != T_WORD) || at_condition(p->t) || at_domain(p->t)) return value;
    Token *end = unit_end(p);
    char *text = pool_alloc(p->pool, UNIT_TEXT);
    size_t len = text ? unit_text(p->t, end, text) : 0;
    if (!len || !unit_parse(text, len, p->t->kind == T_TEXT, &unit, &scale)) return value;
    if (unit.label) {
        unit.label = words_normal(p->pool, unit.label, unit.label_len, &len);
        unit.label_len = (uint32_t)len;
        if (!unit.label || !len) return value;
    }
    p->t = end;
    if (scale != 1) value = node_mul(p->pool, node_integer(p->pool, scale), value);
    return dimensionless(&unit) ? value : node_unit(p->pool, value, &unit);
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
    const Node *ratio = exact_scale(p->exact, node_integer(p->pool, 1), a->num, a->den, a->ten - b->ten);
    ratio = ratio ? exact_scale(p->exact, ratio, b->den, b->num, 0) : NULL;
    if (!ratio) return parse_fail(p);
    return node_unit(p->pool, node_add(p->pool, node_mul(p->pool, ratio, first->args[0]), second->args[0]), b);
}

const Node *parse_measure(Parser *p) {
    const Node *value = parse_sum(p);
    if (!value || p->failed) return NULL;
    if (p->t->kind == T_END || at_symbol(p, ':') || at_separator(p) || half_day(p->t, NULL)) return value;
    bool letter = is_word(p->t) && p->t->len - (*p->t->text == ' ') == 1;
    if (node_is(value, N_UNIT) && letter) return parse_fail(p); // $12 K and $12 m are thousands and millions
    const Node *measured = accept_unit(p, value);
    if (node_is(measured, N_UNIT) && node_is(value, N_UNIT)) { // "$5 dollars" is $5, "$18 per day" keeps both
        bool again = !measured->unit->label && unit_same_dimension(measured->unit, value->unit);
        return again ? value : measured;
    }
    if (node_is(measured, N_MUL) && measured->count == 2 && node_is(measured->args[1], N_UNIT)) { // "$1.5 million"
        const Node *amount = measured->args[1];
        return node_unit(p->pool, node_mul(p->pool, measured->args[0], amount->args[0]), amount->unit);
    }
    return compound(p, measured);
}
