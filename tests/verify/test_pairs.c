// Pairs of answers with a truth of their own: expressions with absolute values, minima, roots and sines, sets, sets of
// reals, equations. The truth comes from long doubles at many points, from sorted lists, or from integers; none of it
// from verify/. A pair that differs is never paid; of those equal by construction at most one in a thousand is missed.
//
//   PAIRS=30000 build/cpu/tests/verify/test_pairs     (4,000 without PAIRS; the pairs are the same on every machine)
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "verify/verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 2048, NODES = 256, DEPTH = 3, POINTS = 160 };

static uint64_t state = 88172645463325252u;

static int below(int n) { // xorshift64
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (int)(state % (uint64_t)n);
}

// ---- expressions ----

typedef enum Op { NUM, VAR, ADD, SUB, MUL, DIV, NEG, ABS, MIN, MAX, SQRT, SQUARE, SIN, COS, OPS } Op;

typedef struct Expression {
    Op op;
    int value; // NUM; VAR: 0 x, 1 y
    const struct Expression *a, *b;
} Expression;

static Expression nodes[NODES];
static int used;

static const Expression *make(Op op, int value, const Expression *a, const Expression *b) {
    assert_true(used < NODES);
    nodes[used] = (Expression){op, value, a, b};
    return &nodes[used++];
}

static const Expression *number(int value) { return make(NUM, value, NULL, NULL); }

static bool binary(Op op) { return (op >= ADD && op <= DIV) || op == MIN || op == MAX; }

static const Expression *random_expression(int depth) {
    static const Op HEADS[] = {ADD, ADD, SUB, SUB, MUL, MUL, DIV, NEG, ABS, ABS, ABS, MIN, MAX, SQRT, SQUARE, SIN, COS};
    if (!depth || !below(5))
        return below(3) ? make(VAR, below(6) == 0, NULL, NULL) : number(1 + below(below(4) ? 12 : 900));
    Op op = HEADS[below(sizeof HEADS / sizeof *HEADS)];
    const Expression *a = random_expression(depth - 1);
    if (op == SQRT) a = below(2) ? make(SQUARE, 0, a, NULL) : a;
    if (op == DIV && below(2)) return make(DIV, 0, a, number(2 + below(9)));
    if (op == DIV) return make(DIV, 0, a, make(ADD, 0, make(SQUARE, 0, a, NULL), number(1)));
    return make(op, 0, a, binary(op) ? random_expression(depth - 1) : NULL);
}

// NAN where it is not real, and beyond 10^9, where rounding would decide.
static long double value(const Expression *e, const long double at[2]) {
    long double a = e->a ? value(e->a, at) : 0, b = e->b ? value(e->b, at) : 0;
    if (!(fabsl(a) < 1e9L && fabsl(b) < 1e9L)) return NAN;
    switch (e->op) {
    case NUM: return e->value;
    case VAR: return at[e->value];
    case ADD: return a + b;
    case SUB: return a - b;
    case MUL: return a * b;
    case DIV: return a / b;
    case NEG: return -a;
    case ABS: return fabsl(a);
    case MIN: return fminl(a, b);
    case MAX: return fmaxl(a, b);
    case SQRT: return sqrtl(a);
    case SQUARE: return a * a;
    case SIN: return sinl(a);
    case COS: return cosl(a);
    default: return NAN;
    }
}

static void print(char *out, const Expression *e) {
    static const char *const FORMS[OPS][3] = {
        [ADD] = {"(", "+", ")"}, [SUB] = {"(", "-", ")"}, [MUL] = {"", "\\cdot ", ""}, [DIV] = {"\\frac{", "}{", "}"},
        [NEG] = {"(-", "", ")"}, [ABS] = {"|", "", "|"}, [MIN] = {"\\min(", ",", ")"}, [MAX] = {"\\max(", ",", ")"},
        [SQRT] = {"\\sqrt{", "", "}"}, [SQUARE] = {"(", "", ")^2"}, [SIN] = {"\\sin(", "", ")"},
        [COS] = {"\\cos(", "", ")"}};
    char a[TEXT] = "", b[TEXT] = "";
    if (e->op == NUM || e->op == VAR) {
        snprintf(out, TEXT, e->op == NUM ? "%d" : e->value ? "y" : "x", e->value);
        return;
    }
    print(a, e->a);
    if (e->b) print(b, e->b);
    if (snprintf(out, TEXT, "%s%s%s%s%s", FORMS[e->op][0], a, FORMS[e->op][1], b, FORMS[e->op][2]) >= TEXT) out[0] = 0;
}

// The same function in another form; identities hold for all reals.
static const Expression *same(const Expression *e, int rounds) {
    if (!e->a) return rounds && !below(6) ? make(SUB, 0, make(ADD, 0, e, number(7)), number(7)) : e;
    const Expression *a = same(e->a, rounds), *b = e->b ? same(e->b, rounds) : NULL;
    const Expression *difference = b ? make(SUB, 0, a, b) : NULL;
    if (!rounds || below(2)) return make(e->op, 0, a, b);
    switch (e->op) {
    case ADD: case MUL: case MIN: case MAX:
        if (e->op == ADD || e->op == MUL || below(2)) return make(e->op, 0, b, a);
        a = make(e->op == MAX ? ADD : SUB, 0, make(ADD, 0, a, b), make(ABS, 0, difference, NULL));
        return make(DIV, 0, a, number(2));
    case SUB: return make(NEG, 0, make(SUB, 0, b, a), NULL);
    case ABS:
        if (below(2)) return make(SQRT, 0, make(SQUARE, 0, a, NULL), NULL);
        return make(ABS, 0, make(NEG, 0, a, NULL), NULL);
    case SQUARE: return below(2) ? make(MUL, 0, a, a) : make(SQUARE, 0, make(ABS, 0, a, NULL), NULL);
    case COS: return make(COS, 0, make(NEG, 0, a, NULL), NULL);
    case SIN: return make(NEG, 0, make(SIN, 0, make(NEG, 0, a, NULL), NULL), NULL);
    default: return make(e->op, 0, a, b);
    }
}

// One node changed in the way a wrong answer is: bars dropped, a sign turned, one branch of a maximum, a constant off.
static const Expression *changed(const Expression *e, int *left) {
    if (!e->a) {
        if ((*left)-- || e->op != NUM) return e;
        return number(e->value + (below(2) ? 1 : -1));
    }
    const Expression *a = changed(e->a, left), *b = e->b ? changed(e->b, left) : NULL;
    if ((*left)--) return make(e->op, 0, a, b);
    switch (e->op) {
    case ABS: return below(3) ? a : make(NEG, 0, a, NULL);
    case SQRT: return e->a->op == SQUARE ? e->a->a : make(SQRT, 0, make(ADD, 0, a, number(1)), NULL);
    case MIN: case MAX: return below(2) ? a : make(e->op == MIN ? MAX : MIN, 0, a, b);
    case ADD: return make(SUB, 0, a, b);
    case SUB: return make(below(2) ? ADD : SUB, 0, b, a);
    case MUL: return make(ADD, 0, a, b);
    case SIN: return make(COS, 0, a, NULL);
    case COS: return make(SIN, 0, a, NULL);
    case NEG: return a;
    case SQUARE:
        if (below(2)) return make(MUL, 0, a, make(ABS, 0, a, NULL));
        return make(MIN, 0, make(SQUARE, 0, a, NULL), number(5000));
    default: return make(e->op, 0, b ? b : a, a);
    }
}

// Do the values differ somewhere? *defined counts the points where both are real.
static bool differ(const Expression *e, const Expression *f, int *defined) {
    static const long double SCALES[] = {0.3L, 1, 3, 8, 15, 40, 130, 700, 9000, 2e5L};
    for (int i = 0; i < POINTS; i++) {
        long double at[2];
        for (int k = 0; k < 2; k++) { // x+7-7 is exact
            int sign = below(2) ? 1 : -1;
            at[k] = sign * floorl(SCALES[i % 10] * (200 + below(1000))) / 1024;
        }
        long double a = value(e, at), b = value(f, at);
        *defined += isfinite(a) && isfinite(b);
        if (isfinite(a) && isfinite(b) && fabsl(a - b) > 1e-7L * (1 + fabsl(a) + fabsl(b))) return true;
    }
    return false;
}

// ---- sets, sets of reals, equations: printed from integers in several forms ----

static size_t append(char *out, size_t n, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int k = vsnprintf(out + n, TEXT - n, format, args);
    va_end(args);
    return n + (size_t)k;
}

static void print_set(char *out, const int *halves, int count) { // members k/2
    size_t n = append(out, 0, "\\{");
    for (int i = 0, k = below(count); i < count; i++) {
        int h = halves[(i + k) % count];
        if (h % 2 && below(2)) n = append(out, n, "\\frac{%d}{2}", h);
        else if (h % 2) n = append(out, n, "%s%d.5", h < 0 ? "-" : "", abs(h) / 2);
        else n = append(out, n, below(3) ? "%d" : "\\frac{%d}{1}", h / 2);
        if (i + 1 < count) n = append(out, n, ",");
    }
    append(out, n, "\\}");
}

static unsigned set_bits(const int *halves, int count) {
    unsigned bits = 0;
    for (int i = 0; i < count; i++) bits |= 1u << (halves[i] + 10);
    return bits;
}

typedef struct Range { int lo, hi; bool lo_open, hi_open; } Range;

static Range random_range(void) {
    int lo = below(12) - 6;
    return (Range){lo, lo + 1 + below(6), below(2), below(2)};
}

static void print_ranges(char *out, const Range *r, int count) {
    size_t n = 0;
    bool words = below(2);
    for (int i = 0; i < count; i++) {
        const Range *s = &r[(i + (int)(state & 1)) % count];
        if (i) n = append(out, n, words ? "\\text{ or }" : "\\cup");
        const char *lo = s->lo_open ? "<" : "\\le ", *hi = s->hi_open ? "<" : "\\le ";
        if (words) n = append(out, n, "%d%sx%s%d", s->lo, lo, hi, s->hi);
        else n = append(out, n, "%c%d,%d%c", s->lo_open ? '(' : '[', s->lo, s->hi, s->hi_open ? ')' : ']');
    }
}

static uint64_t range_bits(const Range *r, int count) { // half-integers from -8 decide: ends are integers
    uint64_t bits = 0;
    for (int i = 0; i < count; i++)
        for (int h = 2 * r[i].lo + r[i].lo_open; h <= 2 * r[i].hi - r[i].hi_open; h++) bits |= UINT64_C(1) << (h + 16);
    return bits;
}

static void print_line(char *out, const int c[3]) { // c0 x + c1 y = c2
    int k = 1 + below(3);
    switch (below(4)) {
    case 0: append(out, 0, "%dx%+dy=%d", k * c[0], k * c[1], k * c[2]); return;
    case 1: append(out, 0, "%d=%dy%+dx", -k * c[2], -k * c[1], -k * c[0]); return;
    case 2: append(out, 0, "%dx%+dy%+d=0", k * c[0], k * c[1], -k * c[2]); return;
    default: append(out, 0, "y=\\frac{%d-%dx}{%d}", c[2], c[0], c[1]);
    }
}

// ---- the pairs ----

typedef struct Pair { char gold[TEXT], answer[TEXT]; bool equal, differs; } Pair; // neither: nothing is claimed

static void pair_of_expressions(Pair *pair) {
    const Expression *e, *f;
    do {
        used = 0;
        e = random_expression(DEPTH);
        int left = below(8);
        bool rewrite = below(3) == 0;
        f = same(rewrite ? e : changed(e, &left), 1);
        pair->equal = rewrite;
        print(pair->gold, e);
        print(pair->answer, f);
    } while (!e->a || !*pair->gold || !*pair->answer);
    int defined = 0;
    pair->differs = differ(e, f, &defined);
    pair->equal &= defined > POINTS / 20; // \sqrt{-8} is nowhere real
    if (pair->equal && pair->differs) fail_msg("the rewriting is wrong: %s and %s", pair->gold, pair->answer);
}

static void make_pair(Pair *pair) {
    int kind = below(8), a[4], b[4], n = 1 + below(4), m = below(3) ? n : 1 + below(4);
    *pair = (Pair){0};
    if (kind > 2) return pair_of_expressions(pair);
    for (int i = 0; i < 4; i++) a[i] = b[i] = below(17) - 8;
    if (below(2)) b[below(n)] += 1 - 2 * (b[0] > 0);
    Range r[2] = {random_range(), random_range()}, s[2] = {r[0], r[1]};
    switch (kind) {
    case 0:
        print_set(pair->gold, a, n);
        print_set(pair->answer, b, m);
        pair->equal = set_bits(a, n) == set_bits(b, m);
        break;
    case 1:
        if (below(2)) s[below(2)] = random_range();
        print_ranges(pair->gold, r, 2);
        print_ranges(pair->answer, s, 2);
        pair->equal = range_bits(r, 2) == range_bits(s, 2);
        break;
    default:
        a[0] = b[0] = a[0] ? a[0] : 3, a[1] = a[1] ? a[1] : 2, a[2] = a[2] ? a[2] : 5;
        for (int i = 1; i < 3; i++) b[i] = a[i];
        if (below(2)) b[below(3)] += below(2) ? 1 : 11;
        if (!b[0] || !b[1] || !b[2]) b[0] = b[1] = b[2] = 1;
        print_line(pair->gold, a);
        print_line(pair->answer, b);
        pair->equal = a[0] * b[1] == a[1] * b[0] && a[0] * b[2] == a[2] * b[0];
    }
    pair->differs = !pair->equal;
}

static void truth_is_met(void **unused) {
    (void)unused;
    long count = getenv("PAIRS") ? atol(getenv("PAIRS")) : 4000, equal = 0, differing = 0, paid = 0, unpaid = 0;
    VerifyPolicy policy = verify_policy_training();
    VerifyScratch *scratch = verify_scratch_new();
    static Pair pair;
    char response[TEXT + 16];
    for (long i = 0; i < count; i++) {
        make_pair(&pair);
        VerifyGold *gold = verify_compile(pair.gold, strlen(pair.gold), &policy);
        int n = snprintf(response, sizeof response, "\\boxed{%s}", pair.answer);
        VerifyResult r = verify_check(scratch, gold, response, (size_t)n);
        bool wrong = pair.differs && r.verdict == VERIFY_EQUAL, missed = pair.equal && r.verdict != VERIFY_EQUAL;
        if (wrong || missed)
            fprintf(stderr, "%s (%s): %s and %s\n", wrong ? "paid though wrong" : "right but unpaid", r.reason,
                    pair.gold, pair.answer);
        equal += pair.equal;
        differing += pair.differs;
        paid += wrong;
        unpaid += missed;
        verify_gold_free(gold);
    }
    verify_scratch_free(scratch);
    print_message("%ld pairs, %ld equal, %ld differing; %ld paid though wrong, %ld right but unpaid\n", count, equal,
                  differing, paid, unpaid);
    assert_true(equal > count / 5 && differing > count / 5);
    assert_int_equal(paid, 0);
    assert_true((unpaid - 2) * 1000 <= equal); // a few deep ones run out of fuel
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(truth_is_met)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
