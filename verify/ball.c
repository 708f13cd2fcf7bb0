// Optional (math answers from data sets): zero tests by balls; see ball.h.
#include "verify/ball.h"

#include "verify/ball_eval.h"
#include "verify/normal.h"
#include "verify/probe.h"

enum { FIRST_BITS = 128, LAST_BITS = 2048, MOST_BITS = 16384, POINT_BITS = 256 };

// EQUAL when d = a - b contains zero and is tiny beside a and b (or on its own, where both contain zero).
static bool negligible(const acb_t d, const acb_t a, const acb_t b, slong bits) {
    mag_t size, scale, other;
    mag_init(size);
    mag_init(scale);
    mag_init(other);
    acb_get_mag(size, d);
    acb_get_mag_lower(scale, a);
    acb_get_mag_lower(other, b);
    if (mag_cmp(other, scale) > 0) mag_set(scale, other);
    if (mag_is_zero(scale)) mag_one(scale);
    mag_mul_2exp_si(scale, scale, -bits);
    bool tiny = mag_cmp(size, scale) < 0;
    mag_clear(size);
    mag_clear(scale);
    mag_clear(other);
    return tiny;
}

// One comparison at one precision: NO is proved, YES means zero to `bits` bits, UNKNOWN more bits are needed.
static Answer compare_at(BallContext *ev, const Node *a, const Node *b, slong bits, bool *evaluated, bool *real) {
    acb_t x, y, d;
    acb_init(x);
    acb_init(y);
    acb_init(d);
    Answer answer = ANSWER_UNKNOWN;
    *evaluated = ball_eval(x, a, ev) && ball_eval(y, b, ev);
    if (*evaluated) {
        acb_sub(d, x, y, ev->prec);
        *real = acb_is_real(x) && acb_is_real(y);
        if (!acb_contains_zero(d)) answer = ANSWER_NO;
        else if (negligible(d, x, y, bits)) answer = ANSWER_YES;
    }
    acb_clear(x);
    acb_clear(y);
    acb_clear(d);
    return answer;
}

Answer ball_constants(const BallPoint *point, const Node *a, const Node *b, bool *huge) {
    bool evaluated, real;
    *huge = false;
    for (slong prec = FIRST_BITS; prec <= MOST_BITS; prec *= 4) {
        BallContext ev = {.point = point, .prec = prec};
        bool last = prec >= LAST_BITS;
        Answer answer = compare_at(&ev, a, b, last ? prec - 548 : prec * 16, &evaluated, &real);
        if (answer == ANSWER_NO) return ANSWER_NO;
        if (ev.huge) return *huge = true, ANSWER_UNKNOWN;
        if (last && answer == ANSWER_YES && ev.magnitude < (double)prec - 600) return ANSWER_YES;
        if (last && ev.magnitude < (double)prec - 600) return ANSWER_UNKNOWN;
    }
    return ANSWER_UNKNOWN;
}

// At integer points the variables are replaced and everything exact is folded, so floors and factorials are exact.
static const Node *integers_for(void *context, const Node *n) {
    const BallPoint *point = context;
    NodePool *pool = point->exact->pool;
    if (n->kind == N_SYM) {
        uint64_t hash = probe_hash_text(probe_mix(point->field.seed, (uint64_t)point->index), n->text, n->text_len);
        if (point->index < 2) return node_integer(pool, 1 + (int64_t)(hash % 6)); // \max(n,3) is n from 3 on
        if (point->index < 10) return node_integer(pool, 7 + (int64_t)(hash % 54));
        return node_integer(pool, point->index == 10 ? 61 + (int64_t)(hash % 200) : 30000 + (int64_t)(hash % 100000));
    }
    if (n->kind == N_BIG && node_is(n->args[0], N_SYM)) { // the index of a sum is no variable: rename it out of the way
        const Node *index = node_text(pool, N_CONST, "index", 5, NULL, 0);
        const Node *args[4] = {index, n->args[1], n->args[2], normal_substitute(pool, n->args[3], n->args[0], index)};
        n = node_map(pool, n, args);
    }
    return node_each(pool, n, integers_for, context);
}

static int64_t constant_bits(const Node *n) {
    int64_t bits = 0;
    if (n->kind == N_RAT) {
        mpz_t num, den;
        return (int64_t)(mpz_sizeinbase(node_num(num, n), 2) + mpz_sizeinbase(node_den(den, n), 2));
    }
    for (uint32_t i = 0; i < n->count; i++) bits += constant_bits(n->args[i]);
    return bits;
}

int ball_bits(const Node *a, const Node *b) {
    int64_t bits = 2 * (constant_bits(a) + constant_bits(b));
    if (bits <= POINT_BITS / 2) return 0;
    return POINT_BITS + bits <= MOST_BITS ? (int)bits : -1;
}

Answer ball_at_point(const BallPoint *point, const Node *a, const Node *b, bool *valid) {
    if (point->kind == POINT_INTEGER) {
        BallPoint at = *point;
        a = normal_form(at.exact, integers_for(&at, a));
        b = normal_form(at.exact, integers_for(&at, b));
        *valid = node_is(a, N_RAT) && node_is(b, N_RAT);
        if (*valid) return node_identical(a, b) ? ANSWER_YES : ANSWER_NO;
    }
    BallContext ev = {.point = point, .prec = POINT_BITS + point->bits};
    bool real = false;
    Answer answer = compare_at(&ev, a, b, ev.prec / 2, valid, &real);
    if (point->kind != POINT_COMPLEX && !real) *valid = false;
    if (answer == ANSWER_YES && ev.smallest > (double)(ev.prec / 2)) answer = ANSWER_UNKNOWN; // e^{-100000} may hide
    if (answer == ANSWER_UNKNOWN) *valid = false;
    return answer;
}

bool ball_leaves_reals(const BallPoint *point, const Node *gold, const Node *mine) {
    BallContext ev = {.point = point, .prec = POINT_BITS};
    acb_t x;
    acb_init(x);
    bool leaves = ball_eval(x, gold, &ev) && !ball_eval(x, mine, &ev) && ev.unreal;
    acb_clear(x);
    return leaves;
}

Answer ball_proportional(const BallPoint *p, const BallPoint *q, const Node *f, const Node *g, bool *valid) {
    slong prec = POINT_BITS + p->bits;
    BallContext here = {.point = p, .prec = prec}, there = {.point = q, .prec = prec};
    acb_ptr v = _acb_vec_init(4);
    *valid = ball_eval(v, f, &here) && ball_eval(v + 1, g, &here);
    *valid = *valid && ball_eval(v + 2, f, &there) && ball_eval(v + 3, g, &there);
    for (int i = 0; i < 4 && *valid; i++) *valid = acb_is_real(v + i) && !acb_contains_zero(v + i);
    Answer answer = ANSWER_UNKNOWN;
    if (*valid) {
        acb_mul(v, v, v + 3, prec);
        acb_mul(v + 2, v + 2, v + 1, prec);
        acb_sub(v + 1, v, v + 2, prec);
        bool small = here.smallest > (double)(prec / 2) || there.smallest > (double)(prec / 2);
        if (!acb_contains_zero(v + 1)) answer = ANSWER_NO;
        else if (!small && negligible(v + 1, v, v + 2, prec / 2)) answer = ANSWER_YES;
    }
    _acb_vec_clear(v, 4);
    return answer;
}

int ball_order(const BallPoint *point, const Node *a, const Node *b) {
    bool huge;
    if (node_is(a, N_RAT) && node_is(b, N_RAT)) return exact_compare(a, b) < 0 ? -1 : exact_compare(a, b) > 0;
    Answer equal = ball_constants(point, a, b, &huge);
    if (equal == ANSWER_YES) return 0;
    if (equal == ANSWER_UNKNOWN) return 2;
    int order = 2;
    for (slong prec = FIRST_BITS; prec <= LAST_BITS && order == 2; prec *= 4) {
        BallContext ev = {.point = point, .prec = prec};
        acb_t x, y;
        acb_init(x);
        acb_init(y);
        if (ball_eval(x, a, &ev) && ball_eval(y, b, &ev) && acb_is_real(x) && acb_is_real(y))
            order = arb_lt(acb_realref(x), acb_realref(y)) ? -1 : arb_gt(acb_realref(x), acb_realref(y)) ? 1 : 2;
        acb_clear(x);
        acb_clear(y);
    }
    return order;
}
