// Optional (math answers from data sets): dispatch on kinds; lists, sets, tuples, matrices.
//   \{1,2\} = \{2,1\}   "1 or 2" = \{1,2\}   (1,2) != (2,1)   (1,2) != \{1,2\}   "-3, 8" = (-3,8)   "x=1, y=4" = (1,4)
//
// Brackets decide: ( ) is ordered, \{ \} is not. A bare list takes the other side's kind and is unordered against
// another bare list. Named parts are matched by name.
#include "verify/comparison.h"
#include "verify/normal.h"

#include <stdlib.h>
#include <string.h>

enum { PAIRWISE = 256 };

static bool is_named(const Node *n) { return is_equation(n) && n->count >= 2 && is_name(n->args[0]); }
static bool is_dots(const Node *n) { return n->kind == N_SYM && node_text_is(n, "..."); }

static Answer in_order(Comparison *cmp, const Node *gold, const Node *mine) {
    if (gold->count != mine->count) return compare_no(cmp, "other length");
    Answer all = ANSWER_YES;
    for (uint32_t i = 0; i < gold->count; i++) {
        Answer answer = compare_trees(cmp, gold->args[i], mine->args[i]);
        if (answer == ANSWER_NO) return answer;
        if (answer == ANSWER_UNKNOWN) all = answer;
    }
    return all;
}

static int by_value(const void *a, const void *b) {
    return exact_compare(*(const Node *const *)a, *(const Node *const *)b);
}

// The elements in ascending order, each once; NULL unless all are rational.
static const Node *sorted_numbers(Comparison *cmp, const Node *n) {
    const Node **items = pool_alloc(cmp->exact.pool, (n->count + 1) * sizeof *items);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n->count; i++)
        if (!items || !node_is(n->args[i], N_RAT)) return NULL;
    if (!items) return NULL;
    memcpy(items, n->args, n->count * sizeof *items);
    qsort(items, n->count, sizeof *items, by_value);
    for (uint32_t i = 0; i < n->count; i++)
        if (!kept || exact_compare(items[kept - 1], items[i])) items[kept++] = items[i];
    return node_new(cmp->exact.pool, N_SET, 0, items, kept);
}

// Every element of each side equals one of the other.
static Answer as_sets(Comparison *cmp, const Node *gold, const Node *mine) {
    if (node_any(gold, is_dots) || node_any(mine, is_dots)) return in_order(cmp, gold, mine);
    const Node *g = sorted_numbers(cmp, gold), *m = g ? sorted_numbers(cmp, mine) : NULL;
    if (m) return node_identical(g, m) ? compare_yes(cmp, "same numbers") : compare_no(cmp, "an element is missing");
    if (gold->count > PAIRWISE || mine->count > PAIRWISE)
        return gold->count == mine->count ? in_order(cmp, gold, mine) : compare_no(cmp, "other size");
    bool found[PAIRWISE] = {0}, unknown = false;
    for (uint32_t i = 0; i < gold->count; i++) {
        bool any = false;
        for (uint32_t j = 0; j < mine->count; j++) {
            Answer answer = compare_trees(cmp, gold->args[i], mine->args[j]);
            unknown |= answer == ANSWER_UNKNOWN;
            if (answer == ANSWER_YES) any = found[j] = true;
        }
        if (!any) return compare_say(cmp, unknown ? ANSWER_UNKNOWN : ANSWER_NO, "an element is missing");
    }
    for (uint32_t j = 0; j < mine->count; j++)
        if (!found[j]) return compare_say(cmp, unknown ? ANSWER_UNKNOWN : ANSWER_NO, "an extra element");
    return compare_yes(cmp, "same elements");
}

static bool all_named(const Node *n) {
    if (n->kind != N_LIST || n->op == LIST_SEMICOLON) return false;
    for (uint32_t i = 0; i < n->count; i++)
        if (!is_named(n->args[i])) return false;
    return n->count > 0;
}

// x_1 and x_2 are two values of x.
static bool same_letter(const Node *a, const Node *b) {
    if (!node_is(a, N_SYM) || !node_is(b, N_SYM)) return false;
    const char *x = memchr(a->text, '_', a->text_len), *y = memchr(b->text, '_', b->text_len);
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

static const Node *values_of(Comparison *cmp, const Node *n, Kind kind) {
    const Node *values[64];
    if (n->count > 64) return NULL;
    for (uint32_t i = 0; i < n->count; i++) {
        values[i] = relation_value(cmp, n->args[i]);
        if (!values[i] || values[i]->kind == N_UNDEF) return NULL;
    }
    return node_new(cmp->exact.pool, kind, 0, values, n->count);
}

static const Node *sorted_by_name(Comparison *cmp, const Node *n) { // y=2, x=1 -> x=1, y=2, for single letters
    const Node *items[64];
    if (n->count > 64) return n;
    for (uint32_t i = 0; i < n->count; i++) {
        if (!node_is(n->args[i]->args[0], N_SYM) || n->args[i]->args[0]->text_len != 1) return n;
        uint32_t j = i;
        for (; j > 0 && items[j - 1]->args[0]->text[0] > n->args[i]->args[0]->text[0]; j--) items[j] = items[j - 1];
        items[j] = n->args[i];
    }
    return node_new(cmp->exact.pool, N_LIST, n->op, items, n->count);
}

// "a=4,-8,-10": the first name stands for all.
static const Node *shared_name(Comparison *cmp, const Node *n) {
    const Node *items[64];
    if (n->kind != N_LIST || n->op == LIST_SEMICOLON || n->count < 2 || n->count > 64) return n;
    if (!is_named(n->args[0])) return n;
    for (uint32_t i = 1; i < n->count; i++) {
        if (n->args[i]->kind == N_RELATION || node_is(n->args[i], N_TEXT)) return n;
        items[i] = n->args[i];
    }
    items[0] = relation_value(cmp, n->args[0]);
    return items[0] && items[0]->kind != N_UNDEF ? node_new(cmp->exact.pool, N_LIST, LIST_COMMA, items, n->count) : n;
}

static bool is_collection(const Node *n) { return n->kind == N_LIST || n->kind == N_SET || n->kind == N_TUPLE; }

static Answer collections(Comparison *cmp, const Node *gold, const Node *mine);

// One side is a list of name = value, the other a list, set or tuple of bare values.
static Answer named_against_bare(Comparison *cmp, const Node *named, const Node *bare, bool gold_named) {
    bool unordered = same_names(named) || (node_is(bare, N_SET) && indexed_names(named));
    const Node *ordered = unordered || node_is(bare, N_LIST) ? named : sorted_by_name(cmp, named);
    if (same_names(named) && named->count > 1 && node_is(bare, N_TUPLE))
        return compare_no(cmp, "values of one name against a tuple");
    const Node *values = values_of(cmp, ordered, unordered ? N_LIST : N_TUPLE);
    if (!values) return compare_no(cmp, "members disagree");
    if (!unordered && node_is(bare, N_SET)) return compare_no(cmp, "named parts against a set");
    return gold_named ? collections(cmp, values, bare) : collections(cmp, bare, values);
}

static bool half_open(const Node *n) { return n->op == BRACKET_OPEN_CLOSED || n->op == BRACKET_CLOSED_OPEN; }

static Answer tuples(Comparison *cmp, const Node *gold, const Node *mine) {
    bool pair = gold->count == 2 && mine->count == 2;
    bool square = (gold->op == BRACKET_SQUARE) != (mine->op == BRACKET_SQUARE);
    bool half = gold->op != mine->op && (half_open(gold) || half_open(mine));
    if (pair && (square || half)) return compare_no(cmp, "other brackets");
    return in_order(cmp, gold, mine);
}

static const Node *rows_of(Comparison *cmp, const Node *n) { // "p=5,q=2; p=7,q=2" -> (5,2), (7,2)
    if (n->kind != N_LIST || n->op != LIST_SEMICOLON || n->count > 64) return n;
    const Node *rows[64];
    for (uint32_t i = 0; i < n->count; i++) {
        const Node *row = n->args[i];
        if (all_named(row)) row = values_of(cmp, row, N_TUPLE);
        else if (node_is(row, N_LIST)) row = node_new(cmp->exact.pool, N_TUPLE, 0, row->args, row->count);
        if (!row) return n;
        rows[i] = row;
    }
    return node_new(cmp->exact.pool, N_LIST, LIST_COMMA, rows, n->count);
}

static const Node *named_list(Comparison *cmp, const Node *n) { // \{x=2, y=-1\} lists names, it is no set
    bool named = node_is(n, N_SET);
    for (uint32_t i = 0; i < n->count && named; i++) named = is_named(n->args[i]);
    return named ? node_new(cmp->exact.pool, N_LIST, LIST_COMMA, n->args, n->count) : n;
}

static Answer collections(Comparison *cmp, const Node *gold, const Node *mine) {
    gold = named_list(cmp, gold);
    mine = named_list(cmp, mine);
    gold = rows_of(cmp, shared_name(cmp, gold));
    mine = rows_of(cmp, shared_name(cmp, mine));
    bool g = all_named(gold), m = all_named(mine);
    if (g && m && same_names(gold) && same_names(mine)) {
        const Node *a = values_of(cmp, gold, N_LIST), *b = values_of(cmp, mine, N_LIST);
        const Node *x = gold->args[0]->args[0], *y = mine->args[0]->args[0];
        if (!node_is(x, N_APPLY) && a && b && node_identical(x, y)) return as_sets(cmp, a, b);
    }
    if (g != m) return named_against_bare(cmp, g ? gold : mine, g ? mine : gold, g);
    if (node_is(gold, N_TUPLE) && node_is(mine, N_TUPLE)) return tuples(cmp, gold, mine);
    if (!node_is(gold, N_TUPLE) && !node_is(mine, N_TUPLE)) return as_sets(cmp, gold, mine);
    const Node *tuple = node_is(gold, N_TUPLE) ? gold : mine, *plain = tuple == gold ? mine : gold;
    bool closed = tuple->op == BRACKET_SQUARE && tuple->count == 2;
    if (closed) return compare_no(cmp, "an interval against a list"); // [2,5] and 2,5
    if (node_is(plain, N_SET)) return compare_no(cmp, "a set against an ordered tuple");
    if (plain->op == LIST_OR) return compare_no(cmp, "alternatives against a tuple"); // \pm3 and (3,-3)
    return in_order(cmp, gold, mine);
}

static Answer element(Comparison *cmp, const Node *gold, const Node *mine) { // a collection against something else
    const Node *many = is_collection(gold) ? gold : mine, *one = many == gold ? mine : gold;
    bool swapped = many == mine;
    if (node_is_const(one, CONST_EMPTY)) return compare_no(cmp, "not empty");
    if (node_is(many, N_LIST) && many->op == LIST_OR && !node_is(one, N_RELATION)) { // "1/4 or 0.25" is one value
        bool same = true;
        for (uint32_t i = 0; i < many->count && same; i++)
            same = compare_sides(cmp, swapped, many->args[i], one) == ANSWER_YES;
        if (same) return compare_yes(cmp, "one value in two forms");
    }
    if (node_is(one, N_RELATION)) {
        const Node *value = relation_value(cmp, one);
        bool single = value && node_is(many, N_SET) && many->count == 1; // {0} and x=0
        if (!value || value->kind == N_UNDEF || (!is_collection(value) && !single))
            return compare_no(cmp, "a list against one relation");
        return compare_sides(cmp, swapped, many, value);
    }
    bool vector = node_is(one, N_MATRIX) && (one->op == 1 || (uint32_t)one->op == one->count); // a column or a row
    if (vector && node_is(many, N_TUPLE) && (many->op == BRACKET_ROUND || many->op == BRACKET_ANGLE))
        return in_order(cmp, gold, mine);
    if (node_is(many, N_SET) && many->count == 1) return compare_sides(cmp, swapped, many->args[0], one);
    return compare_no(cmp, "several values against one");
}

// 204_5 -> 54; NULL for a fraction or a base past 36.
static const Node *base_ten(Comparison *cmp, const Node *n) {
    if (n->op > 36 || n->text_len > 1000 || memchr(n->text, '.', n->text_len)) return NULL;
    mpq_t q;
    mpq_init(q);
    bool ok = !mpz_set_str(mpq_numref(q), n->text, n->op);
    const Node *value = ok ? node_rational(cmp->exact.pool, q) : NULL;
    mpq_clear(q);
    return value;
}

static Answer based(Comparison *cmp, const Node *gold, const Node *mine) {
    if (node_is(gold, N_BASE) && node_is(mine, N_BASE)) {
        bool same = gold->op == mine->op && node_same_text(gold, mine);
        return compare_if(cmp, same, "same digits and base", "other digits or base");
    }
    bool same = false;
    if (cmp->policy->base_optional && node_is(gold, N_BASE) && node_is(mine, N_RAT)) {
        const Node *value = base_ten(cmp, gold);
        same = node_same_text(gold, mine) || (value && node_identical(value, mine));
    }
    return compare_if(cmp, same, "base left out", "base on one side");
}

static Answer residues(Comparison *cmp, const Node *gold, const Node *mine) {
    if (gold->kind != mine->kind) { // 3 (mod 7) names the remainder 3; 10 (mod 7) is no plain 3
        bool class_first = node_is(gold, N_MODULO);
        return compare_trees(cmp, class_first ? gold->args[0] : gold, class_first ? mine : mine->args[0]);
    }
    if (!equal_trees(cmp, gold->args[1], mine->args[1])) return compare_no(cmp, "other modulus");
    bool integers = node_is_integer(gold->args[0]) && node_is_integer(mine->args[0]) && node_is_integer(gold->args[1]);
    if (!integers) return compare_trees(cmp, gold->args[0], mine->args[0]);
    bool same = exact_congruent(gold->args[0], mine->args[0], gold->args[1]);
    return compare_if(cmp, same, "congruent", "not congruent");
}

static Answer dispatch(Comparison *cmp, const Node *gold, const Node *mine) {
    bool relation = node_is(gold, N_RELATION) || node_is(mine, N_RELATION);
    Answer family = compare_families(cmp, gold, mine);
    if (family != ANSWER_UNKNOWN) return family;
    if (is_interval_like(gold) || is_interval_like(mine)) {
        Answer answer = compare_intervals(cmp, gold, mine);
        if (answer != ANSWER_UNKNOWN) return answer;
        bool both = is_interval_like(gold) && is_interval_like(mine);
        if (!both && !relation) return compare_no(cmp, "a set of reals against another kind");
        if (gold->kind == mine->kind && gold->count == mine->count && !relation) return in_order(cmp, gold, mine);
    }
    if (relation && !is_collection(gold) && !is_collection(mine)) return compare_relations(cmp, gold, mine);
    if (is_collection(gold) && is_collection(mine)) return collections(cmp, gold, mine);
    if (is_collection(gold) || is_collection(mine)) return element(cmp, gold, mine);
    if (node_is(gold, N_UNIT) || node_is(mine, N_UNIT)) return compare_measures(cmp, gold, mine);
    if (node_is(gold, N_RATIO) || node_is(mine, N_RATIO)) return compare_ratios(cmp, gold, mine);
    if (node_is(gold, N_BASE) || node_is(mine, N_BASE)) return based(cmp, gold, mine);
    if (node_is(gold, N_MODULO) || node_is(mine, N_MODULO)) return residues(cmp, gold, mine);
    if (node_is(gold, N_MATRIX) && node_is(mine, N_MATRIX))
        return gold->op == mine->op ? in_order(cmp, gold, mine) : compare_no(cmp, "other shape");
    if (node_is(gold, N_TEXT) || node_is(mine, N_TEXT)) return compare_no(cmp, "different words");
    if (!is_scalar(gold) || !is_scalar(mine)) return compare_no(cmp, "different kinds");
    if (compare_rounding(cmp, gold, mine) == ANSWER_YES) return ANSWER_YES;
    return compare_scalars(cmp, gold, mine);
}

Answer compare_trees(Comparison *cmp, const Node *gold, const Node *mine) {
    if (gold->kind == N_UNDEF || mine->kind == N_UNDEF) return compare_no(cmp, "undefined");
    if (!node_is(gold, N_RATIO) && node_identical(gold, mine)) return compare_yes(cmp, "same tree");
    if (cmp->exact.fuel < 0) return compare_unknown(cmp, "out of fuel");
    if (++cmp->depth > 64) return cmp->depth--, compare_unknown(cmp, "too deep");
    Answer answer = dispatch(cmp, gold, mine);
    cmp->depth--;
    return answer;
}
