// Optional (math answers from data sets): lists, relations, unions and ratios.
//   "1, 2 \text{ and } 3"   "x=1,y=2;x=3,y=4"   "2<x\le 5"   "x \equiv 3 \pmod 7"   "(1,4)\cup(6,9)"   "3:05 p.m."
#include "verify/parser.h"

#include "verify/ascii.h"

#include <string.h>

static int connector(const Parser *p) { // LIST_* of the connector at p, or -1
    if (at_symbol(p, ',')) return LIST_COMMA;
    if (at_word(p, "or") || at_command(p, "lor|vee")) return LIST_OR;
    if (at_word(p, "and") || at_command(p, "land|wedge") || at_symbol(p, '&')) return LIST_AND;
    return -1;
}

// "\text{ where }k\in\mathbb{Z}", "(k\in\mathbb{Z})": a condition after the answer, read as one more element.
bool at_condition(const Token *t) {
    bool opens = token_symbol(t, '(') || token_word(t, "where|for|with|for all|for every|for any|for each");
    return opens && t[1].kind == T_WORD && t[1].len == 1 && is_command(&t[2], "in");
}

bool at_separator(const Parser *p) { return connector(p) >= 0 || at_symbol(p, ';'); }

// "n^2+n \text{ for all } n\ge1": where the answer holds, at the end of it. It is dropped where it takes nothing away:
// a letter from 0, 1 or 2 on, or in a set of all numbers of a kind. No rule reads an answer "for n\ge100".
bool at_domain(const Token *t) {
    if (t->len < 3 || t[1].kind != T_WORD || t[1].len != 1) return false;
    bool all = is_command(t, "forall") || token_word(t, "for all|for every|for any|for each");
    if (!all && !token_word(t, "for")) return false;
    const Token *sign = &t[2], *bound = &t[3];
    bool equals = token_symbol(sign, '>') && token_symbol(bound, '=');
    bound += equals;
    bool from = (token_symbol(sign, '>') || is_command(sign, "ge|geq|geqslant")) && bound->kind == T_NUMBER;
    if (from) return bound->len == 1 && strchr("012", *bound->text) && bound[1].kind == T_END;
    if (!all || !is_command(sign, "in") || !is_command(bound, "mathbb")) return false;
    for (; bound->kind != T_END; bound++) { // \mathbb{Z} declares a family, at_condition
        bool set = bound->kind == T_WORD && words_exactly(bound->text, bound->len, "N|Q|R|C");
        bool script = bound->kind == T_SYMBOL && strchr("{}^+", bound->symbol);
        if (bound->kind != T_COMMAND && !set && !script) return false;
    }
    return true;
}

bool at_new_statement(const Parser *p) {
    const Token *t = p->t;
    if (!p->scope.right) return false;
    bool letter = t->kind == T_WORD && t->len == 1;
    if (t->space && letter && token_symbol(&t[1], '=') && (t[-1].kind == T_NUMBER || t[-1].kind == T_WORD)) return true;
    for (t += t->wide && t->kind != T_SYMBOL; t > p->t && t->kind != T_END && !t->wide && !token_symbol(t, ','); t++)
        if (t->kind == T_SYMBOL && strchr("=<>", t->symbol)) return true;
    return false;
}

static const Node *parse_comma_list(Parser *p) {
    Items items;
    if (!items_start(p, &items, parse_relation(p))) return NULL;
    for (int op = LIST_COMMA, found;;) {
        for (found = -1; connector(p) >= 0; p->t++) { // ", and" is one separator, ", ," is an error
            if (found == LIST_COMMA && connector(p) == LIST_COMMA) return parse_fail(p);
            found = connector(p);
            if (found == LIST_OR || (found == LIST_AND && op != LIST_OR)) op = found;
        }
        if (found < 0 && at_domain(p->t))
            while (p->t->kind != T_END) p->t++;
        if (found < 0 && at_new_statement(p)) {
            p->scope.right = p->t->wide = p->t->space = false;
            found = LIST_COMMA;
        }
        if (found < 0 && at_condition(p->t)) p->t += p->t->kind != T_SYMBOL, found = LIST_COMMA;
        if (found < 0) return items.count == 1 ? items.at[0] : node_new(p->pool, N_LIST, op, items.at, items.count);
        if (p->t->kind == T_END || !items_add(p, &items, parse_relation(p))) return parse_fail(p);
    }
}

const Node *parse_statement(Parser *p) {
    if (!parse_enter(p)) return NULL;
    Items items;
    if (!items_start(p, &items, parse_comma_list(p))) return NULL;
    while (accept_symbol(p, ';'))
        if (!items_add(p, &items, parse_comma_list(p))) return NULL;
    parse_leave(p);
    return items.count == 1 ? items.at[0] : node_new(p->pool, N_LIST, LIST_SEMICOLON, items.at, items.count);
}

static const struct { const char *names; char rel; } RELATIONS[] = {
    {"ne|neq", REL_NE}, {"lt", REL_LT}, {"le|leq|leqslant|leqq", REL_LE}, {"gt", REL_GT},
    {"ge|geq|geqslant|geqq", REL_GE}, {"approx|doteq", REL_APPROX}, {"in", REL_IN}, {"equiv", REL_CONGRUENT},
    {"sim|cong|to|rightarrow|subset|subseteq|perp|parallel|notin", REL_OTHER}, {"mapsto", REL_MAPS},
};

// Consumes a relation sign; 0 when there is none.
static char accept_relation(Parser *p) {
    static const char SIGNS[] = "<=|>=|!=|==|:=|=<|=>|<|>|=";
    static const char RELS[] = {REL_LE, REL_GE, REL_NE, REL_EQ, REL_EQ, REL_LE, REL_GE, REL_LT, REL_GT, REL_EQ};
    if (p->t->kind == T_SYMBOL) {
        bool two = p->t[1].kind == T_SYMBOL && !p->t[1].space;
        int place = two ? words_place((char[]){p->t->symbol, p->t[1].symbol}, 2, SIGNS) : -1;
        p->t += place >= 0;
        if (place < 0) place = words_place(&p->t->symbol, 1, SIGNS);
        p->t += place >= 0;
        return place < 0 ? 0 : RELS[place];
    }
    bool set = token_symbol(&p->t[1], '[') || token_symbol(&p->t[1], '(');
    if (set && p->t->kind == T_WORD && words_equal(p->t->text, p->t->len, "in")) return p->t++, REL_IN;
    if (p->t->kind != T_COMMAND) return 0;
    if (at_command(p, "not") && token_symbol(&p->t[1], '=')) return p->t += 2, REL_NE;
    if (at_command(p, "colon") && token_symbol(&p->t[1], '=')) return p->t += 2, REL_EQ;
    for (size_t i = 0; i < sizeof RELATIONS / sizeof *RELATIONS; i++)
        if (at_command(p, RELATIONS[i].names)) return p->t++, RELATIONS[i].rel;
    return 0;
}

bool at_modulus(const Token *t) {
    return token_symbol(t, '(') && (token_word(&t[1], "mod") || is_command(&t[1], "bmod|mod"));
}

// "\pmod 7", "\pmod{7}", "(mod 7)", "\mod 7"
static const Node *accept_modulus(Parser *p) {
    if (at_modulus(p->t)) {
        p->t += 2;
        const Node *m = parse_sum(p);
        return m && accept_symbol(p, ')') ? m : parse_fail(p);
    }
    if (accept_command(p, "pmod|mod|pod")) return parse_tex_argument(p, false);
    return NULL;
}

static const Node *parse_ratio(Parser *p);

// \mathbb{R}-\{0\} is read as a sum; it is a difference of sets.
static const Node *set_difference(Parser *p, const Node *n) {
    if (!node_is(n, N_ADD) || n->count != 2 || n->args[1]->kind != N_MUL || n->args[1]->count != 2) return n;
    const Node *all = n->args[0], *minus = n->args[1]->args[0], *taken = n->args[1]->args[1];
    bool whole = node_is_const(all, CONST_REALS) || node_is(all, N_TUPLE);
    return whole && node_is(taken, N_SET) && node_is_int(minus, -1) ? node_2(p->pool, N_MINUS, 0, all, taken) : n;
}

static const Node *parse_union(Parser *p) {
    const Node *left = parse_ratio(p);
    if (left) left = set_difference(p, left);
    while (left) {
        int kind = accept_command(p, "cup|bigcup") ? N_UNION : accept_command(p, "cap") ? N_INTERSECT
                 : accept_command(p, "setminus|backslash") ? N_MINUS : -1;
        if (kind < 0 && (token_is(p->t, T_WORD, "U") || token_is(p->t, T_WORD, "union")) &&
            (left->kind == N_TUPLE || left->kind == N_SET || left->kind == N_UNION))
            p->t++, kind = N_UNION;
        if (kind < 0) break;
        const Node *right = parse_ratio(p);
        if (!right) return NULL;
        left = node_2(p->pool, (Kind)kind, 0, left, right);
    }
    return left;
}

// A relation from its members and signs. x \mapsto E is f(x) = E; \equiv without a modulus is an equation.
static const Node *finish_relation(Parser *p, Items *items, char *signs, uint32_t count) {
    bool modulus = false;
    for (uint32_t i = 0; i < items->count; i++) modulus |= node_is(items->at[i], N_MODULO);
    for (uint32_t i = 0; i < count; i++) {
        if (signs[i] == REL_CONGRUENT && !modulus) signs[i] = REL_EQ;
        if (signs[i] == REL_IN && node_is(items->at[i + 1], N_SYM) && node_text_is(items->at[i + 1], "R"))
            items->at[i + 1] = node_constant(p->pool, CONST_REALS);
    }
    if (count == 1 && *signs == REL_MAPS && node_is(items->at[0], N_SYM)) {
        *signs = REL_EQ;
        items->at[0] = node_text(p->pool, N_APPLY, "f", 1, items->at, 1);
    }
    return node_text(p->pool, N_RELATION, signs, count, items->at, items->count);
}

// "P(X=3) =", "\mathbb{E}[X] =", "\text{Var}(X) =": names, whatever is in the brackets.
static const Node *accept_quantity(Parser *p) {
    static const char NAMES[] = "P|E|Pr|Var|Cov";
    Token *t = p->t;
    bool board = is_command(t, "mathbb") && token_symbol(&t[1], '{') && t[2].kind == T_WORD && token_symbol(&t[3], '}');
    bool named = (t->kind == T_WORD || t->kind == T_COMMAND) && words_exactly(t->text, t->len, NAMES);
    if (!board && !named && t->kind != T_TEXT) return NULL;
    Token *open = t + (board ? 4 : 1), *end = open;
    if (!token_symbol(open, '(') && !token_symbol(open, '[')) return NULL;
    int depth = 0;
    do {
        if (end->kind == T_END) return NULL;
        if (end->kind == T_SYMBOL) depth += strchr("([", end->symbol) ? 1 : strchr(")]", end->symbol) ? -1 : 0;
        end++;
    } while (depth > 0);
    return token_symbol(end, '=') ? name_until(p, t, end) : NULL;
}

static const Node *parse_member(Parser *p) { // of a relation
    const Node *side = parse_union(p), *modulus = side ? accept_modulus(p) : NULL;
    return modulus ? node_2(p->pool, N_MODULO, 0, side, modulus) : side;
}

const Node *parse_relation(Parser *p) {
    if (!parse_enter(p)) return NULL;
    if (at_command(p, "approx") || at_symbol(p, '=')) p->t++; // "\approx 8.24"
    Items items;
    char signs[PARSE_LIST];
    uint32_t n = 0;
    const Node *quantity = accept_quantity(p);
    if (!items_start(p, &items, quantity ? quantity : parse_member(p))) return NULL;
    bool outer = p->scope.right;
    while (n + 1 < sizeof signs && (signs[n] = accept_relation(p))) {
        p->scope.right = true;
        if (!items_add(p, &items, parse_member(p))) return NULL;
        n++;
    }
    bool next = at_new_statement(p); // the list sees it with the same eyes
    p->scope.right = outer || next;
    parse_leave(p);
    return n ? finish_relation(p, &items, signs, n) : items.at[0];
}

int half_day(const Token *t, int *used) {
    const char *s = t->text;
    char letters[2] = {0};
    size_t k = 0;
    if (t->kind != T_TEXT && t->kind != T_WORD) return 0;
    for (size_t i = 0; i < t->len; i++)
        if (is_alpha(s[i]) && k++ < 2) letters[k - 1] = to_lower(s[i]);
    bool dots = k == 1 && token_symbol(&t[1], '.') && t[2].kind == T_WORD && t[2].len == 1;
    if (dots) letters[k++] = to_lower(*t[2].text);
    if (k != 2 || letters[1] != 'm' || (letters[0] != 'a' && letters[0] != 'p')) return 0;
    if (used) *used = !dots ? 1 : token_symbol(&t[3], '.') ? 4 : 3;
    return letters[0] == 'a' ? 1 : 2;
}

static const Node *parse_ratio(Parser *p) {
    const Node *first = parse_measure(p);
    if (!first || p->failed) return NULL;
    bool colon = !p->scope.builder && ((at_symbol(p, ':') && !token_symbol(&p->t[1], '=')) || at_command(p, "colon"));
    bool to = node_is(first, N_RAT) && at_word(p, "to") && p->t[1].kind == T_NUMBER; // "2 to 3"
    int used, half = node_is(first, N_RAT) ? half_day(p->t, &used) : 0;              // "7 p.m."
    if (!colon && !to && !half) return first;
    Items items;
    items_start(p, &items, first);
    while (accept_symbol(p, ':') || accept_command(p, "colon") || (to && at_word(p, "to") && p->t++))
        if (!items_add(p, &items, parse_sum(p))) return NULL;
    half = half_day(p->t, &used);
    if (half) p->t += used;
    return node_new(p->pool, N_RATIO, half, items.at, items.count);
}
