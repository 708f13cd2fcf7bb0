// Optional (math answers from data sets): compares two answers. Internal to verify/.
//
// Trees are in normal form (normal.h). `gold` and `mine` matter only where a rule is one-sided (percent, rounding); all
// else is symmetric.
#ifndef VERIFY_COMPARISON_H
#define VERIFY_COMPARISON_H
#include "verify/ball.h"
#include "verify/verify.h"

typedef struct Comparison {
    Exact exact;
    Field field;              // of the gold
    const VerifyPolicy *policy;
    const char *reason;       // why the last answer was given
    int depth;
} Comparison;

// The answer, with the reason that the caller is told.
static inline Answer compare_say(Comparison *cmp, Answer answer, const char *reason) {
    cmp->reason = reason;
    return answer;
}
static inline Answer compare_yes(Comparison *cmp, const char *why) { return compare_say(cmp, ANSWER_YES, why); }
static inline Answer compare_no(Comparison *cmp, const char *why) { return compare_say(cmp, ANSWER_NO, why); }
static inline Answer compare_unknown(Comparison *cmp, const char *why) { return compare_say(cmp, ANSWER_UNKNOWN, why); }
static inline Answer compare_if(Comparison *cmp, bool same, const char *yes, const char *no) {
    return same ? compare_yes(cmp, yes) : compare_no(cmp, no);
}

Answer compare_trees(Comparison *cmp, const Node *gold, const Node *mine);     // containers.c: any two trees
Answer compare_scalars(Comparison *cmp, const Node *gold, const Node *mine);   // scalar.c: numbers and expressions
Answer compare_measures(Comparison *cmp, const Node *gold, const Node *mine);  // measure.c: at least one unit
Answer compare_rounding(Comparison *cmp, const Node *gold, const Node *mine);  // measure.c: two knobs; YES or NO
Answer compare_relations(Comparison *cmp, const Node *gold, const Node *mine); // relation.c: at least one relation
Answer compare_intervals(Comparison *cmp, const Node *gold, const Node *mine); // interval.c: sets of reals or UNKNOWN
Answer compare_families(Comparison *cmp, const Node *gold, const Node *mine);  // family.c: k in Z, +C
Answer compare_ratios(Comparison *cmp, const Node *gold, const Node *mine);    // measure.c: at least one ratio or time

static inline bool equal_trees(Comparison *cmp, const Node *gold, const Node *mine) {
    return compare_trees(cmp, gold, mine) == ANSWER_YES;
}
static inline bool equal_scalars(Comparison *cmp, const Node *a, const Node *b) {
    return compare_scalars(cmp, a, b) == ANSWER_YES;
}
// Two nodes of which the second belongs to the gold when `swapped`.
static inline Answer compare_sides(Comparison *cmp, bool swapped, const Node *a, const Node *b) {
    return compare_trees(cmp, swapped ? b : a, swapped ? a : b);
}

bool letters_in_another_order(const Field *field, const Node *a, const Node *b); // letters.c: AB and BA
bool is_interval_like(const Node *n); // interval.c: a set of reals that is more than a bare pair
bool is_name(const Node *n);          // relation.c: what may stand left of "=" as a mere label
bool is_scalar(const Node *n);        // scalar.c
bool has_variables(const Node *n);    // scalar.c
int infinity_sign(const Node *n);     // scalar.c: 1 or -1 for an infinity, else 0
bool has_domain(const Node *n);       // scalar.c: bars or a root
bool mentions(const Node *n, const Node *name); // relation.c: name occurs in n
// relation.c: "name = value" gives the value, chains give their last member if the constant members agree; else NULL.
const Node *relation_value(Comparison *cmp, const Node *relation);
bool is_equation(const Node *n); // every sign of the relation is = or ~

#endif
