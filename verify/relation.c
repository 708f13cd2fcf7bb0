// Optional (math answers from data sets): compares equations, inequalities, congruences.
//   x=5 is 5   x-2y=6 is y=x/2-3   7=8=9 is false   f(x)=x^2 is f(t)=t^2   3\pmod 7   x<1 is -x>-1
//
// Implicit equations F=0 and G=0 agree when F/G is a non-zero constant at random points, and when the numerators
// after clearing denominators are proportional (y=k/x and xy=k).
#include "verify/comparison.h"
#include "verify/normal.h"
#include "verify/ascii.h"
#include "verify/probe.h"
#include "verify/words.h"

#include <string.h>

bool is_equation(const Node *n) {
    if (n->kind != N_RELATION) return false;
    for (uint32_t i = 0; i < n->text_len; i++)
        if (n->text[i] != REL_EQ && n->text[i] != REL_APPROX) return false;
    return true;
}

static bool is_vertex(const Node *n) { return node_is(n, N_SYM) && is_upper(*n->text); }
static bool is_segment(const Node *n) { // AB, \frac{NO}{BO}
    if (is_vertex(n)) return true;
    if (n->kind == N_POW) return node_is_int(n->args[1], -1) && is_segment(n->args[0]);
    if (n->kind != N_MUL) return false;
    for (uint32_t i = 0; i < n->count; i++)
        if (!is_segment(n->args[i])) return false;
    return true;
}

static bool is_measured_angle(const Node *n) { // m\angle A
    return n->count == 2 && node_is_name(n->args[0], "m") && node_is(n->args[1], N_SYM) &&
           n->args[1]->text_len > 6 && !memcmp(n->args[1]->text, "angle:", 6);
}

bool is_name(const Node *n) {
    switch (n->kind) {
    case N_SYM: case N_TEXT: return !node_text_is(n, "...");
    case N_CONST: return n->op == CONST_E || n->op == CONST_I;
    case N_MUL: return is_segment(n) || is_measured_angle(n);
    case N_FUNC: return n->count == 1 && is_name(n->args[0]);
    case N_APPLY: return true;
    case N_TUPLE: case N_RATIO:
        for (uint32_t i = 0; i < n->count; i++)
            if (!is_name(n->args[i])) return false;
        return true;
    default: return false;
    }
}

bool mentions(const Node *n, const Node *name) {
    if (n->kind == name->kind && node_identical(n, name)) return true;
    for (uint32_t i = 0; i < n->count; i++)
        if (mentions(n->args[i], name)) return true;
    return false;
}

static bool constant_member(const Node *n) { return (is_scalar(n) || node_is(n, N_UNIT)) && !has_variables(n); }

// D=C names no choice and "no = yes" is no yes: a letter for a letter and a word for a word, except "answer = yes".
static bool names_no_value(const Node *name, const Node *value) {
    if (node_is(name, N_TEXT) && node_is(value, N_TEXT))
        return !words_in(name->text, name->text_len, "answer|final answer|result|solution");
    return is_vertex(name) && is_vertex(value) && name->text_len == 1 && value->text_len == 1;
}

static bool says_nothing(const Node *n) { // 5=5, where 3^2=9 says something
    const Node *a = n->args[0], *b = n->args[1];
    return node_is(a, N_RAT) && node_is(b, N_RAT) && a->text && b->text && node_same_text(a, b);
}

const Node *relation_value(Comparison *cmp, const Node *n) {
    if (n->count == 2 && n->text[0] == REL_IN && is_name(n->args[0])) return n->args[1];
    if (!is_equation(n)) return NULL;
    uint32_t count = n->count;
    for (uint32_t i = 0; i < n->text_len; i++) // a ~ b: the exact member before the sign, unless that is only a name
        if (n->text[i] == REL_APPROX && count == n->count) count = i + 1 > 1 || !is_name(n->args[0]) ? i + 1 : i + 2;
    bool named = is_name(n->args[0]), all_constant = true;
    const Node *value = n->args[count - 1];
    if (named && names_no_value(n->args[0], value)) return NULL;
    for (uint32_t i = named; i < count; i++) {
        all_constant &= constant_member(n->args[i]);
        if (named && mentions(n->args[i], n->args[0])) return NULL; // "y=3x y=2x+1" is no chain
    }
    if (count == 2 && !named && is_name(value) && constant_member(n->args[0])) return n->args[0]; // 5 = x
    if (!named && !all_constant) return NULL;
    const Node *bare = NULL, *measured = NULL, *other = NULL; // members of one kind must agree: not 7 = 8, {1} = {2}
    for (uint32_t i = named; i < count; i++) {
        bool constant = constant_member(n->args[i]);
        if (!constant && is_scalar(n->args[i])) continue; // 2k+1 with a k that is known elsewhere
        const Node **first = !constant ? &other : node_is(n->args[i], N_UNIT) ? &measured : &bare; // 2 hours = 120
        if (*first && !equal_trees(cmp, *first, n->args[i])) return node_undef();
        if (!*first) *first = n->args[i];
    }
    return value;
}

static const Node *difference(Comparison *cmp, const Node *n) { // lhs - rhs of a relation with two members
    if (n->count != 2 || !is_scalar(n->args[0]) || !is_scalar(n->args[1])) return NULL;
    return normal_form(&cmp->exact, node_subtract(cmp->exact.pool, n->args[0], n->args[1]));
}

// f = c g with a constant c != 0 (and c > 0 where asked).
static Answer proportional(Comparison *cmp, const Node *f, const Node *g) {
    Residue value[2][2];
    bool irrational = false;
    for (int i = 0; i < 2; i++) {
        Probe a = {.field = cmp->field, .point = i}, b = a;
        value[i][0] = probe_fraction(&a, f);
        value[i][1] = probe_fraction(&b, g);
        if (a.undefined || b.undefined || !value[i][0].den || !value[i][1].den)
            return compare_no(cmp, "division by zero");
        irrational |= a.irrational || b.irrational;
    }
    bool zero = !value[0][0].num || !value[0][1].num;
    if (zero) return compare_no(cmp, "an equation without content");
    const Field *p = &cmp->field;
    uint64_t left = probe_mul(p, value[0][0].num, value[1][1].num);
    uint64_t right = probe_mul(p, value[1][0].num, value[0][1].num);
    uint64_t below_left = probe_mul(p, value[0][1].den, value[1][0].den);
    uint64_t below_right = probe_mul(p, value[1][1].den, value[0][0].den);
    if (left == right || probe_mul(p, left, below_left) == probe_mul(p, right, below_right))
        return compare_yes(cmp, "proportional equations");
    if (!irrational) return compare_no(cmp, "equations not proportional");
    int agree = 0;
    BallPoint points[POINTS], base = {.field = cmp->field, .exact = &cmp->exact, .bits = ball_bits(f, g)};
    if (base.bits < 0) return compare_unknown(cmp, "constants too long for points");
    int count = ball_points(&base, f, g, points);
    bool domain = node_any(f, has_domain); // y=\ln|x| is not y=\ln x
    for (int i = 0; i + 1 < count; i++) {
        bool valid;
        Answer answer = ball_proportional(&points[i], &points[i + 1], f, g, &valid);
        if (!valid && domain && ball_leaves_reals(&points[i], f, g))
            return compare_no(cmp, "not real where the gold is");
        if (!valid) continue;
        if (answer == ANSWER_NO) return compare_no(cmp, "equations not proportional");
        agree += answer == ANSWER_YES;
    }
    bool all = cmp->exact.fuel >= 0; // else some points were never looked at
    return agree >= 3 && all ? compare_yes(cmp, "proportional equations") : compare_unknown(cmp, "no point decides");
}

// f(x)=E and g(t)=H define the same function when E and H agree after renaming the arguments.
static Answer definitions(Comparison *cmp, const Node *a, const Node *b) {
    const Node *f = a->args[0], *g = b->args[0], *left = a->args[a->count - 1], *right = b->args[b->count - 1];
    NodePool *pool = cmp->exact.pool;
    for (uint32_t i = 0; i < f->count; i++) {
        char name[16] = {'#', (char)('0' + i % 10)};
        const Node *bound = node_text(pool, N_SYM, name, 2, NULL, 0);
        if (!node_is(f->args[i], N_SYM) || !node_is(g->args[i], N_SYM)) {
            if (!equal_trees(cmp, f->args[i], g->args[i])) return compare_no(cmp, "other argument");
            continue;
        }
        left = normal_substitute(pool, left, f->args[i], bound);
        right = normal_substitute(pool, right, g->args[i], bound);
    }
    return compare_trees(cmp, left, right);
}

// y=E beside f(x)=E, where y is no argument of f.
static bool names_function(const Node *name, const Node *function) {
    return node_is(name, N_SYM) && node_is(function, N_APPLY) && !mentions(function, name);
}

static Answer equations(Comparison *cmp, const Node *gold, const Node *mine) {
    const Node *f = gold->args[0], *g = mine->args[0];
    if (node_is(f, N_APPLY) && node_is(g, N_APPLY) && f->count == g->count) return definitions(cmp, gold, mine);
    const Node *last = gold->args[gold->count - 1], *my_last = mine->args[mine->count - 1];
    if ((names_function(f, g) || names_function(g, f)) && !mentions(last, f) && !mentions(my_last, g))
        return compare_trees(cmp, last, my_last);
    const Node *x = relation_value(cmp, gold), *y = relation_value(cmp, mine);
    if ((x && x->kind == N_UNDEF) || (y && y->kind == N_UNDEF)) return compare_no(cmp, "members disagree");
    if (is_name(f) != is_name(g) && (says_nothing(gold) || says_nothing(mine))) return compare_no(cmp, "0=0 for y=0");
    bool same_name = is_name(f) && is_name(g) && node_identical(f, g);
    if (x && y && (same_name || (!is_name(f) && !is_name(g) && !is_scalar(f)))) {
        Answer answer = compare_trees(cmp, x, y);
        if (answer == ANSWER_YES || !is_scalar(x) || !is_scalar(y)) return answer;
    }
    if (x && y && !is_name(f) && !is_name(g)) return compare_trees(cmp, x, y); // chains of constants
    if (x && y && (!is_name(f) || !is_name(g)) && constant_member(x) && constant_member(y))
        return compare_trees(cmp, x, y);
    const Node *p = difference(cmp, gold), *q = difference(cmp, mine);
    if (!p || !q) return compare_no(cmp, "different equations");
    if (p->kind == N_UNDEF || q->kind == N_UNDEF) return compare_no(cmp, "undefined");
    return proportional(cmp, p, q);
}

// E > 0 or E >= 0 from a two-member inequality.
static const Node *positive(Comparison *cmp, const Node *left, char sign, const Node *right, bool *strict) {
    *strict = sign == REL_LT || sign == REL_GT;
    bool less = sign == REL_LT || sign == REL_LE;
    if (!is_scalar(left) || !is_scalar(right) || (!less && sign != REL_GT && sign != REL_GE)) return NULL;
    return normal_form(&cmp->exact, node_subtract(cmp->exact.pool, less ? right : left, less ? left : right));
}

static bool positive_ratio(Comparison *cmp, const Node *f, const Node *g) { // sign of f/g at a real point
    const Node *zero = node_integer(cmp->exact.pool, 0);
    for (int i = 0; i < 12; i++) {
        BallPoint point = {.kind = POINT_REAL, .index = i, .field = cmp->field, .exact = &cmp->exact};
        int a = ball_order(&point, f, zero), b = ball_order(&point, g, zero);
        if (a && b && a != 2 && b != 2) return a == b;
    }
    return false;
}

static Answer inequalities(Comparison *cmp, const Node *gold, const Node *mine) {
    if (gold->count != mine->count) return compare_no(cmp, "different inequalities");
    uint32_t links = gold->count - 1;
    for (int reversed = 0; reversed < 2; reversed++) {
        bool same = true;
        for (uint32_t i = 0; i < links && same; i++) {
            uint32_t j = reversed ? links - 1 - i : i;
            bool a, b;
            const Node *f = positive(cmp, gold->args[i], gold->text[i], gold->args[i + 1], &a),
                       *g = positive(cmp, mine->args[j], mine->text[j], mine->args[j + 1], &b);
            same = f && g && a == b && proportional(cmp, f, g) == ANSWER_YES && positive_ratio(cmp, f, g);
        }
        if (same) return compare_yes(cmp, "proportional inequalities");
    }
    return compare_no(cmp, "different inequalities");
}

static Answer memberwise(Comparison *cmp, const Node *gold, const Node *mine) {
    bool same = node_same_text(gold, mine) && gold->count == mine->count;
    for (uint32_t i = 0; i < gold->count && same; i++) same = equal_trees(cmp, gold->args[i], mine->args[i]);
    if (!same && gold->count == 2 && mine->count == 2 && node_same_text(gold, mine) && gold->text[0] == REL_NE)
        same = equal_trees(cmp, gold->args[0], mine->args[1]) && equal_trees(cmp, gold->args[1], mine->args[0]);
    return compare_if(cmp, same, "same relation", "different relations");
}

Answer compare_relations(Comparison *cmp, const Node *gold, const Node *mine) {
    bool g = node_is(gold, N_RELATION), m = node_is(mine, N_RELATION);
    if (g && m) {
        if (is_equation(gold) && is_equation(mine)) return equations(cmp, gold, mine);
        Answer same = memberwise(cmp, gold, mine);
        return same == ANSWER_YES || is_equation(gold) || is_equation(mine) ? same : inequalities(cmp, gold, mine);
    }
    const Node *relation = g ? gold : mine, *other = g ? mine : gold;
    bool residue = relation->count == 2 && relation->text[0] == REL_CONGRUENT && is_name(relation->args[0]);
    if (residue && (node_is(other, N_MODULO) || is_scalar(other)))
        return compare_sides(cmp, !g, relation->args[1], other);
    const Node *value = relation_value(cmp, relation);
    bool trusted = g && is_equation(gold) && gold->count > 2; // a gold's chain ends in its answer, checked or not
    if (trusted && !value) value = gold->args[gold->count - 1];
    if (!value) return compare_no(cmp, "a relation against a value");
    if (value->kind == N_UNDEF) return compare_no(cmp, "members disagree");
    return compare_sides(cmp, !g, value, other);
}
