// Optional (math answers from data sets): powers and quotients of huge factorials; see normal.h.
//
// A huge power keeps one shape, s^e with the smallest rational s, so that equal towers become equal trees. Nothing is
// evaluated here that exact.h refuses.
#include "verify/normal.h"

enum { CANCEL = 1000 }; // factors written out between two factorials

static bool is_infinite(const Node *n) { return node_is_const(n, CONST_INF); }

static const Node *matrix_power(Exact *exact, const Node *base, const Node *e) {
    int64_t k;
    if (!node_fits(e, &k) || k < 1 || k > 16) return node_pow(exact->pool, base, e);
    const Node *m = base;
    while (m && --k) m = matrix_mul(exact, m, base);
    return m ? m : node_undef();
}

// The integer n > 1 as s^k with the largest k.
static const Node *smallest_base(Exact *exact, const Node *n, int64_t *k) {
    int64_t value;
    *k = 1;
    if (!node_fits(n, &value) || value < 4) return n;
    for (int64_t power = 61; power > 1; power--) {
        mpz_t root, view;
        mpz_init(root);
        bool whole = mpz_root(root, node_num(view, n), (unsigned long)power);
        int64_t s = (int64_t)mpz_get_ui(root);
        mpz_clear(root);
        if (whole) return *k = power, node_integer(exact->pool, s);
    }
    return n;
}

// base^e for rationals where the value is too large: 4^{10^{20}} -> 2^{2\cdot10^{20}}, (1/3)^e -> 3^{-e}.
static const Node *huge_power(Exact *exact, const Node *base, const Node *e) {
    int64_t k, sign = 1;
    if (base->num_size == 1 && base->num[0] == 1) {
        base = exact_pow(exact, base, node_integer(exact->pool, -1));
        if (!base) return NULL;
        sign = -1;
    }
    if (!node_is_integer(base) || node_sign(base) < 0) return NULL;
    const Node *s = smallest_base(exact, base, &k);
    const Node *exponent = exact_mul(exact, e, node_integer(exact->pool, sign * k));
    return exponent && (k > 1 || sign < 0) ? node_pow(exact->pool, s, exponent) : NULL;
}

static bool positive_power(const Node *n) { // a power of a positive rational
    return node_is(n, N_POW) && node_is(n->args[0], N_RAT) && node_sign(n->args[0]) > 0;
}

const Node *normal_power(Exact *exact, const Node *base, const Node *e) {
    if (node_any(base, is_infinite) || node_any(e, is_infinite)) return node_undef();
    if (node_is_int(e, 1) || node_is_int(base, 1)) return base;
    if (node_is_int(base, 0) && positive_power(e)) return base; // 0^{10^{10^{10}}}
    if (node_is(base, N_MATRIX)) return matrix_power(exact, base, e);
    bool inner = positive_power(base) && node_is(base->args[1], N_RAT);
    const Node *product = inner && node_is(e, N_RAT) ? exact_mul(exact, base->args[1], e) : NULL;
    if (product) return normal_power(exact, base->args[0], product); // (a^b)^c = a^{bc} for a > 0
    if (!node_is(base, N_RAT) || !node_is(e, N_RAT)) return node_pow(exact->pool, base, e);
    const Node *folded = exact_pow(exact, base, e);
    if (!folded) folded = huge_power(exact, base, e);
    return folded ? folded : node_pow(exact->pool, base, e);
}

static bool factorial_of(const Node *n, bool below, int64_t *value) { // n! or 1/n!
    if (below && (n->kind != N_POW || !node_is_int(n->args[1], -1))) return false;
    if (below) n = n->args[0];
    return n->kind == N_FUNC && n->op == FN_FACTORIAL && node_fits(n->args[0], value);
}

// a!/b! as a rational, for |a - b| small.
static const Node *quotient(Exact *exact, int64_t a, int64_t b) {
    int64_t low = a < b ? a : b, high = a < b ? b : a;
    if (high - low > CANCEL || low < 0) return NULL;
    const Node *product = node_integer(exact->pool, 1);
    for (int64_t k = low + 1; k <= high; k++) product = exact_mul(exact, product, node_integer(exact->pool, k));
    return product && a < b ? exact_pow(exact, product, node_integer(exact->pool, -1)) : product;
}

uint32_t normal_factorials(Exact *exact, const Node **factors, uint32_t count, const Node **rational) {
    int64_t a, b;
    for (uint32_t i = 0; i < count; i++) {
        if (!factorial_of(factors[i], false, &a)) continue;
        for (uint32_t j = 0; j < count; j++) {
            const Node *q = factorial_of(factors[j], true, &b) ? quotient(exact, a, b) : NULL;
            const Node *r = q && *rational ? exact_mul(exact, *rational, q) : q;
            if (!r) continue;
            *rational = r;
            uint32_t kept = 0;
            for (uint32_t k = 0; k < count; k++)
                if (k != i && k != j) factors[kept++] = factors[k];
            return normal_factorials(exact, factors, kept, rational);
        }
        if (*rational && a < INT64_MAX - 1 && node_is_int(*rational, a + 1)) { // 30000 \cdot 29999!
            *rational = NULL;
            factors[i] = node_1(exact->pool, N_FUNC, FN_FACTORIAL, node_integer(exact->pool, a + 1));
        }
    }
    return count;
}
