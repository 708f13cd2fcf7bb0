// Optional (math answers from data sets): exact functions of rationals; see exact.h.
//   floor(7/2) = 3   5! = 120   6!! = 48   C(52,5) = 2598960   -7 mod 3 = 2   gcd(12,18) = 6
#include "verify/exact.h"

#include <stdlib.h>

static const Node *from_mpz(Exact *exact, mpz_t z) {
    mpq_t q;
    mpq_init(q);
    mpq_set_z(q, z);
    const Node *n = mpz_sizeinbase(z, 2) <= EXACT_BITS ? node_rational(exact->pool, q) : NULL;
    mpq_clear(q);
    mpz_clear(z);
    return n;
}

static const Node *rounded(Exact *exact, int fn, const Node *a) {
    mpz_t num, den, out;
    mpz_init(out);
    if (fn == FN_FLOOR) mpz_fdiv_q(out, node_num(num, a), node_den(den, a));
    else mpz_cdiv_q(out, node_num(num, a), node_den(den, a));
    return from_mpz(exact, out);
}

static const Node *factorial(Exact *exact, int fn, const Node *a) {
    int64_t n;
    if (!node_is_integer(a)) return NULL;
    if (node_sign(a) < 0) return node_undef();
    if (!node_fits(a, &n) || n > FACTORIAL_MAX || !exact_spend(exact, n * 40)) return NULL;
    mpz_t out;
    mpz_init(out);
    if (fn == FN_FACTORIAL) mpz_fac_ui(out, (unsigned long)n);
    else mpz_2fac_ui(out, (unsigned long)n);
    return from_mpz(exact, out);
}

static const Node *binomial(Exact *exact, const Node *a, const Node *b) {
    int64_t n, k;
    if (!node_is_integer(a) || !node_is_integer(b)) return NULL;
    if (node_sign(b) < 0) return node_integer(exact->pool, 0);
    if (!node_fits(b, &k) || !node_fits(a, &n)) return NULL;
    if (n >= 0 && k > n) return node_integer(exact->pool, 0);
    if (n >= 0 && n - k < k) k = n - k;
    int64_t bits = 64 - __builtin_clzll((unsigned long long)llabs((long long)n) | 1);
    if (k > FACTORIAL_MAX || k * bits > EXACT_BITS || !exact_spend(exact, k * 80)) return NULL;
    mpz_t top, out;
    mpz_init(out);
    mpz_bin_ui(out, node_num(top, a), (unsigned long)k);
    return from_mpz(exact, out);
}

static const Node *remainder_of(Exact *exact, const Node *a, const Node *m) { // a - m floor(a/m)
    if (!node_sign(m)) return node_undef();
    const Node *minus_one = node_integer(exact->pool, -1);
    const Node *quotient = exact_mul(exact, a, exact_pow(exact, m, minus_one));
    const Node *whole = quotient ? rounded(exact, FN_FLOOR, quotient) : NULL;
    return exact_add(exact, a, exact_mul(exact, minus_one, exact_mul(exact, whole, m)));
}

static const Node *common_divisor(Exact *exact, int fn, const Node *const *args, uint32_t count) {
    mpz_t out, x;
    mpz_init(out);
    mpz_set_ui(out, fn == FN_LCM);
    for (uint32_t i = 0; i < count; i++) {
        int64_t cost = exact_gcd_cost((int64_t)mpz_size(out), abs(args[i]->num_size));
        bool small = mpz_sizeinbase(out, 2) <= 65536 && abs(args[i]->num_size) <= 1024;
        if (!node_is_integer(args[i]) || !small || !exact_spend(exact, cost)) {
            mpz_clear(out);
            return NULL;
        }
        if (fn == FN_GCD) mpz_gcd(out, out, node_num(x, args[i]));
        else mpz_lcm(out, out, node_num(x, args[i]));
    }
    return from_mpz(exact, out);
}

static const Node *extreme(int fn, const Node *const *args, uint32_t count) {
    const Node *best = args[0];
    for (uint32_t i = 1; i < count; i++) {
        int order = exact_compare(args[i], best);
        if (fn == FN_MIN ? order < 0 : order > 0) best = args[i];
    }
    return best;
}

const Node *exact_function(Exact *exact, int fn, const Node *const *args, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (!node_is(args[i], N_RAT)) return NULL;
    if (!count) return NULL;
    switch (fn) {
    case FN_FLOOR: case FN_CEIL: return rounded(exact, fn, args[0]);
    case FN_ABS: return node_sign(args[0]) < 0 ? exact_mul(exact, args[0], node_integer(exact->pool, -1)) : args[0];
    case FN_SIGN: return node_integer(exact->pool, node_sign(args[0]));
    case FN_RE: return args[0];
    case FN_IM: return node_integer(exact->pool, 0);
    case FN_FACTORIAL: case FN_DOUBLE_FACTORIAL: return factorial(exact, fn, args[0]);
    case FN_BINOMIAL: return count == 2 ? binomial(exact, args[0], args[1]) : NULL;
    case FN_MOD: return count == 2 ? remainder_of(exact, args[0], args[1]) : NULL;
    case FN_GCD: case FN_LCM: return common_divisor(exact, fn, args, count);
    case FN_MIN: case FN_MAX: return extreme(fn, args, count);
    default: return NULL;
    }
}
