// Optional (math answers from data sets): folding of exact parts; see normal.h.
#include "verify/normal.h"

#include <string.h>

static bool is_undef(const Node *n) { return n->kind == N_UNDEF; }
static bool is_infinite(const Node *n) { return node_is_const(n, CONST_INF); }
static bool has_infinity(const Node *n) { return node_any(n, is_infinite); }
static bool is_pm(const Node *n) { return n->kind == N_PM; }

static bool may_vanish_or_fail(const Node *n) { // 0 times this need not be 0
    return n->kind == N_FUNC || n->kind == N_POW || n->kind == N_BIG || n->kind == N_MATRIX || is_infinite(n);
}

// A unit inside arithmetic: percent divides by 100, a degree under a function is pi/180, others drop.
static const Node *unit_value(Exact *exact, const Node *n, bool angle) {
    if (n->kind != N_UNIT) return n;
    const Node *x = n->args[0];
    if (x->kind == N_UNIT) return unit_value(exact, x, angle); // of "20% decrease"
    if (n->unit->percent) {
        const Node *scaled = node_is(x, N_RAT) ? exact_scale(exact, x, 1, 100, 0) : NULL;
        return scaled ? scaled : node_divide(exact->pool, x, node_integer(exact->pool, 100));
    }
    if (n->unit->degree && angle) {
        const Node *turn = node_is(x, N_RAT) ? exact_scale(exact, x, 1, 180, 0) : NULL;
        if (!turn) turn = node_divide(exact->pool, x, node_integer(exact->pool, 180));
        return node_mul(exact->pool, turn, node_constant(exact->pool, CONST_PI));
    }
    return x;
}

typedef struct Terms {
    Exact *exact;
    bool sum;
    const Node *rational;   // folded so far, or NULL
    const Node **rest;      // (room)
    uint32_t count, room;
    const Node *matrix;
    bool bad;
} Terms;

static uint32_t term_count(const Node *n, Kind kind) {
    uint32_t total = 1;
    if (n->kind == kind)
        for (uint32_t i = 0; i < n->count; i++) total += term_count(n->args[i], kind);
    return total;
}

static void gather(Terms *terms, const Node *n, Kind kind) {
    if (n->kind == kind) {
        for (uint32_t i = 0; i < n->count; i++) gather(terms, n->args[i], kind);
        return;
    }
    n = unit_value(terms->exact, n, false);
    if (n->kind == kind) {
        gather(terms, n, kind);
        return;
    }
    if (n->kind == N_MATRIX) {
        const Node *m = n;
        if (terms->matrix) m = (terms->sum ? matrix_add : matrix_mul)(terms->exact, terms->matrix, n);
        terms->bad |= !m;
        if (m) terms->matrix = m;
        return;
    }
    if (node_is(n, N_RAT)) {
        const Node *folded = n;
        if (terms->rational) folded = (terms->sum ? exact_add : exact_mul)(terms->exact, terms->rational, n);
        if (folded) {
            terms->rational = folded;
            return;
        }
    }
    if (terms->count < terms->room) terms->rest[terms->count++] = n;
}

static const Node *sign_outside_unit(Exact *exact, const Node *n) { // -(50%) is (-50)%
    if (n->count != 2 || !node_is_int(n->args[0], -1) || n->args[1]->kind != N_UNIT) return NULL;
    const Node *x = n->args[1]->args[0], *inner = node_is(x, N_RAT) ? exact_mul(exact, n->args[0], x) : NULL;
    if (!inner) inner = node_negate(exact->pool, x);
    return node_unit(exact->pool, inner, n->args[1]->unit);
}

static const Node *fold_terms(Exact *exact, const Node *n) {
    bool sum = n->kind == N_ADD;
    const Node *hoisted = sum ? NULL : sign_outside_unit(exact, n);
    if (hoisted) return hoisted;
    uint32_t room = term_count(n, (Kind)n->kind) + 1;
    Terms terms = {.exact = exact, .sum = sum, .room = room};
    terms.rest = pool_alloc(exact->pool, (room + 2) * sizeof(Node *));
    if (!terms.rest) return node_undef();
    gather(&terms, n, (Kind)n->kind);
    const Node *r = terms.rational;
    if (terms.bad || (terms.matrix && (sum ? r || terms.count : terms.count)))
        return terms.matrix && terms.count == 0 && !terms.bad ? node_undef() : n;
    if (terms.matrix) return r ? matrix_mul(exact, r, terms.matrix) : terms.matrix;
    bool infinity_may_stay = !sum && terms.count == 1 && (!r || node_is_int(r, -1) || node_is_int(r, 1));
    for (uint32_t i = 0; i < terms.count && !infinity_may_stay; i++)
        if (has_infinity(terms.rest[i])) return node_undef();
    if (!sum) terms.count = normal_factorials(exact, terms.rest, terms.count, &r);
    if (!sum && r && !node_sign(r)) {
        bool plain = true;
        for (uint32_t i = 0; i < terms.count; i++) plain &= !node_any(terms.rest[i], may_vanish_or_fail);
        if (plain) return r;
    }
    if (r && (terms.count == 0 || !node_is_int(r, sum ? 0 : 1))) {
        memmove(terms.rest + 1, terms.rest, terms.count * sizeof *terms.rest);
        terms.rest[0] = r;
        terms.count++;
    }
    return terms.count == 1 ? terms.rest[0] : node_new(exact->pool, (Kind)n->kind, 0, terms.rest, terms.count);
}

static const Node *fold_root(Exact *exact, const Node *n) {
    const Node *x = n->args[0], *degree = n->args[1];
    if (!node_is(degree, N_RAT)) return n;
    if (!node_sign(degree)) return node_undef();
    if (!node_is(x, N_RAT)) return n;
    const Node *inverse = exact_pow(exact, degree, node_integer(exact->pool, -1));
    const Node *folded = inverse ? exact_pow(exact, x, inverse) : NULL;
    return folded ? folded : n;
}

static const Node *fold_function(Exact *exact, const Node *n) {
    const Node *args[8];
    if (n->count > 8) {
        const Node *many = exact_function(exact, n->op, n->args, n->count);
        return many ? many : n;
    }
    for (uint32_t i = 0; i < n->count; i++) {
        args[i] = unit_value(exact, n->args[i], true);
        if (has_infinity(args[i])) return node_undef();
    }
    n = node_new(exact->pool, N_FUNC, n->op, args, n->count);
    if (n->kind != N_FUNC) return n;
    if (n->op == FN_ROOT) return fold_root(exact, n);
    if (n->op == FN_DET && n->args[0]->kind == N_MATRIX) {
        const Node *det = matrix_det(exact, n->args[0]);
        return det ? det : n;
    }
    const Node *base = n->op == FN_LOG && n->count == 2 ? n->args[1] : NULL;
    if (base && node_is(base, N_RAT) && (node_sign(base) <= 0 || node_is_int(base, 1))) return node_undef();
    if ((n->op == FN_LN || n->op == FN_LOG) && node_is(n->args[0], N_RAT)) {
        if (!node_sign(n->args[0])) return node_undef();
        if (node_is_int(n->args[0], 1)) return node_integer(exact->pool, 0);
    }
    const Node *folded = exact_function(exact, n->op, n->args, n->count);
    return folded ? folded : n;
}

typedef struct Substitution {
    NodePool *pool;
    const Node *symbol, *value;
} Substitution;

static const Node *substitute(void *context, const Node *n) {
    const Substitution *s = context;
    bool leaf = !n->count && n->kind == s->symbol->kind && n->op == s->symbol->op;
    if (leaf && node_same_text(n, s->symbol)) return s->value;
    if (n->kind == N_BIG && node_identical(n->args[0], s->symbol)) return n;
    return node_each(s->pool, n, substitute, context);
}

const Node *normal_substitute(NodePool *pool, const Node *n, const Node *symbol, const Node *value) {
    return substitute(&(Substitution){pool, symbol, value}, n);
}

static int64_t node_total(const Node *n) {
    int64_t total = 1;
    for (uint32_t i = 0; i < n->count; i++) total += node_total(n->args[i]);
    return total;
}

// sum_{k=a}^{b} term with numeric bounds, written out.
static const Node *fold_big(Exact *exact, const Node *n) {
    int64_t from, to;
    if (!node_fits(n->args[1], &from) || !node_fits(n->args[2], &to) || to - from >= BIG_TERMS) return n;
    const Node *terms[BIG_TERMS + 1] = {node_integer(exact->pool, n->op)};
    uint32_t count = 1;
    int64_t cost = 300 + 100 * node_total(n->args[3]);
    for (int64_t k = from; k <= to; k++) {
        if (!exact_spend(exact, cost)) return n;
        const Node *value = node_integer(exact->pool, k);
        const Node *term = normal_form(exact, normal_substitute(exact->pool, n->args[3], n->args[0], value));
        if (is_undef(term)) return term;
        terms[count++] = term;
    }
    return fold_terms(exact, node_new(exact->pool, n->op ? N_MUL : N_ADD, 0, terms, count));
}

static const Node *visit(void *exact, const Node *n) { return normal_form(exact, n); }

const Node *normal_form(Exact *exact, const Node *n) {
    if (!n->count || exact->fuel < 0) return n;
    exact->fuel -= 40;
    const Node *m = node_each(exact->pool, n, visit, exact);
    switch (m->kind) {
    case N_POW: return normal_power(exact, unit_value(exact, m->args[0], false), unit_value(exact, m->args[1], false));
    case N_ADD: case N_MUL: return fold_terms(exact, m);
    case N_FUNC: return fold_function(exact, m);
    case N_BIG: return fold_big(exact, m);
    default: return m;
    }
}

typedef struct Branch {
    NodePool *pool;
    int sign; // that \pm takes
} Branch;

static const Node *branch(void *context, const Node *n) {
    const Branch *to = context;
    if (n->kind != N_PM) return node_each(to->pool, n, branch, context);
    const Node *inner = branch(context, n->args[0]);
    return n->op * to->sign > 0 ? inner : node_negate(to->pool, inner);
}

const Node *normal_signs(NodePool *pool, const Node *n) {
    if (!node_any(n, is_pm)) return n;
    bool collects = n->kind == N_SET || n->kind == N_LIST;
    uint32_t count = collects ? n->count : 1, k = 0;
    const Node **out = pool_alloc(pool, (2 * count + 1) * sizeof *out);
    if (!out) return node_undef();
    for (uint32_t i = 0; i < count; i++) {
        const Node *item = collects ? n->args[i] : n;
        if (!node_any(item, is_pm)) {
            out[k++] = item;
            continue;
        }
        out[k++] = branch(&(Branch){pool, 1}, item);
        out[k++] = branch(&(Branch){pool, -1}, item);
    }
    return node_new(pool, collects ? (Kind)n->kind : N_LIST, collects ? n->op : LIST_OR, out, k);
}
