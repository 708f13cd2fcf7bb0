// Optional (math answers from data sets): intervals, unions, solved inequalities, points.
//   [1,2]\cup[2,3] = [1,3]   2<x\le 5 = (2,5]   x<-1 or x>1 = (-\infty,-1)\cup(1,\infty)   x\ne4   \mathbb{R}
//
// A set is a list of segments, sorted and merged when every end can be ordered; with symbolic ends it is compared as
// written. An inequality counts only when it is solved: the variable alone against constants. An unsolved one never
// equals an interval, or repeating the problem would be an answer.
#include "verify/comparison.h"
#include "verify/normal.h"

#include <string.h>

enum { SEGMENTS = 64 };

typedef struct Segment {
    const Node *lo, *hi; // NULL: unbounded
    bool lo_open, hi_open;
} Segment;

typedef struct RealSet {
    Segment at[SEGMENTS];
    int count;
    const Node *variable; // named by an inequality, or NULL
} RealSet;

static bool build(Comparison *cmp, const Node *n, RealSet *out);

static int order(Comparison *cmp, const Node *a, const Node *b) { // 2: not decided
    if (has_variables(a) || has_variables(b)) return equal_scalars(cmp, a, b) ? 0 : 2;
    BallPoint point = {.field = cmp->field, .exact = &cmp->exact};
    return ball_order(&point, a, b);
}

static bool add(Comparison *cmp, RealSet *set, Segment s) {
    int below = s.lo ? infinity_sign(s.lo) : 0, above = s.hi ? infinity_sign(s.hi) : 0;
    if (below > 0 || above < 0) return false;
    if (below) s.lo = NULL;
    if (above) s.hi = NULL;
    if (s.lo && s.hi) {
        int o = order(cmp, s.lo, s.hi);
        if (o == 1 || (o == 0 && (s.lo_open || s.hi_open))) return false;
    }
    s.lo_open |= !s.lo;
    s.hi_open |= !s.hi;
    if (set->count == SEGMENTS) return false;
    set->at[set->count++] = s;
    return true;
}

static bool is_end(const Node *n) { return is_scalar(n) || node_is(n, N_UNIT); }
static const Node *end_value(const Node *n) { return node_is(n, N_UNIT) ? n->args[0] : n; }

static bool from_pair(Comparison *cmp, const Node *n, RealSet *out) {
    if (n->count != 2 || n->op == BRACKET_ANGLE || !is_end(n->args[0]) || !is_end(n->args[1])) return false;
    bool round = n->op == BRACKET_ROUND;
    bool lo_open = round || n->op == BRACKET_OPEN_CLOSED, hi_open = round || n->op == BRACKET_CLOSED_OPEN;
    return add(cmp, out, (Segment){end_value(n->args[0]), end_value(n->args[1]), lo_open, hi_open});
}

static bool name_variable(RealSet *out, const Node *name) {
    if (out->variable && !node_identical(out->variable, name)) return false;
    out->variable = name;
    return true;
}

// variable, sign, constant
static bool add_bound(Comparison *cmp, RealSet *out, char sign, const Node *c) {
    switch (sign) {
    case REL_LT: case REL_LE: return add(cmp, out, (Segment){NULL, c, true, sign == REL_LT});
    case REL_GT: case REL_GE: return add(cmp, out, (Segment){c, NULL, sign == REL_GT, true});
    case REL_EQ: return add(cmp, out, (Segment){c, c, false, false});
    case REL_NE: return add(cmp, out, (Segment){NULL, c, true, true}) && add(cmp, out, (Segment){c, NULL, true, true});
    default: return false;
    }
}

static char flipped(char sign) {
    return sign == REL_LT ? REL_GT : sign == REL_GT ? REL_LT : sign == REL_LE ? REL_GE : sign == REL_GE ? REL_LE : sign;
}

static bool is_less(char sign) { return sign == REL_LT || sign == REL_LE; }
static bool is_strict(char sign) { return sign == REL_LT || sign == REL_GT; }
static bool is_variable(const Node *n) { return is_name(n) && !node_is(n, N_FUNC); } // not |S| or \sin A

static bool intersect(Comparison *cmp, const RealSet *a, const RealSet *b, RealSet *out);

// Which member of a relation is |variable|; -1 for none.
static int absolute_member(const Node *n) {
    for (int i = n->count == 3; i < 2 && n->count <= 3; i++) // of three the middle one
        if (n->args[i]->kind == N_FUNC && n->args[i]->op == FN_ABS && is_variable(n->args[i]->args[0])) return i;
    return -1;
}

// |x|<2 is (-2,2), 1<|x|<2 is two intervals: the part right of zero and its mirror image.
static bool from_absolute(Comparison *cmp, const Node *n, int member, RealSet *out) {
    NodePool *pool = cmp->exact.pool;
    const Node *args[3] = {n->args[0], n->args[1], n->args[n->count - 1]}, *variable = n->args[member]->args[0];
    args[member] = variable;
    RealSet all = {0}, right = {0}, from_zero = {.at = {{node_integer(pool, 0), NULL, false, true}}, .count = 1};
    if (!build(cmp, node_map(pool, n, args), &all) || !intersect(cmp, &all, &from_zero, &right)) return false;
    for (int i = 0; i < right.count; i++) {
        Segment s = right.at[i], mirror = {NULL, NULL, s.hi_open, s.lo_open};
        if (s.hi) mirror.lo = normal_form(&cmp->exact, node_negate(pool, s.hi));
        mirror.hi = normal_form(&cmp->exact, node_negate(pool, s.lo));
        if (!add(cmp, out, s) || !add(cmp, out, mirror)) return false;
    }
    return name_variable(out, variable);
}

static bool from_relation(Comparison *cmp, const Node *n, RealSet *out) {
    int member = absolute_member(n);
    if (member >= 0) return from_absolute(cmp, n, member, out);
    if (node_relates(n, REL_IN))
        return is_name(n->args[0]) && name_variable(out, n->args[0]) && build(cmp, n->args[1], out);
    if (n->count == 2) {
        bool named = is_variable(n->args[0]) && !has_variables(n->args[1]);
        const Node *variable = n->args[!named], *end = n->args[named];
        if (!named && !(is_variable(variable) && !has_variables(end))) return false;
        return is_end(end) && name_variable(out, variable) &&
               add_bound(cmp, out, named ? n->text[0] : flipped(n->text[0]), end_value(end));
    }
    const Node *left = n->args[0], *variable = n->args[1], *right = n->args[2];
    if (n->count != 3 || !is_variable(variable) || mentions(left, variable) || mentions(right, variable)) return false;
    if (!is_end(left) || !is_end(right)) return false;
    char a = n->text[0], b = n->text[1];
    bool up = is_less(a) && is_less(b), a_open = is_strict(a), b_open = is_strict(b);
    if (!up && !(is_less(flipped(a)) && is_less(flipped(b)))) return false;
    left = end_value(left), right = end_value(right);
    Segment s = up ? (Segment){left, right, a_open, b_open} : (Segment){right, left, b_open, a_open};
    return name_variable(out, variable) && add(cmp, out, s);
}

// Intersection of two sets whose ends can be ordered.
static bool intersect(Comparison *cmp, const RealSet *a, const RealSet *b, RealSet *out) {
    for (int i = 0; i < a->count; i++)
        for (int j = 0; j < b->count; j++) {
            Segment s = a->at[i], t = b->at[j];
            int lo = !s.lo ? -1 : !t.lo ? 1 : order(cmp, s.lo, t.lo);
            int hi = !s.hi ? 1 : !t.hi ? -1 : order(cmp, s.hi, t.hi);
            if (lo == 2 || hi == 2) return false;
            Segment r = {.lo = lo < 0 ? t.lo : s.lo, .lo_open = (lo >= 0 && s.lo_open) || (lo <= 0 && t.lo_open),
                         .hi = hi > 0 ? t.hi : s.hi, .hi_open = (hi <= 0 && s.hi_open) || (hi >= 0 && t.hi_open)};
            int o = r.lo && r.hi ? order(cmp, r.lo, r.hi) : -1;
            if (o == 2) return false;
            if (o < 0 || (o == 0 && !r.lo_open && !r.hi_open)) add(cmp, out, r);
        }
    return true;
}

static bool complement(Comparison *cmp, const RealSet *points, RealSet *out) { // of finitely many points
    *out = (RealSet){.at = {{NULL, NULL, true, true}}, .count = 1};
    for (int i = 0; i < points->count; i++) {
        const Node *point = points->at[i].lo;
        RealSet around = {0}, rest = {0};
        if (!point || points->at[i].hi != point || !add_bound(cmp, &around, REL_NE, point)) return false;
        if (!intersect(cmp, out, &around, &rest)) return false;
        *out = rest;
    }
    return true;
}

static bool combine(Comparison *cmp, const Node *n, RealSet *out, bool both) {
    RealSet a = {0}, b = {0}, c = {0};
    if (!build(cmp, n->args[0], &a) || !build(cmp, n->args[1], &b)) return false;
    if (a.variable && b.variable && !node_identical(a.variable, b.variable)) return false;
    out->variable = a.variable ? a.variable : b.variable;
    if (both) return intersect(cmp, &a, &b, out);
    return complement(cmp, &b, &c) && intersect(cmp, &a, &c, out);
}

// "x \ne 1, 2" excludes both.
static bool from_exclusions(Comparison *cmp, const Node *n, RealSet *out) {
    RealSet points = {0};
    const Node *first = n->args[0];
    for (uint32_t i = 0; i < n->count; i++) {
        const Node *point = i ? n->args[i] : first->args[1];
        if (!is_end(point) || has_variables(point)) return false;
        if (!add(cmp, &points, (Segment){point, point, false, false})) return false;
    }
    return is_variable(first->args[0]) && complement(cmp, &points, out) && name_variable(out, first->args[0]);
}

static bool from_list(Comparison *cmp, const Node *n, RealSet *out) {
    bool relations = true, pairs = true;
    for (uint32_t i = 0; i < n->count; i++) {
        relations &= node_is(n->args[i], N_RELATION);
        pairs &= node_is(n->args[i], N_TUPLE);
        if (pairs && !from_pair(cmp, n->args[i], out)) return false;
    }
    if (pairs) return true; // "[1,2] and [3,4]" beside a union
    if (!relations) return node_relates(n->args[0], REL_NE) && from_exclusions(cmp, n, out);
    if (n->op == LIST_AND && n->count == 2 && !is_equation(n->args[0])) return combine(cmp, n, out, true);
    bool exclusions = true; // x != 1, x != 2 exclude both
    for (uint32_t i = 0; i < n->count; i++) exclusions &= node_relates(n->args[i], REL_NE);
    if (exclusions && n->count == 2) return combine(cmp, n, out, true);
    for (uint32_t i = 0; i < n->count; i++)
        if (!build(cmp, n->args[i], out)) return false;
    return true;
}

static bool build(Comparison *cmp, const Node *n, RealSet *out) {
    if (++cmp->depth > 64) return cmp->depth--, false;
    bool ok = false;
    switch (n->kind) {
    case N_CONST:
        ok = n->op == CONST_EMPTY || (n->op == CONST_REALS && add(cmp, out, (Segment){NULL, NULL, true, true}));
        break;
    case N_TUPLE: ok = from_pair(cmp, n, out); break;
    case N_RELATION: ok = from_relation(cmp, n, out); break;
    case N_LIST: ok = from_list(cmp, n, out); break;
    case N_INTERSECT: case N_MINUS: ok = combine(cmp, n, out, n->kind == N_INTERSECT); break;
    case N_BUILDER: {
        const Node *head = n->args[0];
        bool over_reals = node_relates(head, REL_IN) && node_is_const(head->args[1], CONST_REALS);
        ok = (is_name(head) || over_reals) && build(cmp, n->args[1], out);
        out->variable = NULL;
        break;
    }
    case N_UNION: case N_SET:
        ok = true;
        for (uint32_t i = 0; i < n->count && ok; i++) {
            const Node *item = n->args[i];
            if (n->kind == N_UNION) ok = build(cmp, item, out);
            else ok = is_end(item) && add(cmp, out, (Segment){end_value(item), end_value(item), false, false});
        }
        break;
    default: break;
    }
    cmp->depth--;
    return ok;
}

// Sorts and merges; false when two ends cannot be ordered.
static bool canonical(Comparison *cmp, RealSet *set) {
    for (int i = 1; i < set->count; i++)
        for (int j = i; j > 0; j--) {
            Segment *a = &set->at[j - 1], *b = &set->at[j];
            int o = !b->lo ? (a->lo ? 1 : 0) : !a->lo ? -1 : order(cmp, a->lo, b->lo);
            if (o == 2) return false;
            if (o < 0 || (o == 0 && (!a->lo_open || b->lo_open))) break;
            Segment swap = *a;
            *a = *b;
            *b = swap;
        }
    int kept = 0;
    for (int i = 1; i < set->count; i++) {
        Segment *a = &set->at[kept], b = set->at[i];
        int touch = !a->hi || !b.lo ? 1 : order(cmp, a->hi, b.lo);
        if (touch == 2) return false;
        if (touch < 0 || (touch == 0 && a->hi_open && b.lo_open)) {
            set->at[++kept] = b;
            continue;
        }
        int end = !a->hi ? 1 : !b.hi ? -1 : order(cmp, a->hi, b.hi);
        if (end == 2) return false;
        if (end < 0) a->hi = b.hi, a->hi_open = b.hi_open;
        else if (end == 0) a->hi_open &= b.hi_open;
    }
    if (set->count) set->count = kept + 1;
    return true;
}

static bool same_end(Comparison *cmp, const Node *a, const Node *b) {
    return a == b || (a && b && equal_trees(cmp, a, b));
}

static bool holds_infinity(const Node *n) { // (2,\infty]
    if (n->kind != N_TUPLE || n->count != 2) return false;
    return (n->op != BRACKET_ROUND && n->op != BRACKET_CLOSED_OPEN && infinity_sign(n->args[1])) ||
           (n->op != BRACKET_ROUND && n->op != BRACKET_OPEN_CLOSED && infinity_sign(n->args[0]));
}

bool is_interval_like(const Node *n) {
    switch (n->kind) {
    case N_UNION: case N_INTERSECT: case N_MINUS: case N_BUILDER: return true;
    case N_TUPLE: return n->op == BRACKET_OPEN_CLOSED || n->op == BRACKET_CLOSED_OPEN;
    case N_CONST: return n->op == CONST_REALS;
    case N_RELATION: return !is_equation(n) && !strchr((char[]){REL_OTHER, REL_CONGRUENT, REL_MAPS, 0}, n->text[0]);
    case N_LIST:
        for (uint32_t i = 0; i < n->count; i++)
            if (node_is(n->args[i], N_RELATION) && is_interval_like(n->args[i])) return true;
        return false;
    default: return false;
    }
}

Answer compare_intervals(Comparison *cmp, const Node *gold, const Node *mine) {
    RealSet *sets = pool_alloc(cmp->exact.pool, 2 * sizeof *sets);
    if (!sets) return ANSWER_UNKNOWN;
    sets[0] = (RealSet){0};
    sets[1] = (RealSet){0};
    if (!build(cmp, gold, &sets[0])) return ANSWER_UNKNOWN;
    if (!build(cmp, mine, &sets[1])) return compare_unknown(cmp, "not a set of reals");
    if (node_any(gold, holds_infinity) != node_any(mine, holds_infinity))
        return compare_no(cmp, "infinity is no element");
    if (sets[0].variable && sets[1].variable && !node_identical(sets[0].variable, sets[1].variable))
        return compare_no(cmp, "other variable");
    bool a = canonical(cmp, &sets[0]), b = canonical(cmp, &sets[1]);
    if (a != b || sets[0].count != sets[1].count) return compare_no(cmp, "different sets of reals");
    for (int i = 0; i < sets[0].count; i++) {
        Segment s = sets[0].at[i], t = sets[1].at[i];
        bool open = s.lo_open == t.lo_open && s.hi_open == t.hi_open;
        if (!open || !same_end(cmp, s.lo, t.lo) || !same_end(cmp, s.hi, t.hi))
            return compare_no(cmp, "different sets of reals");
    }
    return compare_yes(cmp, "same set of reals");
}
