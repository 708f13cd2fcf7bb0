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

enum { KINKS = 12, ZEROS = 24, ROOT_BITS = 256, WINDOW = 64 };
enum { GRID = 24, GRID_BITS = 64, BISECTIONS = 8, CELLS = 6, SEARCHES = 4, NEAR = 6 };

static bool is_even_root(const Node *n) {
    if (n->kind == N_POW) return node_is(n->args[1], N_RAT) && !(n->args[1]->den[0] & 1);
    return n->kind == N_FUNC && n->op == FN_ROOT && !(node_is(n->args[1], N_RAT) && (n->args[1]->num[0] & 1));
}

static bool is_choice(const Node *n) { return n->kind == N_FUNC && (n->op == FN_MIN || n->op == FN_MAX); }

static bool is_kink(const Node *n) {
    return is_choice(n) || (n->kind == N_FUNC && (n->op == FN_ABS || n->op == FN_SIGN));
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
    } else if (is_kink(n) || is_even_root(n) || is_pole(n)) count = add_kink(out, count, n->args[0]);
    for (uint32_t i = 0; i < n->count; i++) count = gather(pool, n->args[i], out, count);
    return count;
}

typedef struct Zeros {
    const BallPoint *line;
    const Node *at[ZEROS]; // values of t
    int count, searches;
} Zeros;

static const Node *rounded(Exact *exact, const arb_t t, int bits) { // to 64 more bits
    fmpq_t q;
    mpq_t view;
    arf_t middle;
    fmpq_init(q);
    mpq_init(view);
    arf_init(middle);
    arf_set_round(middle, arb_midref(t), 64 + bits, ARF_RND_NEAR);
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
    const Node *zero = usable && zeros->count < ZEROS ? rounded(zeros->line->exact, t, zeros->line->bits) : NULL;
    if (zero && node_is(zero, N_RAT)) zeros->at[zeros->count++] = zero;
}

typedef enum Shape { PARABOLA, SQUARE, OTHER } Shape; // along a line; a SQUARE has a double zero

// The zeros of the parabola through the values v at start, start + 1, start + 2; OTHER when v[3] is off it.
static Shape parabola(Zeros *zeros, acb_ptr v, const Node *start, slong prec) {
    arb_ptr w = _arb_vec_init(5), discriminant = w + 2, zero = w + 3, from = w + 4; // w: twice the curvature, the slope
    arb_srcptr g[4] = {acb_realref(v), acb_realref(v + 1), acb_realref(v + 2), acb_realref(v + 3)};
    arb_sub(zero, g[1], g[2], prec);
    arb_mul_ui(zero, zero, 3, prec);
    arb_add(zero, zero, g[3], prec);
    arb_sub(zero, zero, g[0], prec); // the third difference
    Shape shape = arb_contains_zero(zero) ? PARABOLA : OTHER;
    arb_add(w, g[2], g[0], prec);
    arb_submul_ui(w, g[1], 2, prec);
    arb_mul_2exp_si(zero, w, -1);
    arb_sub(w + 1, g[1], g[0], prec);
    arb_sub(w + 1, w + 1, zero, prec);
    mpz_t view;
    arf_set_mpz(arb_midref(from), node_num(view, start));
    if (shape == PARABOLA && arb_contains_zero(w)) {
        arb_div(zero, g[0], w + 1, prec);
        arb_sub(zero, from, zero, prec);
        add_zero(zeros, zero);
    } else if (shape == PARABOLA) {
        arb_mul(discriminant, w, g[0], prec);
        arb_mul_2exp_si(discriminant, discriminant, 1);
        arb_neg(discriminant, discriminant);
        arb_addmul(discriminant, w + 1, w + 1, prec);
        if (arb_contains_zero(discriminant)) shape = SQUARE;
        for (int sign = -1; sign <= 1; sign++) { // 0: the vertex
            if (sign && !arb_is_positive(discriminant)) continue;
            arb_zero(zero);
            if (sign) arb_sqrt(zero, discriminant, prec);
            arb_mul_si(zero, zero, sign, prec);
            arb_sub(zero, zero, w + 1, prec);
            arb_div(zero, zero, w, prec);
            arb_add(zero, zero, from, prec);
            add_zero(zeros, zero);
        }
    }
    _arb_vec_clear(w, 5);
    return shape;
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

// Between neighbours of the grid -36 ... -1/4, -1/16, 0, 1/16, 1/4, 9/16 ... 36: where g changes its sign or ends.
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

// The zeros of g's parabola as seen from `window`: 0 the middle of the line, -1 and 1 its ends, beyond all constants.
static Shape zeros_from(Zeros *zeros, const Node *g, int window) {
    Exact *exact = zeros->line->exact;
    int size = WINDOW + zeros->line->bits;
    acb_ptr v = _acb_vec_init(4);
    const Node *far = exact_pow(exact, node_integer(exact->pool, 2), node_integer(exact->pool, size));
    const Node *start = exact_mul(exact, far, node_integer(exact->pool, window));
    BallPoint point = *zeros->line;
    BallContext ev = {.point = &point, .prec = window ? ROOT_BITS + 2 * size : ROOT_BITS};
    bool real = start;
    for (int i = 0; i < 4 && real; i++) {
        point.t = exact_add(exact, start, node_integer(exact->pool, i));
        real = point.t && ball_eval(v + i, g, &ev) && acb_is_real(v + i);
    }
    Shape shape = real ? parabola(zeros, v, start, ev.prec) : OTHER;
    _acb_vec_clear(v, 4);
    return shape;
}

static void find_zeros(Zeros *zeros, const Node *g) {
    bool smooth = zeros_from(zeros, g, 0) != OTHER;
    if (!smooth && zeros->searches++ < SEARCHES) search_zeros(zeros, g);
    bool bends = !smooth || node_any(g, is_kink) || node_any(g, is_even_root);
    bends = bends && zeros->line->index < 2; // cells are many
    for (int end = -1; end <= 1 && bends; end += 2) zeros_from(zeros, g, end); // |t| has other slopes there
}

static int by_value(const void *a, const void *b) {
    return exact_compare(*(const Node *const *)a, *(const Node *const *)b);
}

static bool is_odd_product(const Node *n) { // 4/m: no square
    bool odd = n->kind == N_POW && node_is_integer(n->args[1]) && n->args[1]->num_size && (n->args[1]->num[0] & 1);
    if (n->kind != N_MUL) return node_is(n, N_RAT) || node_is(n, N_SYM) || (odd && node_is(n->args[0], N_SYM));
    return n->count == 2 && is_odd_product(n->args[0]) && is_odd_product(n->args[1]) && node_is(n->args[0], N_RAT);
}

// Roots have kinks only where they are roots of squares: \sqrt{(x-50)^2}, not \sqrt{x-50} or \sqrt{x^2+1}.
static bool has_root_of_square(const BallPoint *line, const Node *n) {
    Zeros zeros = {.line = line};
    if (is_even_root(n) && !is_odd_product(n->args[0]) && zeros_from(&zeros, n->args[0], 0) != PARABOLA) return true;
    for (uint32_t i = 0; i < n->count; i++)
        if (has_root_of_square(line, n->args[i])) return true;
    return false;
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
    static const int DISTANCE[NEAR] = {-16384, -256, -1, 1, 256, 16384}; // in 65536ths
    Exact *exact = zeros->line->exact;
    const Node *one = node_integer(exact->pool, 1), *last = NULL;
    for (int i = 0; i < zeros->count; i++) {
        const Node *zero = zeros->at[i];
        if (last && !exact_compare(last, zero)) continue;
        for (int k = 0; k < NEAR; k++)
            count = add_point(zeros, out, count,
                              exact_add(exact, zero, exact_scale(exact, one, DISTANCE[k], 65536, 0)));
        const Node *sum = last ? exact_add(exact, last, zero) : NULL;
        if (sum) count = add_point(zeros, out, count, exact_scale(exact, sum, 1, 2, 0));
        last = zero;
    }
    return count;
}

// Points on one line after those at out[0, count).
static int add_line(const BallPoint *line, const Node *const *kink, int kinks, BallPoint *out, int count) {
    Zeros zeros = {.line = line, .searches = line->index == 2 ? SEARCHES : 0};
    for (int i = 0; i < kinks; i++) find_zeros(&zeros, kink[i]);
    qsort(zeros.at, (size_t)zeros.count, sizeof *zeros.at, by_value);
    return add_pieces(&zeros, out, count);
}

int ball_points(const BallPoint *base, const Node *a, const Node *b, BallPoint out[POINTS]) {
    const Node *kink[KINKS], *name = NULL;
    BallPoint line = *base;
    line.kind = POINT_LINE;
    line.index = 0;
    bool kinked = node_any(a, is_kink) || node_any(b, is_kink);
    kinked = kinked || has_root_of_square(&line, a) || has_root_of_square(&line, b);
    bool several = kinked && (has_another(a, &name) || has_another(b, &name));
    int count = 0, scattered = SCATTERED + (kinked ? FAR + (several ? 6 * MIXED : MIXED) : 0);
    for (; count < scattered; count++) {
        out[count] = *base;
        out[count].kind = POINT_REAL;
        out[count].index = count;
    }
    if (!kinked) return count;
    int kinks = gather(base->exact->pool, b, kink, gather(base->exact->pool, a, kink, 0));
    count = add_line(&line, kink, kinks, out, count);
    if (!several) return count;
    line.axis = name; // then cells: one name varies, and in each of its pieces the others vary
    line.index = 1;
    int first = count, last = count = add_line(&line, kink, kinks, out, count);
    line.index = 2;
    for (int i = 0; i < CELLS && last > first; i++) {
        line.stay = out[first + (last - first - 1) * i / (CELLS - 1)].t;
        count = add_line(&line, kink, kinks, out, count);
    }
    return count;
}
