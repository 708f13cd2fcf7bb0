// Optional (math answers from data sets): compares units, percent, money, ratios, times; rounding.
//   "3\text{ hours}" = "180\text{ minutes}"   "50\%" = "0.5"   "45^\circ" = "\pi/4"   "72^\circ" = "72"   "2:4" = "1:2"
#include "verify/comparison.h"

#include "verify/ascii.h"
#include "verify/normal.h"
#include "verify/units.h"

#include <stdlib.h>
#include <string.h>

static bool is_angle(const Node *n) {
    return node_is_const(n, CONST_PI) || (n->kind == N_FUNC && n->op >= FN_ASIN && n->op <= FN_ACSC);
}

static const Node *scaled(Comparison *cmp, const Node *x, int64_t num, int64_t den, int ten) {
    const Node *exact = node_is(x, N_RAT) ? exact_scale(&cmp->exact, x, num, den, ten) : NULL;
    if (exact) return exact;
    const Node *factor = exact_scale(&cmp->exact, node_integer(cmp->exact.pool, 1), num, den, ten);
    return factor ? node_mul(cmp->exact.pool, factor, x) : node_undef();
}

static const Node *in_radians(Comparison *cmp, const Node *degrees) {
    return node_mul(cmp->exact.pool, scaled(cmp, degrees, 1, 180, 0), node_constant(cmp->exact.pool, CONST_PI));
}

static Answer percents(Comparison *cmp, const Node *gold, const Node *mine) {
    bool g = node_is(gold, N_UNIT) && gold->unit->percent, m = node_is(mine, N_UNIT) && mine->unit->percent;
    const Node *x = g ? gold->args[0] : gold, *y = m ? mine->args[0] : mine;
    if (g && m) return compare_trees(cmp, x, y);
    if ((g ? mine : gold)->kind == N_UNIT) return compare_no(cmp, "percent against a unit");
    Answer by_value = compare_scalars(cmp, g ? scaled(cmp, x, 1, 100, 0) : x, m ? scaled(cmp, y, 1, 100, 0) : y);
    const Node *one = node_integer(cmp->exact.pool, 1);
    bool proportion = !g && node_is(gold, N_RAT) && exact_compare(gold, one) < 0; // 0.28 is not 0.28%
    if (by_value == ANSWER_YES || proportion || !cmp->policy->percent_of_gold) return by_value;
    return equal_scalars(cmp, x, y) ? compare_yes(cmp, "percent sign on one side") : by_value;
}

static Answer labels(Comparison *cmp, const Unit *a, const Unit *b) {
    bool same = a->label && b->label && a->label_len == b->label_len && !memcmp(a->label, b->label, a->label_len);
    return compare_if(cmp, same, "same noun", "different units");
}

// "$5 per hour", "20% decrease", "90 degrees clockwise": what follows a sign qualifies it. One qualifier may be left
// out, as a unit may; two must agree, or profit would equal loss.
static Answer qualified(Comparison *cmp, const Node *gold, const Node *mine) {
    const Node *x = gold->args[0], *y = mine->args[0];
    bool g = node_is(x, N_UNIT), m = node_is(y, N_UNIT);
    if (!g || !m) return compare_trees(cmp, g ? x : gold, m ? y : mine);
    const Unit *a = gold->unit, *b = mine->unit;
    if (a->label || b->label) return labels(cmp, a, b) == ANSWER_YES ? compare_trees(cmp, x, y) : ANSWER_NO;
    if (!unit_same_dimension(a, b)) return compare_no(cmp, "different units");
    NodePool *pool = cmp->exact.pool;
    return compare_trees(cmp, node_unit(pool, scaled(cmp, x->args[0], a->num, a->den, a->ten), x->unit),
                         node_unit(pool, scaled(cmp, y->args[0], b->num, b->den, b->ten), y->unit));
}

static Answer both_units(Comparison *cmp, const Node *gold, const Node *mine) {
    const Unit *a = gold->unit, *b = mine->unit;
    if (node_is(gold->args[0], N_UNIT) || node_is(mine->args[0], N_UNIT)) return qualified(cmp, gold, mine);
    if (a->percent || b->percent) return percents(cmp, gold, mine);
    if (a->degree != b->degree && (a->generic || b->generic)) { // degrees against radians
        const Node *x = a->degree ? in_radians(cmp, gold->args[0]) : gold->args[0],
                   *y = b->degree ? in_radians(cmp, mine->args[0]) : mine->args[0];
        return compare_scalars(cmp, x, y);
    }
    if (a->generic || b->generic) return compare_trees(cmp, gold->args[0], mine->args[0]);
    if (a->label || b->label) {
        if (labels(cmp, a, b) != ANSWER_YES) return ANSWER_NO;
        return compare_trees(cmp, gold->args[0], mine->args[0]);
    }
    if (a->degree != b->degree || !unit_same_dimension(a, b)) return compare_no(cmp, "different units");
    const Node *x = scaled(cmp, gold->args[0], a->num, a->den, a->ten);
    return compare_trees(cmp, x, scaled(cmp, mine->args[0], b->num, b->den, b->ten));
}

Answer compare_measures(Comparison *cmp, const Node *gold, const Node *mine) {
    bool g = node_is(gold, N_UNIT), m = node_is(mine, N_UNIT);
    if (g && m) return both_units(cmp, gold, mine);
    const Unit *unit = g ? gold->unit : mine->unit;
    const Node *measured = g ? gold->args[0] : mine->args[0], *bare = g ? mine : gold;
    if (unit->percent) return percents(cmp, gold, mine);
    if (unit->degree && node_any(bare, is_angle)) {
        const Node *radians = in_radians(cmp, measured);
        return compare_scalars(cmp, radians, bare);
    }
    if (!cmp->policy->ignore_units) return compare_no(cmp, "unit on one side");
    return compare_sides(cmp, m, measured, bare);
}

enum { ITEMS_OF_TIME = 3 }; // 5:00:00

static int64_t gcd(int64_t a, int64_t b) { return b ? gcd(b, a % b) : a; }

static bool is_time(const Node *n) { // 12:00, 3:05, 7 p.m.
    if (n->op) return true;
    for (uint32_t i = 1; i < n->count; i++)
        if (n->args[i]->text_len == 2 && n->args[i]->text[0] == '0') return true;
    return false;
}

// A gold that would be a ratio in lowest terms otherwise: 9:24, 12:30. An answer may well leave its ratio unreduced.
static bool gold_is_time(const Node *n) {
    int64_t hour, minute;
    if (is_time(n)) return true;
    if (n->count != 2 || n->args[1]->text_len != 2) return false;
    if (!node_fits(n->args[0], &hour) || !node_fits(n->args[1], &minute)) return false;
    return hour >= 1 && hour <= 24 && minute < 60 && gcd(hour, minute) > 1;
}

// 3:05 p.m. and 15:05
static const Node *in_24_hours(Comparison *cmp, const Node *n) {
    int64_t hour;
    if (n->op != 2 || !node_fits(n->args[0], &hour) || hour < 1 || hour > 11) return n;
    const Node *late = node_integer(cmp->exact.pool, hour + 12), *args[ITEMS_OF_TIME] = {late};
    for (uint32_t i = 1; i < n->count && i < ITEMS_OF_TIME; i++) args[i] = n->args[i];
    return node_new(cmp->exact.pool, N_RATIO, 2, args, n->count < ITEMS_OF_TIME ? n->count : ITEMS_OF_TIME);
}

static bool past_noon(const Node *n) { // written 13:00 to 23:59
    int64_t hour;
    return !n->op && node_fits(n->args[0], &hour) && hour >= 13 && hour < 24;
}

static Answer times(Comparison *cmp, const Node *gold, const Node *mine) {
    if (past_noon(gold)) mine = in_24_hours(cmp, mine);
    if (past_noon(mine)) gold = in_24_hours(cmp, gold);
    if (gold->op && mine->op && gold->op != mine->op) return compare_no(cmp, "other half of the day");
    uint32_t longer = gold->count > mine->count ? gold->count : mine->count;
    const Node *zero = node_integer(cmp->exact.pool, 0);
    for (uint32_t i = 0; i < longer; i++) {
        const Node *g = i < gold->count ? gold->args[i] : zero; // 5:00 is 5:00:00
        const Node *m = i < mine->count ? mine->args[i] : zero;
        if (i && g->text_len == 2 && m->text_len == 1) return compare_no(cmp, "3:5 is no time");
        if (!equal_scalars(cmp, g, m)) return compare_no(cmp, "different times");
    }
    return compare_yes(cmp, "same time");
}

Answer compare_ratios(Comparison *cmp, const Node *gold, const Node *mine) {
    NodePool *pool = cmp->exact.pool;
    bool both = node_is(gold, N_RATIO) && node_is(mine, N_RATIO);
    if (!both) { // 2:3 against 2/3
        const Node *ratio = node_is(gold, N_RATIO) ? gold : mine, *other = ratio == gold ? mine : gold;
        if (ratio->count != 2 || (ratio == gold ? gold_is_time(ratio) : is_time(ratio)) || !is_scalar(other))
            return compare_no(cmp, "ratio against another kind");
        return compare_scalars(cmp, normal_form(&cmp->exact, node_divide(pool, ratio->args[0], ratio->args[1])), other);
    }
    if (gold_is_time(gold) || is_time(mine)) return times(cmp, gold, mine);
    if (gold->count != mine->count) return compare_no(cmp, "ratios of other lengths");
    for (uint32_t i = 1; i < gold->count; i++) { // a_0 b_i = a_i b_0
        const Node *left = normal_form(&cmp->exact, node_mul(pool, gold->args[0], mine->args[i]));
        const Node *right = normal_form(&cmp->exact, node_mul(pool, gold->args[i], mine->args[0]));
        Answer answer = compare_scalars(cmp, left, right);
        if (answer != ANSWER_YES) return answer;
    }
    for (uint32_t i = 0; i < gold->count; i++)
        if (node_is_int(gold->args[i], 0) != node_is_int(mine->args[i], 0)) return compare_no(cmp, "different ratios");
    return compare_yes(cmp, "proportional");
}

// Is |x - y| at most half a unit (or, truncated, one unit) of the last decimal place that `written` shows?
static bool rounds_to(Comparison *cmp, const Node *written, const Node *value, int least_digits) {
    const char *point = written->text ? memchr(written->text, '.', written->text_len) : NULL;
    if (!written->decimal || !point) return false;
    int places = (int)(written->text + written->text_len - point) - 1, digits = 0;
    for (const char *c = written->text; c < written->text + written->text_len; c++)
        digits += is_digit(*c) && (digits || *c != '0');
    if (digits < least_digits || places > 1000) return false;
    NodePool *pool = cmp->exact.pool;
    const Node *half = exact_scale(&cmp->exact, node_integer(pool, 1), 1, 2, -places);
    BallPoint ball = {.field = cmp->field, .exact = &cmp->exact};
    const Node *high = exact_add(&cmp->exact, written, half);
    const Node *low = exact_add(&cmp->exact, written, exact_mul(&cmp->exact, half, node_integer(pool, -1)));
    if (!low || !high) return false;
    int above = ball_order(&ball, value, low), below = ball_order(&ball, value, high);
    return (above == 0 || above == 1) && (below == 0 || below == -1);
}

Answer compare_rounding(Comparison *cmp, const Node *gold, const Node *mine) {
    if (has_variables(gold) || has_variables(mine) || !is_scalar(gold) || !is_scalar(mine)) return ANSWER_NO;
    int digits = cmp->policy->approx_digits;
    if (digits > 0 && node_is(mine, N_RAT) && !node_is_integer(gold) && rounds_to(cmp, mine, gold, digits))
        return compare_yes(cmp, "correctly rounded");
    if (cmp->policy->rounded_gold && node_is(gold, N_RAT) && rounds_to(cmp, gold, mine, 1))
        return compare_yes(cmp, "rounds to the gold");
    return ANSWER_NO;
}
