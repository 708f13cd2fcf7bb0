// Any two trees: dispatch on their kinds, and the rules of lists, sets, tuples, matrices.
//   \{1,2\} = \{2,1\}   "1 or 2" = \{1,2\}   (1,2) != (2,1)   (1,2) != \{1,2\}   "-3, 8" = (-3,8)   "x=1, y=4" = (1,4)
//
// Brackets decide: ( ) is ordered, \{ \} is not, a bare list takes the other side's kind and is unordered against another
// bare list. Named parts go by name.
#include "verify/judge.h"
#include "verify/normal.h"

#include <stdlib.h>
#include <string.h>

enum { PAIRWISE = 256 };

static bool is_named(const Node *n) { return is_equation(n) && n->count >= 2 && is_name(n->args[0]); }
static bool is_dots(const Node *n) { return n->kind == N_SYM && node_text_is(n, "..."); }

static Answer in_order(Judge *judge, const Node *gold, const Node *mine) {
    if (gold->count != mine->count) return judge_say(judge, ANSWER_NO, "other length");
    Answer all = ANSWER_YES;
    for (uint32_t i = 0; i < gold->count; i++) {
        Answer answer = judge_equal(judge, gold->args[i], mine->args[i]);
        if (answer == ANSWER_NO) return answer;
        if (answer == ANSWER_UNKNOWN) all = answer;
    }
    return all;
}

static int by_value(const void *a, const void *b) { return exact_compare(*(const Node *const *)a, *(const Node *const *)b); }

// The elements in ascending order, each once; NULL unless all are rational.
static const Node *sorted_numbers(Judge *judge, const Node *n) {
    const Node **items = arena_alloc(judge->exact.arena, (n->count + 1) * sizeof *items);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n->count; i++)
        if (!items || !node_is(n->args[i], N_RAT)) return NULL;
    if (!items) return NULL;
    memcpy(items, n->args, n->count * sizeof *items);
    qsort(items, n->count, sizeof *items, by_value);
    for (uint32_t i = 0; i < n->count; i++)
        if (!kept || exact_compare(items[kept - 1], items[i])) items[kept++] = items[i];
    return node_new(judge->exact.arena, N_SET, 0, items, kept);
}

// Every element of each side equals one of the other.
static Answer as_sets(Judge *judge, const Node *gold, const Node *mine) {
    if (node_any(gold, is_dots) || node_any(mine, is_dots)) return in_order(judge, gold, mine);
    const Node *g = sorted_numbers(judge, gold), *m = g ? sorted_numbers(judge, mine) : NULL;
    if (m) return node_identical(g, m) ? judge_say(judge, ANSWER_YES, "same numbers") : judge_say(judge, ANSWER_NO, "an element is missing");
    if (gold->count > PAIRWISE || mine->count > PAIRWISE)
        return gold->count == mine->count ? in_order(judge, gold, mine) : judge_say(judge, ANSWER_NO, "other size");
    bool found[PAIRWISE] = {0}, unknown = false;
    for (uint32_t i = 0; i < gold->count; i++) {
        bool any = false;
        for (uint32_t j = 0; j < mine->count; j++) {
            Answer answer = judge_equal(judge, gold->args[i], mine->args[j]);
            unknown |= answer == ANSWER_UNKNOWN;
            if (answer == ANSWER_YES) any = found[j] = true;
        }
        if (!any) return judge_say(judge, unknown ? ANSWER_UNKNOWN : ANSWER_NO, "an element is missing");
    }
    for (uint32_t j = 0; j < mine->count; j++)
        if (!found[j]) return judge_say(judge, unknown ? ANSWER_UNKNOWN : ANSWER_NO, "an extra element");
    return judge_say(judge, ANSWER_YES, "same elements");
}

// ---- named parts ----

static bool all_named(const Node *n) {
    if (n->kind != N_LIST || n->op == LIST_SEMICOLON) return false;
    for (uint32_t i = 0; i < n->count; i++)
        if (!is_named(n->args[i])) return false;
    return n->count > 0;
}

// x_1 and x_2 are two values of x.
static bool same_letter(const Node *a, const Node *b) {
    const char *x = node_is(a, N_SYM) ? memchr(a->text, '_', a->text_len) : NULL, *y = node_is(b, N_SYM) ? memchr(b->text, '_', b->text_len) : NULL;
    return x && y && x - a->text == y - b->text && !memcmp(a->text, b->text, (size_t)(x - a->text));
}

static bool indexed_names(const Node *n) {
    for (uint32_t i = 1; i < n->count; i++)
        if (!same_letter(n->args[0]->args[0], n->args[i]->args[0])) return false;
    return true;
}

static bool same_names(const Node *n) {
    for (uint32_t i = 1; i < n->count; i++) {
        const Node *a = n->args[0]->args[0], *b = n->args[i]->args[0];
        bool both_functions = node_is(a, N_APPLY) && node_is(b, N_APPLY) && node_same_text(a, b);
        if (!both_functions && !node_identical(a, b)) return false;
    }
    return true;
}

static const Node *values_of(Judge *judge, const Node *n, Kind kind) {
    const Node *values[64];
    if (n->count > 64) return NULL;
    for (uint32_t i = 0; i < n->count; i++) {
        values[i] = relation_value(judge, n->args[i]);
        if (!values[i] || values[i]->kind == N_UNDEF) return NULL;
    }
    return node_new(judge->exact.arena, kind, 0, values, n->count);
}

static const Node *sorted_by_name(Judge *judge, const Node *n) { // y=2, x=1 -> x=1, y=2, for single letters
    const Node *items[64];
    if (n->count > 64) return n;
    for (uint32_t i = 0; i < n->count; i++) {
        if (!node_is(n->args[i]->args[0], N_SYM) || n->args[i]->args[0]->text_len != 1) return n;
        uint32_t j = i;
        for (; j > 0 && items[j - 1]->args[0]->text[0] > n->args[i]->args[0]->text[0]; j--) items[j] = items[j - 1];
        items[j] = n->args[i];
    }
    return node_new(judge->exact.arena, N_LIST, n->op, items, n->count);
}

// "a=4,-8,-10": the first name stands for all.
static const Node *shared_name(Judge *judge, const Node *n) {
    if (n->kind != N_LIST || n->count < 2 || n->count > 64 || !is_named(n->args[0]) || n->op == LIST_SEMICOLON) return n;
    const Node *items[64];
    for (uint32_t i = 1; i < n->count; i++) {
        if (n->args[i]->kind == N_RELATION || node_is(n->args[i], N_TEXT)) return n;
        items[i] = n->args[i];
    }
    items[0] = relation_value(judge, n->args[0]);
    return items[0] && items[0]->kind != N_UNDEF ? node_new(judge->exact.arena, N_LIST, LIST_COMMA, items, n->count) : n;
}

static bool is_collection(const Node *n) { return n->kind == N_LIST || n->kind == N_SET || n->kind == N_TUPLE; }

static Answer collections(Judge *judge, const Node *gold, const Node *mine);

// One side is a list of name = value, the other a list, set or tuple of bare values.
static Answer named_against_bare(Judge *judge, const Node *named, const Node *bare, bool gold_named) {
    bool unordered = same_names(named) || (node_is(bare, N_SET) && indexed_names(named));
    const Node *ordered = unordered || node_is(bare, N_LIST) ? named : sorted_by_name(judge, named);
    if (same_names(named) && named->count > 1 && node_is(bare, N_TUPLE)) return judge_say(judge, ANSWER_NO, "values of one name against a tuple");
    const Node *values = values_of(judge, ordered, unordered ? N_LIST : N_TUPLE);
    if (!values) return judge_say(judge, ANSWER_NO, "members disagree");
    if (!unordered && node_is(bare, N_SET)) return judge_say(judge, ANSWER_NO, "named parts against a set");
    return collections(judge, gold_named ? values : bare, gold_named ? bare : values);
}

// ---- lists, sets, tuples ----

static Answer tuples(Judge *judge, const Node *gold, const Node *mine) {
    bool pair = gold->count == 2 && mine->count == 2;
    bool square = (gold->op == BRACKET_SQUARE) != (mine->op == BRACKET_SQUARE);
    bool half =
        (gold->op == BRACKET_OPEN_CLOSED || gold->op == BRACKET_CLOSED_OPEN || mine->op == BRACKET_OPEN_CLOSED || mine->op == BRACKET_CLOSED_OPEN) &&
        gold->op != mine->op;
    if (pair && (square || half)) return judge_say(judge, ANSWER_NO, "other brackets");
    return in_order(judge, gold, mine);
}

static const Node *rows_of(Judge *judge, const Node *n) { // "p=5,q=2; p=7,q=2" -> (5,2), (7,2)
    if (n->kind != N_LIST || n->op != LIST_SEMICOLON || n->count > 64) return n;
    const Node *rows[64];
    for (uint32_t i = 0; i < n->count; i++) {
        const Node *values = all_named(n->args[i])         ? values_of(judge, n->args[i], N_TUPLE)
                             : node_is(n->args[i], N_LIST) ? node_new(judge->exact.arena, N_TUPLE, 0, n->args[i]->args, n->args[i]->count)
                                                           : n->args[i];
        if (!values) return n;
        rows[i] = values;
    }
    return node_new(judge->exact.arena, N_LIST, LIST_COMMA, rows, n->count);
}

static const Node *named_list(Judge *judge, const Node *n) { // \{x=2, y=-1\} lists names, it is no set
    bool named = node_is(n, N_SET);
    for (uint32_t i = 0; i < n->count && named; i++) named = is_named(n->args[i]);
    return named ? node_new(judge->exact.arena, N_LIST, LIST_COMMA, n->args, n->count) : n;
}

static Answer collections(Judge *judge, const Node *gold, const Node *mine) {
    gold = named_list(judge, gold);
    mine = named_list(judge, mine);
    gold = rows_of(judge, shared_name(judge, gold));
    mine = rows_of(judge, shared_name(judge, mine));
    bool g = all_named(gold), m = all_named(mine);
    if (g && m && same_names(gold) && same_names(mine)) {
        const Node *a = values_of(judge, gold, N_LIST), *b = values_of(judge, mine, N_LIST);
        bool functions = node_is(gold->args[0]->args[0], N_APPLY);
        if (!functions && a && b && node_identical(gold->args[0]->args[0], mine->args[0]->args[0])) return as_sets(judge, a, b);
    }
    if (g != m) return named_against_bare(judge, g ? gold : mine, g ? mine : gold, g);
    if (node_is(gold, N_TUPLE) && node_is(mine, N_TUPLE)) return tuples(judge, gold, mine);
    bool tuple = node_is(gold, N_TUPLE) || node_is(mine, N_TUPLE);
    const Node *pair = node_is(gold, N_TUPLE) ? gold : mine;
    if (tuple && pair->op == BRACKET_SQUARE && pair->count == 2) return judge_say(judge, ANSWER_NO, "an interval against a list"); // [2,5] and 2,5
    const Node *plain = pair == gold ? mine : gold;
    if (tuple && node_is(plain, N_LIST) && plain->op == LIST_OR) return judge_say(judge, ANSWER_NO, "alternatives against a tuple"); // \pm3 and (3,-3)
    if (tuple && (node_is(gold, N_SET) || node_is(mine, N_SET))) return judge_say(judge, ANSWER_NO, "a set against an ordered tuple");
    return tuple ? in_order(judge, gold, mine) : as_sets(judge, gold, mine);
}

static Answer element(Judge *judge, const Node *gold, const Node *mine) { // a collection against something else
    const Node *many = is_collection(gold) ? gold : mine, *one = many == gold ? mine : gold;
    if (node_is_const(one, CONST_EMPTY)) return judge_say(judge, ANSWER_NO, "not empty");
    if (node_is(many, N_LIST) && many->op == LIST_OR && !node_is(one, N_RELATION)) { // "1/4 or 0.25" is one value in two forms
        bool same = true;
        for (uint32_t i = 0; i < many->count && same; i++)
            same = judge_equal(judge, many == gold ? many->args[i] : one, many == gold ? one : many->args[i]) == ANSWER_YES;
        if (same) return judge_say(judge, ANSWER_YES, "one value in two forms");
    }
    if (node_is(one, N_RELATION)) {
        const Node *value = relation_value(judge, one);
        bool single = value && node_is(many, N_SET) && many->count == 1; // {0} and x=0
        if (!value || value->kind == N_UNDEF || (!is_collection(value) && !single)) return judge_say(judge, ANSWER_NO, "a list against one relation");
        return judge_equal(judge, many == gold ? many : value, many == gold ? value : many);
    }
    bool vector = node_is(one, N_MATRIX) && node_is(many, N_TUPLE) && (many->op == BRACKET_ROUND || many->op == BRACKET_ANGLE);
    if (vector && (one->op == 1 || (uint32_t)one->op == one->count)) return in_order(judge, gold, mine); // (1,2) and its column or row
    if (node_is(many, N_SET) && many->count == 1) return judge_equal(judge, many == gold ? many->args[0] : one, many == gold ? one : many->args[0]);
    return judge_say(judge, ANSWER_NO, "several values against one");
}

// ---- the rest ----

// 204_5 -> 54; NULL for a fraction or a base past 36.
static const Node *base_ten(Judge *judge, const Node *n) {
    if (n->op > 36 || n->text_len > 1000 || memchr(n->text, '.', n->text_len)) return NULL;
    mpq_t q;
    mpq_init(q);
    bool ok = !mpz_set_str(mpq_numref(q), n->text, n->op);
    const Node *value = ok ? node_rational(judge->exact.arena, q) : NULL;
    mpq_clear(q);
    return value;
}

static Answer based(Judge *judge, const Node *gold, const Node *mine) {
    if (node_is(gold, N_BASE) && node_is(mine, N_BASE)) {
        bool same = gold->op == mine->op && node_same_text(gold, mine);
        return judge_say(judge, same ? ANSWER_YES : ANSWER_NO, same ? "same digits and base" : "other digits or base");
    }
    bool same = false;
    if (judge->policy->base_optional && node_is(gold, N_BASE) && node_is(mine, N_RAT)) {
        const Node *value = base_ten(judge, gold);
        same = node_same_text(gold, mine) || (value && node_identical(value, mine));
    }
    return judge_say(judge, same ? ANSWER_YES : ANSWER_NO, same ? "base left out" : "base on one side");
}

static Answer residues(Judge *judge, const Node *gold, const Node *mine) {
    if (gold->kind != mine->kind) { // 3 (mod 7) names the remainder 3; 10 (mod 7) is no plain 3
        bool class_first = node_is(gold, N_MODULO);
        return judge_equal(judge, class_first ? gold->args[0] : gold, class_first ? mine : mine->args[0]);
    }
    if (judge_equal(judge, gold->args[1], mine->args[1]) != ANSWER_YES) return judge_say(judge, ANSWER_NO, "other modulus");
    bool integers = node_is_integer(gold->args[0]) && node_is_integer(mine->args[0]) && node_is_integer(gold->args[1]);
    if (!integers) return judge_equal(judge, gold->args[0], mine->args[0]);
    bool same = exact_congruent(gold->args[0], mine->args[0], gold->args[1]);
    return judge_say(judge, same ? ANSWER_YES : ANSWER_NO, same ? "congruent" : "not congruent");
}

static Answer dispatch(Judge *judge, const Node *gold, const Node *mine) {
    bool relation = node_is(gold, N_RELATION) || node_is(mine, N_RELATION);
    Answer family = judge_families(judge, gold, mine);
    if (family != ANSWER_UNKNOWN) return family;
    if (is_interval_like(gold) || is_interval_like(mine)) {
        Answer answer = judge_intervals(judge, gold, mine);
        if (answer != ANSWER_UNKNOWN) return answer;
        bool both = is_interval_like(gold) && is_interval_like(mine);
        if (!both && !relation) return judge_say(judge, ANSWER_NO, "a set of reals against another kind");
        if (gold->kind == mine->kind && gold->count == mine->count && !relation) return in_order(judge, gold, mine);
    }
    if (relation && !is_collection(gold) && !is_collection(mine)) return judge_relations(judge, gold, mine);
    if (is_collection(gold) && is_collection(mine)) return collections(judge, gold, mine);
    if (is_collection(gold) || is_collection(mine)) return element(judge, gold, mine);
    if (node_is(gold, N_UNIT) || node_is(mine, N_UNIT)) return judge_measures(judge, gold, mine);
    if (node_is(gold, N_RATIO) || node_is(mine, N_RATIO)) return judge_ratios(judge, gold, mine);
    if (node_is(gold, N_BASE) || node_is(mine, N_BASE)) return based(judge, gold, mine);
    if (node_is(gold, N_MODULO) || node_is(mine, N_MODULO)) return residues(judge, gold, mine);
    if (node_is(gold, N_MATRIX) && node_is(mine, N_MATRIX))
        return gold->op == mine->op ? in_order(judge, gold, mine) : judge_say(judge, ANSWER_NO, "other shape");
    if (node_is(gold, N_TEXT) || node_is(mine, N_TEXT)) return judge_say(judge, ANSWER_NO, "different words");
    if (!is_scalar(gold) || !is_scalar(mine)) return judge_say(judge, ANSWER_NO, "different kinds");
    if (judge_rounding(judge, gold, mine) == ANSWER_YES) return ANSWER_YES;
    return judge_scalars(judge, gold, mine);
}

Answer judge_equal(Judge *judge, const Node *gold, const Node *mine) {
    if (gold->kind == N_UNDEF || mine->kind == N_UNDEF) return judge_say(judge, ANSWER_NO, "undefined");
    if (!node_is(gold, N_RATIO) && node_identical(gold, mine)) return judge_say(judge, ANSWER_YES, "same tree");
    if (judge->exact.fuel < 0) return judge_say(judge, ANSWER_UNKNOWN, "out of fuel");
    if (++judge->depth > 64) return judge->depth--, judge_say(judge, ANSWER_UNKNOWN, "too deep");
    Answer answer = dispatch(judge, gold, mine);
    judge->depth--;
    return answer;
}
