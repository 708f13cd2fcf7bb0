// Optional (math answers from data sets): numbers and expressions: exact, balls, random points.
//   2\sqrt3 = \sqrt{12}   (x+1)^2 = x^2+2x+1   n!/(n-2)! = n(n-1)   |x| = \sqrt{x^2}   4^n = 2^{2n}   x+C = x+1+c
#include "verify/comparison.h"
#include "verify/normal.h"
#include "verify/probe.h"

#include <string.h>

bool is_scalar(const Node *n) {
    if (node_is(n, N_CONST)) return n->op != CONST_REALS && n->op != CONST_EMPTY;
    return n->kind <= N_BIG && n->kind != N_UNDEF;
}

static bool is_variable(const Node *n) { return n->kind == N_SYM || n->kind == N_APPLY || n->kind == N_TEXT; }
static bool is_imaginary(const Node *n) { return node_is_const(n, CONST_I); }
static bool is_infinity(const Node *n) { return node_is_const(n, CONST_INF); }
static bool is_plain_log(const Node *n) { return n->kind == N_FUNC && n->op == FN_LOG && n->count == 1; }
bool has_variables(const Node *n) { return node_any(n, is_variable); }

// Heads that mean something on integers only, where real points would mislead: floor((n+1)/2) = ceil(n/2).
static bool is_integer_head(const Node *n) {
    if (n->kind == N_BIG) return true;
    if (n->kind == N_POW) return node_is(n->args[0], N_RAT) && node_sign(n->args[0]) < 0 && !node_is(n->args[1], N_RAT);
    if (n->kind != N_FUNC) return false;
    return (n->op >= FN_FLOOR && n->op <= FN_BINOMIAL) || n->op == FN_MOD || n->op == FN_GCD || n->op == FN_LCM;
}

// k in \lceil k/2\rceil counts, as do the letters beside it; x is a real number, and \lfloor x\rfloor is not x.
static bool is_real_letter(const Node *n) { return node_is(n, N_SYM) && !strchr("ijklmnpqNMK", *n->text); }

static bool is_absolute(const Node *n) { return n->kind == N_FUNC && n->op == FN_ABS; }
bool has_domain(const Node *n) { // bars and roots say where they hold; \ln x^2 and 2\ln x are the same rule
    bool power = n->kind == N_POW && !node_is_integer(n->args[1]);
    return power || is_absolute(n) || (n->kind == N_FUNC && n->op == FN_ROOT);
}

static Answer at_points(Comparison *cmp, const BallPoint *points, int count, const Node *a, const Node *b) {
    int agree = 0;
    bool bars = points->kind == POINT_REAL && !points->any_domain && node_any(a, has_domain);
    for (int i = 0; i < count; i++) {
        bool valid = false;
        Answer answer = ball_at_point(&points[i], a, b, &valid);
        if (valid && answer == ANSWER_NO) return compare_no(cmp, "values differ at a point");
        if (!valid && bars && ball_leaves_reals(&points[i], a, b)) return compare_no(cmp, "not real where the gold is");
        agree += valid && answer == ANSWER_YES;
    }
    bool all = cmp->exact.fuel >= 0; // else some points were never looked at
    return agree >= 3 && all ? compare_yes(cmp, "values agree at the points") : ANSWER_UNKNOWN;
}

static Answer at_reals(Comparison *cmp, const BallPoint *base, const Node *a, const Node *b) {
    BallPoint points[POINTS];
    return at_points(cmp, points, ball_points(base, a, b, points), a, b);
}

static Answer at_others(Comparison *cmp, const BallPoint *base, PointKind kind, const Node *a, const Node *b) {
    BallPoint points[SCATTERED];
    for (int i = 0; i < SCATTERED; i++) {
        points[i] = *base;
        points[i].kind = kind;
        points[i].index = i;
    }
    return at_points(cmp, points, kind == POINT_COMPLEX ? 8 : SCATTERED, a, b);
}

static Answer with_variables(Comparison *cmp, BallPoint point, const Node *a, const Node *b) {
    Probe x = {.field = cmp->field};
    bool equal = probe_equal(&x, a, b);
    if (!x.irrational) { // rational functions: decided in F_p
        if (x.undefined) return compare_no(cmp, "division by zero");
        equal = equal && probe_congruent(&cmp->field, a, b, 1);
        return compare_if(cmp, equal, "equal modulo p", "differ modulo p");
    }
    bool integers = node_any(a, is_integer_head) || node_any(b, is_integer_head);
    bool complex = node_any(a, is_imaginary) || node_any(b, is_imaginary);
    bool reals = node_any(a, is_real_letter) || node_any(b, is_real_letter);
    Answer answer = ANSWER_UNKNOWN;
    point.bits = ball_bits(a, b);
    if (point.bits < 0) return compare_unknown(cmp, "constants too long for points");
    if (!complex && (!integers || reals)) answer = at_reals(cmp, &point, a, b);
    if (complex) answer = at_others(cmp, &point, POINT_COMPLEX, a, b);
    else if (answer == ANSWER_UNKNOWN || (answer == ANSWER_YES && integers))
        answer = at_others(cmp, &point, POINT_INTEGER, a, b);
    if (answer == ANSWER_UNKNOWN && !complex) answer = at_others(cmp, &point, POINT_COMPLEX, a, b); // nowhere real
    if (answer != ANSWER_UNKNOWN) return answer;
    if (probe_congruent(&cmp->field, a, b, 0)) return compare_yes(cmp, "same up to field operations");
    return compare_unknown(cmp, "no point decides");
}

static Answer constants(Comparison *cmp, BallPoint point, const Node *a, const Node *b) {
    bool huge;
    Answer answer = ball_constants(&point, a, b, &huge);
    if (answer == ANSWER_YES) return compare_say(cmp, answer, "equal to 1500 bits");
    if (answer == ANSWER_NO) return compare_say(cmp, answer, "values differ, proved");
    // Too large to evaluate: the same tower is the same number.
    if (huge && probe_congruent(&cmp->field, a, b, 0)) return compare_yes(cmp, "same up to field operations");
    return compare_unknown(cmp, "constant not evaluated");
}

int infinity_sign(const Node *n) {
    if (node_is_const(n, CONST_INF)) return 1;
    bool signed_infinity = n->kind == N_MUL && n->count == 2 && node_is_const(n->args[1], CONST_INF);
    return signed_infinity && node_is(n->args[0], N_RAT) ? node_sign(n->args[0]) : 0;
}

// C is one of the quantities and no constant of integration where A, B, a, b or C itself stand beside it.
static bool rules_out_constant(const Node *n) {
    return node_is(n, N_SYM) && n->text_len == 1 && strchr("ABCabc", *n->text);
}

// The sum without its free constant, written as `letter`, or NULL: "\frac{x^2}{2}+C".
static const Node *without_constant(NodePool *pool, const Node *n, const char *letter) {
    const Node *rest[16];
    uint32_t count = 0;
    if (n->kind != N_ADD || n->count > 16) return NULL;
    for (uint32_t i = 0; i < n->count; i++)
        if (!node_is_name(n->args[i], letter)) rest[count++] = n->args[i];
    if (count + 1 != n->count) return NULL;
    const Node *sum = count == 1 ? rest[0] : node_new(pool, N_ADD, 0, rest, count);
    return has_variables(sum) && !node_any(sum, rules_out_constant) ? sum : NULL;
}

static const Node *renamed(void *pool, const Node *n) { // every variable x becomes #x
    char name[66] = "#";
    if (n->kind != N_SYM || n->text_len >= 64) return node_each(pool, n, renamed, pool);
    memcpy(name + 1, n->text, n->text_len);
    return node_text(pool, N_SYM, name, n->text_len + 1, NULL, 0);
}

// Two antiderivatives: their difference takes the same value wherever it is evaluated.
static Answer antiderivatives(Comparison *cmp, const Node *a, const Node *b) {
    NodePool *pool = cmp->exact.pool;
    const Node *f = without_constant(pool, a, "C"), *g = without_constant(pool, b, "C");
    if (!f && g) f = without_constant(pool, a, "c"); // one of them may write it small
    if (f && !g) g = without_constant(pool, b, "c");
    if (!f || !g) return ANSWER_UNKNOWN;
    const Node *d = normal_form(&cmp->exact, node_subtract(pool, f, g));
    if (!has_variables(d)) return compare_yes(cmp, "differ by a constant");
    BallPoint points[POINTS], base = {.field = cmp->field, .exact = &cmp->exact, .any_domain = true};
    int count = node_any(f, is_absolute) ? ball_points(&base, f, g, points) : 0; // \ln|x| and \ln x
    for (int i = 0; i < count; i++)
        if (ball_leaves_reals(&points[i], f, g)) return ANSWER_NO;
    return with_variables(cmp, base, d, renamed(pool, d));
}

Answer compare_scalars(Comparison *cmp, const Node *a, const Node *b) {
    if (a->kind == N_UNDEF || b->kind == N_UNDEF) return compare_no(cmp, "undefined");
    if (node_is(a, N_RAT) && node_is(b, N_RAT)) {
        bool same = node_identical(a, b);
        return compare_if(cmp, same, "equal rationals", "different rationals");
    }
    if (node_any(a, is_infinity) || node_any(b, is_infinity)) {
        bool same = infinity_sign(a) && infinity_sign(a) == infinity_sign(b);
        return compare_if(cmp, same, "same infinity", "infinity");
    }
    BallPoint point = {.field = cmp->field, .exact = &cmp->exact};
    bool variables = has_variables(a) || has_variables(b);
    if (variables && letters_in_another_order(&cmp->field, a, b)) return compare_no(cmp, "letters in another order");
    Answer answer = variables ? with_variables(cmp, point, a, b) : constants(cmp, point, a, b);
    if (answer == ANSWER_NO && variables && antiderivatives(cmp, a, b) == ANSWER_YES)
        return compare_yes(cmp, "differ by a constant");
    if (answer != ANSWER_YES && node_any(a, is_plain_log) && node_any(b, is_plain_log)) { // both leave the base open
        point.natural_log = true;
        Answer natural = variables ? with_variables(cmp, point, a, b) : constants(cmp, point, a, b);
        if (natural == ANSWER_YES) return natural;
    }
    return answer;
}
