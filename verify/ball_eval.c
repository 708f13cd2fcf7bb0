// Optional (math answers from data sets): evaluates a tree to a complex ball; see ball_eval.h.
#include "verify/ball_eval.h"

#include "verify/probe.h"

#include <math.h>
#include <string.h>

enum { HUGE_BITS = 40, LINE_BITS = 65536 }; // exponents and function arguments stay below 2^40

static bool note(acb_t z, BallContext *ev) { // keeps track of the size of intermediate values
    if (!acb_is_finite(z)) return false;
    bool real = ev->point->kind == POINT_REAL || ev->point->kind == POINT_LINE;
    if (real && !acb_is_real(z)) return ev->unreal = !arb_contains_zero(acb_imagref(z)), false; // else too imprecise
    mag_t m;
    mag_init(m);
    acb_get_mag(m, z);
    double size = mag_is_zero(m) || acb_contains_zero(z) ? 0 : mag_get_d_log2_approx(m);
    mag_clear(m);
    ev->magnitude = fmax(ev->magnitude, fabs(size));
    ev->smallest = fmax(ev->smallest, -size);
    return true;
}

static void power_of(acb_t out, const acb_t base, const Node *e, slong prec) { // the numerator of e as exponent
    fmpz_t k;
    mpz_t view;
    fmpz_init(k);
    fmpz_set_mpz(k, node_num(view, e));
    acb_pow_fmpz(out, base, k, prec);
    fmpz_clear(k);
}

static void set_rational(acb_t out, const Node *n, slong prec) {
    fmpq_t q;
    mpz_t view;
    fmpq_init(q);
    fmpz_set_mpz(fmpq_numref(q), node_num(view, n));
    fmpz_set_mpz(fmpq_denref(q), node_den(view, n));
    acb_set_fmpq(out, q, prec);
    fmpq_clear(q);
}

static double unit_interval(uint64_t hash) { return (double)(hash >> 24) / (double)(UINT64_C(1) << 40); } // [0, 1)

// A fixed pseudo-random value at this point, with 40 binary places.
static double coordinate(uint64_t hash, const BallPoint *point) {
    static const double FAR_SCALES[FAR / 2] = {0.5, 1, 2, 6, 40, 3e3, 2e6, 4e9, 1e16, 1e48};
    double u = unit_interval(hash), sign = hash & 1 ? 1 : -1;
    int i = point->index;
    if (point->kind == POINT_INTEGER) return 7 + (double)(hash % 54);
    if (point->kind == POINT_CONSTANT) return 1 + u;
    if (i < 4) return 1.125 + 2.75 * u;
    if (i < 6) return -(0.375 + 2.75 * u);
    if (i < 9) return 0.0625 + 0.875 * u;
    if (i < 10) return 20 + 60 * u;
    if (i < SCATTERED) return sign * (0.25 + 3 * u);
    if (i >= SCATTERED + FAR) { // MIXED: every name has a size of its own
        int size = (int)((i % 2 ? 11 : 27) * u) - 5;
        return sign * ldexp(1 + unit_interval(probe_mix(hash, 3)), size);
    }
    return (i % 2 ? sign : -sign) * FAR_SCALES[(i - SCATTERED) / 2 % (FAR / 2)] * (1 + u); // of both signs
}

// v + tu with random v and u, on a line of points.
static void set_on_line(acb_t out, uint64_t seed, const Node *n, const BallPoint *point) {
    bool axis = point->axis && node_identical(n, point->axis);
    const Node *t = axis && point->index == 2 ? point->stay : point->t;
    int line = axis && point->index == 2 ? 1 : point->index;
    uint64_t hash = probe_hash_text(probe_mix(seed, (uint64_t)line + 1000), n->text, n->text_len);
    if (point->axis && line == 1 && !axis) return acb_set_d(out, 0.5 + 2 * unit_interval(hash));
    arb_t u;
    arb_init(u);
    set_rational(out, t, LINE_BITS);
    arb_set_d(u, (hash & 1 ? 1 : -1) * (0.5 + unit_interval(hash)));
    arb_mul(acb_realref(out), acb_realref(out), u, LINE_BITS);
    arb_set_d(u, 2 * unit_interval(probe_mix(hash, 2)) - 1);
    arb_add(acb_realref(out), acb_realref(out), u, LINE_BITS);
    arb_clear(u);
}

static void set_name(acb_t out, uint64_t seed, const Node *n, const BallPoint *point) {
    if (point->kind == POINT_LINE && n->text) return set_on_line(out, seed, n, point);
    bool pair = point->index >= SCATTERED && point->index < SCATTERED + FAR; // of the same size, with other signs
    int index = pair ? point->index / 2 * 2 : point->index;
    uint64_t hash = probe_mix(probe_mix(seed, (uint64_t)point->kind * 64 + (uint64_t)index), n->kind);
    if (n->text) hash = probe_hash_text(hash, n->text, n->text_len);
    acb_set_d(out, coordinate(hash, point));
    bool complex = point->kind == POINT_COMPLEX && n->text && strchr("zw", *n->text);
    if (complex) arb_set_d(acb_imagref(out), coordinate(probe_mix(hash, 1), point));
}

// An unknown function: its value depends on the residues of its arguments, so f(x+1) = f(1+x).
static void set_opaque(acb_t out, const Node *n, const BallPoint *point) {
    Probe probe = {.field = point->field, .point = 7 + point->index};
    uint64_t hash = point->field.seed;
    for (uint32_t i = 0; i < n->count; i++) hash = probe_mix(hash, probe_value(&probe, n->args[i]));
    set_name(out, hash, n, point);
}

static bool constant(acb_t out, const Node *n, slong prec) {
    switch (n->op) {
    case CONST_PI: acb_const_pi(out, prec); return true;
    case CONST_E: arb_const_e(acb_realref(out), prec); arb_zero(acb_imagref(out)); return true;
    case CONST_I: acb_onei(out); return true;
    default: return false;
    }
}

static bool too_large(const acb_t z) {
    mag_t m;
    mag_init(m);
    acb_get_mag(m, z);
    bool large = mag_cmp_2exp_si(m, HUGE_BITS) > 0;
    mag_clear(m);
    return large;
}

// Negative real base, exponent p/q with odd q: the real root, as schools have it. (-8)^{1/3} = -2
static bool odd_root(acb_t out, const acb_t base, const Node *e, BallContext *ev) {
    if (!node_is(e, N_RAT) || e->den_size != 1 || !(e->den[0] & 1) || e->den[0] > 1000) return false;
    if (!acb_is_real(base) || !arb_is_negative(acb_realref(base))) return false;
    acb_neg(out, base);
    arb_root_ui(acb_realref(out), acb_realref(out), e->den[0], ev->prec);
    acb_neg(out, out);
    power_of(out, out, e, ev->prec);
    return true;
}

static bool eval_power(acb_t out, const Node *n, BallContext *ev) {
    acb_t base, e;
    acb_init(base);
    acb_init(e);
    bool ok = ball_eval(base, n->args[0], ev) && ball_eval(e, n->args[1], ev);
    if (ok && too_large(e)) ok = false, ev->huge = true;
    if (ok && acb_is_zero(base)) ok = acb_is_real(e) && arb_is_positive(acb_realref(e)), acb_zero(out);
    else if (ok && node_is_integer(n->args[1])) power_of(out, base, n->args[1], ev->prec);
    else if (ok && !odd_root(out, base, n->args[1], ev)) acb_pow(out, base, e, ev->prec);
    acb_clear(base);
    acb_clear(e);
    return ok;
}

static bool eval_terms(acb_t out, const Node *n, BallContext *ev) {
    acb_t term;
    acb_init(term);
    bool ok = true;
    acb_set_si(out, n->kind == N_MUL);
    for (uint32_t i = 0; i < n->count && ok; i++) {
        ok = ball_eval(term, n->args[i], ev);
        if (ok && n->kind == N_MUL) acb_mul(out, out, term, ev->prec);
        if (ok && n->kind == N_ADD) acb_add(out, out, term, ev->prec);
    }
    acb_clear(term);
    return ok;
}

static bool takes_any_size(int fn) {
    return fn == FN_ROOT || fn == FN_LN || fn == FN_LOG || fn == FN_ABS || fn == FN_MIN || fn == FN_MAX;
}

static bool eval_function(acb_t out, const Node *n, BallContext *ev) {
    if (n->count > 8) return false;
    acb_ptr args = _acb_vec_init(n->count);
    bool ok = true;
    for (uint32_t i = 0; i < n->count && ok; i++) {
        ok = ball_eval(args + i, n->args[i], ev);
        if (ok && too_large(args + i) && !takes_any_size(n->op)) ok = false, ev->huge = true;
    }
    ok = ok && ball_function(out, n->op, args, n->count, ev);
    _acb_vec_clear(args, n->count);
    return ok;
}

bool ball_eval(acb_t out, const Node *n, BallContext *ev) {
    Exact *exact = ev->point->exact;
    exact->fuel -= 50 + ev->prec / 16;
    bool cheap = n->kind == N_FUNC ? n->op == FN_ABS || n->op == FN_MIN || n->op == FN_MAX || n->op == FN_SIGN
                                   : n->kind == N_POW && node_is_integer(n->args[1]) && n->args[1]->num_size < 2;
    if ((n->kind == N_FUNC || n->kind == N_POW) && !cheap) exact->fuel -= 200 + ev->prec * ev->prec / 200;
    if (n->kind == N_FUNC && (n->op == FN_FACTORIAL || n->op == FN_BINOMIAL))
        exact->fuel -= ev->prec * ev->prec / 20; // Bernoulli numbers
    if (exact->fuel < 0) return ev->huge = true, false;
    bool ok;
    switch (n->kind) {
    case N_RAT: set_rational(out, n, ev->prec); return note(out, ev);
    case N_CONST: return constant(out, n, ev->prec);
    case N_SYM: case N_TEXT: set_name(out, ev->point->field.seed, n, ev->point); return true;
    case N_APPLY: set_opaque(out, n, ev->point); return true;
    case N_ADD: case N_MUL: ok = eval_terms(out, n, ev); break;
    case N_POW: ok = eval_power(out, n, ev); break;
    case N_FUNC: ok = eval_function(out, n, ev); break;
    case N_UNIT: return ball_eval(out, n->args[0], ev);
    case N_BIG: return ev->huge = true, false;
    default: return false;
    }
    return ok && note(out, ev);
}
