// Equations, inequalities, congruences.
//   x=5 is 5   x-2y=6 is y=x/2-3   7=8=9 is false   f(x)=x^2 is f(t)=t^2   3\pmod 7   x<1 is -x>-1
//
// Implicit equations F=0 and G=0 agree when F/G is a non-zero constant, tested at random points; also when the numerators
// after clearing denominators are proportional (y=k/x and xy=k).
#include "verify/judge.h"
#include "verify/normal.h"
#include "verify/probe.h"

#include <ctype.h>
#include <string.h>

bool is_equation(const Node *n) {
    if (n->kind != N_RELATION) return false;
    for (uint32_t i = 0; i < n->text_len; i++)
        if (n->text[i] != REL_EQ && n->text[i] != REL_APPROX) return false;
    return true;
}

static bool is_vertex(const Node *n) { return node_is(n, N_SYM) && isupper((unsigned char)*n->text); }

static bool is_segment(const Node *n) { // AB, \frac{NO}{BO}
    if (is_vertex(n)) return true;
    if (n->kind == N_POW) return node_is_int(n->args[1], -1) && is_segment(n->args[0]);
    if (n->kind != N_MUL) return false;
    for (uint32_t i = 0; i < n->count; i++)
        if (!is_segment(n->args[i])) return false;
    return true;
}

static bool is_measured_angle(const Node *n) { // m\angle A
    return n->count == 2 && node_is(n->args[0], N_SYM) && node_text_is(n->args[0], "m") && node_is(n->args[1], N_SYM) &&
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

const Node *relation_value(Judge *judge, const Node *n) {
    if (n->count == 2 && n->text[0] == REL_IN && is_name(n->args[0])) return n->args[1];
    if (!is_equation(n)) return NULL;
    uint32_t count = n->count;
    for (uint32_t i = 0; i < n->text_len; i++) // a ~ b: the exact member before the sign, unless that is only a name
        if (n->text[i] == REL_APPROX && count == n->count) count = i + 1 > 1 || !is_name(n->args[0]) ? i + 1 : i + 2;
    bool named = is_name(n->args[0]), all_constant = true;
    for (uint32_t i = named; i < count; i++) all_constant &= constant_member(n->args[i]);
    const Node *value = n->args[count - 1];
    if (count == 2 && !named && is_name(value) && constant_member(n->args[0])) return n->args[0]; // 5 = x
    if (!named && !all_constant) return NULL;
    if (named && mentions(value, n->args[0])) return NULL;
    const Node *bare = NULL, *measured = NULL; // members of one kind must agree: not 7 = 8 = 9, but 2 hours = 120
    for (uint32_t i = named; i < count; i++) {
        if (!constant_member(n->args[i])) continue;
        const Node **first = node_is(n->args[i], N_UNIT) ? &measured : &bare;
        if (*first && judge_equal(judge, *first, n->args[i]) != ANSWER_YES) return node_undef();
        if (!*first) *first = n->args[i];
    }
    return value;
}

static const Node *difference(Judge *judge, const Node *n) { // lhs - rhs of a two-member relation
    if (!is_scalar(n->args[0]) || !is_scalar(n->args[1])) return NULL;
    return normal_form(&judge->exact, node_2(judge->exact.arena, N_ADD, 0, n->args[0], node_negate(judge->exact.arena, n->args[1])));
}

// f = c g with a constant c != 0 (and c > 0 where asked).
static Answer proportional(Judge *judge, const Node *f, const Node *g) {
    Residue value[2][2];
    bool irrational = false;
    for (int p = 0; p < 2; p++) {
        Probe a = {.seed = judge->seed, .point = p}, b = a;
        value[p][0] = probe_fraction(&a, f);
        value[p][1] = probe_fraction(&b, g);
        if (a.undefined || b.undefined || !value[p][0].den || !value[p][1].den) return judge_say(judge, ANSWER_NO, "division by zero");
        irrational |= a.irrational || b.irrational;
    }
    bool zero = !value[0][0].num || !value[0][1].num;
    if (zero) return judge_say(judge, ANSWER_NO, "an equation without content");
    uint64_t left = probe_mul(probe_mul(value[0][0].num, value[0][1].den), probe_mul(value[1][1].num, value[1][0].den));
    uint64_t right = probe_mul(probe_mul(value[1][0].num, value[1][1].den), probe_mul(value[0][1].num, value[0][0].den));
    bool numerators = probe_mul(value[0][0].num, value[1][1].num) == probe_mul(value[1][0].num, value[0][1].num);
    if (left == right || numerators) return judge_say(judge, ANSWER_YES, "proportional equations");
    if (!irrational) return judge_say(judge, ANSWER_NO, "equations not proportional");
    int agree = 0;
    for (int i = 0; i < 12; i++) {
        BallPoint point = {.kind = POINT_REAL, .index = i, .seed = judge->seed, .exact = &judge->exact};
        bool valid;
        Answer answer = ball_proportional(&point, f, g, &valid);
        if (!valid) continue;
        if (answer == ANSWER_NO) return judge_say(judge, ANSWER_NO, "equations not proportional");
        agree += answer == ANSWER_YES;
    }
    return agree >= 3 ? judge_say(judge, ANSWER_YES, "proportional equations") : judge_say(judge, ANSWER_UNKNOWN, "no point decides");
}

// f(x)=E and g(t)=H define the same function when E and H agree after renaming the arguments.
static Answer definitions(Judge *judge, const Node *a, const Node *b) {
    const Node *f = a->args[0], *g = b->args[0], *left = a->args[a->count - 1], *right = b->args[b->count - 1];
    Arena *arena = judge->exact.arena;
    for (uint32_t i = 0; i < f->count; i++) {
        char name[16] = {'#', (char)('0' + i % 10)};
        const Node *bound = node_text(arena, N_SYM, name, 2, NULL, 0);
        if (!node_is(f->args[i], N_SYM) || !node_is(g->args[i], N_SYM)) {
            if (judge_equal(judge, f->args[i], g->args[i]) != ANSWER_YES) return judge_say(judge, ANSWER_NO, "other argument");
            continue;
        }
        left = normal_substitute(arena, left, f->args[i], bound);
        right = normal_substitute(arena, right, g->args[i], bound);
    }
    return judge_equal(judge, left, right);
}

// y=E beside f(x)=E, where y is no argument of f.
static bool names_function(const Node *name, const Node *function) {
    return node_is(name, N_SYM) && node_is(function, N_APPLY) && !mentions(function, name);
}

static Answer equations(Judge *judge, const Node *gold, const Node *mine) {
    const Node *f = gold->args[0], *g = mine->args[0];
    if (node_is(f, N_APPLY) && node_is(g, N_APPLY) && f->count == g->count) return definitions(judge, gold, mine);
    if ((names_function(f, g) || names_function(g, f)) && !mentions(gold->args[gold->count - 1], f) && !mentions(mine->args[mine->count - 1], g))
        return judge_equal(judge, gold->args[gold->count - 1], mine->args[mine->count - 1]);
    const Node *x = relation_value(judge, gold), *y = relation_value(judge, mine);
    if ((x && x->kind == N_UNDEF) || (y && y->kind == N_UNDEF)) return judge_say(judge, ANSWER_NO, "members disagree");
    bool same_name = is_name(f) && is_name(g) && node_identical(f, g);
    if (x && y && (same_name || (!is_name(f) && !is_name(g) && !is_scalar(f)))) {
        Answer answer = judge_equal(judge, x, y);
        if (answer == ANSWER_YES || !is_scalar(x) || !is_scalar(y)) return answer;
    }
    if (x && y && !is_name(f) && !is_name(g)) return judge_equal(judge, x, y); // chains of constants
    if (x && y && (!is_name(f) || !is_name(g)) && constant_member(x) && constant_member(y)) return judge_equal(judge, x, y);
    const Node *p = gold->count == 2 ? difference(judge, gold) : NULL, *q = mine->count == 2 ? difference(judge, mine) : NULL;
    if (!p || !q) return judge_say(judge, ANSWER_NO, "different equations");
    if (p->kind == N_UNDEF || q->kind == N_UNDEF) return judge_say(judge, ANSWER_NO, "undefined");
    return proportional(judge, p, q);
}

// E > 0 or E >= 0 from a two-member inequality.
static const Node *positive(Judge *judge, const Node *left, char sign, const Node *right, bool *strict) {
    *strict = sign == REL_LT || sign == REL_GT;
    bool less = sign == REL_LT || sign == REL_LE;
    if (!is_scalar(left) || !is_scalar(right) || (!less && sign != REL_GT && sign != REL_GE)) return NULL;
    Arena *arena = judge->exact.arena;
    return normal_form(&judge->exact,
                       less ? node_2(arena, N_ADD, 0, right, node_negate(arena, left)) : node_2(arena, N_ADD, 0, left, node_negate(arena, right)));
}

static bool positive_ratio(Judge *judge, const Node *f, const Node *g) { // sign of f/g at a real point, both defined
    for (int i = 0; i < 12; i++) {
        BallPoint point = {.kind = POINT_REAL, .index = i, .seed = judge->seed, .exact = &judge->exact};
        int a = ball_order(&point, f, node_integer(judge->exact.arena, 0)), b = ball_order(&point, g, node_integer(judge->exact.arena, 0));
        if (a && b && a != 2 && b != 2) return a == b;
    }
    return false;
}

static Answer inequalities(Judge *judge, const Node *gold, const Node *mine) {
    if (gold->count != mine->count) return judge_say(judge, ANSWER_NO, "different inequalities");
    uint32_t links = gold->count - 1;
    for (int reversed = 0; reversed < 2; reversed++) {
        bool same = true;
        for (uint32_t i = 0; i < links && same; i++) {
            uint32_t j = reversed ? links - 1 - i : i;
            bool a, b;
            const Node *f = positive(judge, gold->args[i], gold->text[i], gold->args[i + 1], &a),
                       *g = positive(judge, mine->args[j], mine->text[j], mine->args[j + 1], &b);
            same = f && g && a == b && proportional(judge, f, g) == ANSWER_YES && positive_ratio(judge, f, g);
        }
        if (same) return judge_say(judge, ANSWER_YES, "proportional inequalities");
    }
    return judge_say(judge, ANSWER_NO, "different inequalities");
}

static Answer memberwise(Judge *judge, const Node *gold, const Node *mine) {
    bool same = node_same_text(gold, mine) && gold->count == mine->count;
    for (uint32_t i = 0; i < gold->count && same; i++) same = judge_equal(judge, gold->args[i], mine->args[i]) == ANSWER_YES;
    if (!same && gold->count == 2 && mine->count == 2 && node_same_text(gold, mine) && gold->text[0] == REL_NE)
        same = judge_equal(judge, gold->args[0], mine->args[1]) == ANSWER_YES && judge_equal(judge, gold->args[1], mine->args[0]) == ANSWER_YES;
    return judge_say(judge, same ? ANSWER_YES : ANSWER_NO, same ? "same relation" : "different relations");
}

Answer judge_relations(Judge *judge, const Node *gold, const Node *mine) {
    bool g = node_is(gold, N_RELATION), m = node_is(mine, N_RELATION);
    if (g && m) {
        if (is_equation(gold) && is_equation(mine)) return equations(judge, gold, mine);
        Answer same = memberwise(judge, gold, mine);
        return same == ANSWER_YES || is_equation(gold) || is_equation(mine) ? same : inequalities(judge, gold, mine);
    }
    const Node *relation = g ? gold : mine, *other = g ? mine : gold;
    bool residue = relation->count == 2 && relation->text[0] == REL_CONGRUENT && is_name(relation->args[0]);
    if (residue && (node_is(other, N_MODULO) || is_scalar(other)))
        return judge_equal(judge, g ? relation->args[1] : other, g ? other : relation->args[1]);
    const Node *value = relation_value(judge, relation);
    bool trusted = g && is_equation(gold) && gold->count > 2; // a gold's chain ends in its answer even where we cannot follow it
    if (trusted && !value) value = gold->args[gold->count - 1];
    if (!value) return judge_say(judge, ANSWER_NO, "a relation against a value");
    if (value->kind == N_UNDEF) return judge_say(judge, ANSWER_NO, "members disagree");
    return judge_equal(judge, g ? value : other, g ? other : value);
}
