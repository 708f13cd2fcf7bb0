// Optional (math answers from data sets): real points around the kinks of two expressions.
//   |x-100| and 100-x   \max(x,3) and x   \sqrt{(x-50)^2} and x-50   |x+10^{40}|-10^{40} and x
//
// Between two kinks an expression is analytic, so agreement at random points of a piece is agreement in all of it. A
// piece without a point would be a loophole: an answer may be wrong there. So along a random line the zeros of every
// argument of an absolute value, even root, sign, minimum or maximum are found: exactly where it is a polynomial of
// degree two along the line, else by changes of sign on a grid. A point is put between any two of them.
#include "verify/ball_eval.h"
#include "verify/normal.h"

#include <stdlib.h>

enum { KINKS = 12, ZEROS = 24, ROOT_BITS = 256, WINDOW = 64, GRID = 24, LINES = 3, SEARCHES = 4, NEAR = 4, GRID_BITS = 64, BISECTIONS = 8 };

static bool may_be_square(const Node *n) { return n->kind == N_POW || (n->kind == N_MUL && n->count > 2); }

// A root of a square; \sqrt{x-100} has no kink where it is real.
static bool is_even_root(const Node *n) {
    bool power = n->kind == N_POW && node_is(n->args[1], N_RAT) && !(n->args[1]->den[0] & 1);
    bool root = n->kind == N_FUNC && n->op == FN_ROOT && !(node_is(n->args[1], N_RAT) && (n->args[1]->num[0] & 1));
    return (power || root) && (n->args[0]->kind == N_MUL || node_any(n->args[0], may_be_square));
}

static bool is_choice(const Node *n) { return n->kind == N_FUNC && (n->op == FN_MIN || n->op == FN_MAX); }

static bool is_kink(const Node *n) {
    return is_even_root(n) || is_choice(n) || (n->kind == N_FUNC && (n->op == FN_ABS || n->op == FN_SIGN));
}

// Beside kinks a pole makes pieces too, narrow ones: \max(8,\frac{x}{x^2-1}) is not 8 just right of 1.
static bool is_pole(const Node *n) {
    return n->kind == N_POW && node_is(n->args[1], N_RAT) && node_sign(n->args[1]) < 0 && !node_is(n->args[0], N_RAT);
}

static int add_kink(const Node *out[KINKS], int count, const Node *n) { // each once
    for (int i = 0; i < count; i++)
        if (node_identical(out[i], n)) return count;
    if (count < KINKS) out[count++] = n;
    return count;
}

// The expressions at whose zeros n may have kinks.
static int gather(NodePool *pool, const Node *n, const Node *out[KINKS], int count) {
    if (is_choice(n)) {
        for (uint32_t i = 1; i < n->count; i++)
            for (uint32_t j = 0; j < i; j++) count = add_kink(out, count, node_subtract(pool, n->args[i], n->args[j]));
    } else if (is_kink(n) || is_pole(n)) count = add_kink(out, count, n->args[0]);
    for (uint32_t i = 0; i < n->count; i++) count = gather(pool, n->args[i], out, count);
    return count;
}

typedef struct Zeros {
    const BallPoint *line;
    const Node *at[ZEROS]; // values of t
    int count, searches;
} Zeros;

static const Node *rounded(Exact *exact, const arb_t t) { // to 64 bits
    fmpq_t q;
    mpq_t view;
    arf_t middle;
    fmpq_init(q);
    mpq_init(view);
    arf_init(middle);
    arf_set_round(middle, arb_midref(t), 64, ARF_RND_NEAR);
    arf_get_fmpq(q, middle);
    fmpq_get_mpq(view, q);
    const Node *n = node_rational(exact->pool, view);
    arf_clear(middle);
    mpq_clear(view);
    fmpq_clear(q);
    return n;
}

static void add_zero(Zeros *zeros, const arb_t t) {
    bool usable = arb_is_finite(t) && mag_cmp_2exp_si(arb_radref(t), 0) < 0;
    usable = usable && arf_cmpabs_2exp_si(arb_midref(t), 4 * WINDOW + 4 * zeros->line->bits) < 0;
    const Node *zero = usable && zeros->count < ZEROS ? rounded(zeros->line->exact, t) : NULL;
    if (zero && node_is(zero, N_RAT)) zeros->at[zeros->count++] = zero;
}

// The zeros of the parabola through the values v at start, start + 1, start + 2; not when v[3] is off it.
static bool parabola(Zeros *zeros, acb_ptr v, const Node *start) {
    arb_ptr w = _arb_vec_init(4); // curvature / 2, slope, discriminant, zero
    arb_srcptr g[4] = {acb_realref(v), acb_realref(v + 1), acb_realref(v + 2), acb_realref(v + 3)};
    arb_t third, from;
    fmpz_t t0;
    arb_init(third);
    arb_init(from);
    fmpz_init(t0);
    arb_sub(w, g[2], g[1], ROOT_BITS);
    arb_sub(third, g[1], g[2], ROOT_BITS);
    arb_mul_ui(third, third, 3, ROOT_BITS);
    arb_add(third, third, g[3], ROOT_BITS);
    arb_sub(third, third, g[0], ROOT_BITS);
    arb_sub(w, w, g[1], ROOT_BITS);
    arb_add(w, w, g[0], ROOT_BITS);
    arb_mul_2exp_si(w, w, -1);
    arb_sub(w + 1, g[1], g[0], ROOT_BITS);
    arb_sub(w + 1, w + 1, w, ROOT_BITS);
    mpz_t view;
    fmpz_set_mpz(t0, node_num(view, start));
    arb_set_fmpz(from, t0);
    bool parabolic = arb_contains_zero(third);
    if (parabolic && arb_contains_zero(w)) {
        arb_div(w + 3, g[0], w + 1, ROOT_BITS);
        arb_sub(w + 3, from, w + 3, ROOT_BITS);
        add_zero(zeros, w + 3);
    } else if (parabolic) {
        arb_mul(w + 2, w, g[0], ROOT_BITS);
        arb_mul_2exp_si(w + 2, w + 2, 2);
        arb_neg(w + 2, w + 2);
        arb_addmul(w + 2, w + 1, w + 1, ROOT_BITS);
        arb_mul_2exp_si(w, w, 1);
        for (int sign = -1; sign <= 1; sign++) {
            if (sign && !arb_is_positive(w + 2)) continue;
            arb_sqrt(w + 3, w + 2, ROOT_BITS);
            arb_mul_si(w + 3, w + 3, sign, ROOT_BITS);
            if (!sign) arb_zero(w + 3);
            arb_sub(w + 3, w + 3, w + 1, ROOT_BITS);
            arb_div(w + 3, w + 3, w, ROOT_BITS);
            arb_add(w + 3, w + 3, from, ROOT_BITS);
            add_zero(zeros, w + 3);
        }
    }
    fmpz_clear(t0);
    arb_clear(from);
    arb_clear(third);
    _arb_vec_clear(w, 4);
    return parabolic;
}

// The sign of g at t: 2 where it is not real.
static int sign_at(const BallPoint *line, const Node *g, const Node *t) {
    BallPoint point = *line;
    BallContext ev = {.point = &point, .prec = GRID_BITS};
    acb_t v;
    acb_init(v);
    point.t = t;
    bool real = ball_eval(v, g, &ev) && acb_is_real(v);
    int sign = arb_is_positive(acb_realref(v)) - arb_is_negative(acb_realref(v));
    acb_clear(v);
    return real ? sign : 2;
}

// Between neighbours of the grid -36 ... -1/4, -1/16, 0, 1/16, 1/4, 9/16 ... 36: where g changes its sign or is not real.
static void search_zeros(Zeros *zeros, const Node *g) {
    Exact *exact = zeros->line->exact;
    const Node *last = NULL, *one = node_integer(exact->pool, 1);
    int before = 0;
    for (int k = -GRID; k <= GRID && zeros->count < ZEROS; k++) {
        const Node *t = exact_scale(exact, one, (int64_t)k * abs(k), 16, 0);
        int now = t ? sign_at(zeros->line, g, t) : 0;
        if (last && t && now != before) {
            const Node *lo = last, *hi = t;
            for (int i = 0; i < BISECTIONS && lo && hi; i++) {
                const Node *sum = exact_add(exact, lo, hi), *middle = sum ? exact_scale(exact, sum, 1, 2, 0) : NULL;
                if (middle && sign_at(zeros->line, g, middle) == before) lo = middle;
                else hi = middle;
            }
            if (hi && zeros->count < ZEROS) zeros->at[zeros->count++] = hi;
        }
        last = t;
        before = now;
    }
}

// Zeros of g along the line, as seen from its middle and from both ends: there |t| has other slopes.
static void find_zeros(Zeros *zeros, const Node *g) {
    Exact *exact = zeros->line->exact;
    acb_ptr v = _acb_vec_init(4);
    for (int window = -1; window <= 1; window++) {
        int size = WINDOW + zeros->line->bits; // beyond all constants
        const Node *far = exact_pow(exact, node_integer(exact->pool, 2), node_integer(exact->pool, size));
        const Node *start = exact_mul(exact, far, node_integer(exact->pool, window));
        bool real = start;
        for (int i = 0; i < 4 && real; i++) {
            BallPoint point = *zeros->line;
            BallContext ev = {.point = &point, .prec = ROOT_BITS + 2 * size};
            point.t = exact_add(exact, start, node_integer(exact->pool, i));
            real = point.t && ball_eval(v + i, g, &ev) && acb_is_real(v + i);
        }
        bool smooth = real && parabola(zeros, v, start);
        if (!window && !smooth && zeros->searches++ < SEARCHES) search_zeros(zeros, g);
    }
    _acb_vec_clear(v, 4);
}

static int by_value(const void *a, const void *b) {
    return exact_compare(*(const Node *const *)a, *(const Node *const *)b);
}

// Another name than *first in n.
static bool has_another(const Node *n, const Node **first) {
    if (node_is(n, N_SYM)) {
        if (*first && !node_identical(*first, n)) return true;
        *first = n;
    }
    for (uint32_t i = 0; i < n->count; i++)
        if (has_another(n->args[i], first)) return true;
    return false;
}

static int add_point(const Zeros *zeros, BallPoint *out, int count, const Node *t) {
    if (!t || count == POINTS) return count;
    out[count] = *zeros->line;
    out[count].t = t;
    return count + 1;
}

// Points in the pieces of one line: between any two zeros, and on both sides close to each.
static int add_pieces(const Zeros *zeros, BallPoint *out, int count) {
    static const int DISTANCE[NEAR] = {-64, -1, 1, 64}; // in 256ths
    Exact *exact = zeros->line->exact;
    const Node *one = node_integer(exact->pool, 1), *last = NULL;
    for (int i = 0; i < zeros->count; i++) {
        const Node *zero = zeros->at[i];
        if (last && !exact_compare(last, zero)) continue;
        for (int k = 0; k < NEAR; k++)
            count = add_point(zeros, out, count, exact_add(exact, zero, exact_scale(exact, one, DISTANCE[k], 256, 0)));
        const Node *sum = last ? exact_add(exact, last, zero) : NULL;
        if (sum) count = add_point(zeros, out, count, exact_scale(exact, sum, 1, 2, 0));
        last = zero;
    }
    return count;
}

int ball_points(const BallPoint *base, const Node *a, const Node *b, BallPoint out[POINTS]) {
    const Node *kink[KINKS], *name = NULL;
    Exact *exact = base->exact;
    bool kinked = node_any(a, is_kink) || node_any(b, is_kink);
    bool several = kinked && (has_another(a, &name) || has_another(b, &name));
    int count = 0, scattered = SCATTERED + (kinked ? FAR + (several ? 3 * MIXED : MIXED) : 0);
    for (; count < scattered; count++) {
        out[count] = *base;
        out[count].kind = POINT_REAL;
        out[count].index = count;
    }
    if (!kinked) return count;
    int kinks = gather(exact->pool, b, kink, gather(exact->pool, a, kink, 0));
    for (int line = 0; line < (several ? LINES : 1); line++) {
        BallPoint point = *base;
        point.kind = POINT_LINE;
        point.index = line;
        Zeros zeros = {.line = &point, .searches = line ? SEARCHES : 0};
        for (int i = 0; i < kinks; i++) find_zeros(&zeros, kink[i]);
        qsort(zeros.at, (size_t)zeros.count, sizeof *zeros.at, by_value);
        count = add_pieces(&zeros, out, count);
    }
    return count;
}
