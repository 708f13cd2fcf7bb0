// Optional (math answers from data sets): known functions on complex balls; see ball_eval.h.
#include "verify/ball_eval.h"

// \sqrt[n]{x}: real root of a negative number for odd n, principal value otherwise.
static bool root(acb_ptr out, acb_srcptr x, acb_srcptr degree, slong prec) {
    arb_t real;
    arb_init(real);
    acb_get_real(real, degree);
    bool natural = acb_is_real(degree) && arb_is_int(real) && arb_is_positive(real);
    natural = natural && arf_cmp_si(arb_midref(real), 100000) < 0;
    slong n = natural ? arf_get_si(arb_midref(real), ARF_RND_NEAR) : 0;
    acb_get_real(real, x);
    if (natural && n % 2 && acb_is_real(x) && arb_is_negative(real)) {
        acb_neg(out, x);
        acb_root_ui(out, out, (ulong)n, prec);
        acb_neg(out, out);
    } else if (natural) acb_root_ui(out, x, (ulong)n, prec);
    else {
        acb_t e;
        acb_init(e);
        acb_inv(e, degree, prec);
        acb_pow(out, x, e, prec);
        acb_clear(e);
    }
    arb_clear(real);
    return true;
}

static bool logarithm(acb_t out, acb_srcptr args, uint32_t count, BallContext *ev) {
    if (acb_contains_zero(args)) return false;
    acb_log(out, args, ev->prec);
    acb_t base;
    acb_init(base);
    bool ok = true;
    if (count == 2) {
        ok = !acb_contains_zero(args + 1);
        if (ok) acb_log(base, args + 1, ev->prec);
    } else if (ev->point->natural_log) acb_one(base);
    else {
        acb_set_ui(base, 10);
        acb_log(base, base, ev->prec);
    }
    if (ok) acb_div(out, out, base, ev->prec);
    acb_clear(base);
    return ok;
}

// Functions of reals that jump: their ball must lie on one side.
static bool stepped(acb_t out, int fn, acb_srcptr args, uint32_t count, slong prec) {
    for (uint32_t i = 0; i < count; i++)
        if (!acb_is_real(args + i)) return false;
    arb_ptr x = acb_realref(out);
    arb_srcptr a = acb_realref(args);
    acb_zero(out);
    switch (fn) {
    case FN_FLOOR: arb_floor(x, a, prec); return arb_is_exact(x);
    case FN_CEIL: arb_ceil(x, a, prec); return arb_is_exact(x);
    case FN_SIGN: arb_sgn(x, a); return arb_is_exact(x);
    case FN_MOD: {
        if (count != 2 || arb_contains_zero(acb_realref(args + 1))) return false;
        arb_t q;
        arb_init(q);
        arb_div(q, a, acb_realref(args + 1), prec);
        arb_floor(q, q, prec);
        bool exact = arb_is_exact(q);
        arb_mul(q, q, acb_realref(args + 1), prec);
        arb_sub(x, a, q, prec);
        arb_clear(q);
        return exact;
    }
    case FN_MIN: case FN_MAX:
        arb_set(x, a);
        for (uint32_t i = 1; i < count; i++) (fn == FN_MIN ? arb_min : arb_max)(x, x, acb_realref(args + i), prec);
        return true;
    default: return false; // gcd and lcm: integers only, folded by normal.h
    }
}

static bool factorials(acb_t out, int fn, acb_srcptr args, uint32_t count, slong prec) {
    acb_t x, y;
    acb_init(x);
    acb_init(y);
    acb_add_ui(x, args, 1, prec);
    bool ok = fn != FN_DOUBLE_FACTORIAL;
    if (fn == FN_FACTORIAL) acb_gamma(out, x, prec);
    else if (fn == FN_BINOMIAL && count == 2) { // n! / (k! (n-k)!) by reciprocal gammas, entire in k
        acb_gamma(out, x, prec);
        acb_add_ui(y, args + 1, 1, prec);
        acb_rgamma(y, y, prec);
        acb_mul(out, out, y, prec);
        acb_sub(x, x, args + 1, prec);
        acb_rgamma(x, x, prec);
        acb_mul(out, out, x, prec);
    } else ok = false;
    acb_clear(x);
    acb_clear(y);
    return ok;
}

static bool inverse(acb_ptr out, int fn, acb_srcptr x, slong prec) { // arccot and friends by 1/x
    acb_t y;
    acb_init(y);
    acb_inv(y, x, prec);
    if (fn == FN_ACOT) acb_atan(out, y, prec);
    else if (fn == FN_ASEC) acb_acos(out, y, prec);
    else acb_asin(out, y, prec);
    acb_clear(y);
    return true;
}

bool ball_function(acb_t out, int fn, acb_srcptr args, uint32_t count, BallContext *ev) {
    static void (*const ONE[FN_COUNT])(acb_t, const acb_t, slong) = {
        [FN_SIN] = acb_sin, [FN_COS] = acb_cos, [FN_TAN] = acb_tan, [FN_COT] = acb_cot, [FN_SEC] = acb_sec,
        [FN_CSC] = acb_csc, [FN_ASIN] = acb_asin, [FN_ACOS] = acb_acos, [FN_ATAN] = acb_atan, [FN_SINH] = acb_sinh,
        [FN_COSH] = acb_cosh, [FN_TANH] = acb_tanh, [FN_ASINH] = acb_asinh, [FN_ACOSH] = acb_acosh,
        [FN_ATANH] = acb_atanh, [FN_EXP] = acb_exp};
    slong prec = ev->prec;
    if (fn < FN_COUNT && ONE[fn] && count == 1) {
        ONE[fn](out, args, prec);
        return true;
    }
    switch (fn) {
    case FN_ACOT: case FN_ASEC: case FN_ACSC: return inverse(out, fn, args, prec);
    case FN_LN: case FN_LOG: {
        BallContext natural = *ev;
        BallPoint point = *ev->point;
        point.natural_log = fn == FN_LN || point.natural_log;
        natural.point = &point;
        return logarithm(out, args, count, &natural);
    }
    case FN_ROOT: return count == 2 && root(out, args, args + 1, prec);
    case FN_ABS: acb_abs(acb_realref(out), args, prec); arb_zero(acb_imagref(out)); return true;
    case FN_RE: arb_set(acb_realref(out), acb_realref(args)); arb_zero(acb_imagref(out)); return true;
    case FN_IM: arb_set(acb_realref(out), acb_imagref(args)); arb_zero(acb_imagref(out)); return true;
    case FN_ARG: acb_arg(acb_realref(out), args, prec); arb_zero(acb_imagref(out)); return true;
    case FN_FACTORIAL: case FN_DOUBLE_FACTORIAL: case FN_BINOMIAL:
        return factorials(out, fn, args, count, prec);
    default: return stepped(out, fn, args, count, prec);
    }
}
