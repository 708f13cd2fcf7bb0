// The comparison of two answers, each question in a file of its own. Internal to verify/.
//
// Trees are in normal form (normal.h). `gold` and `mine` matter only where a rule is one-sided (percent, rounding); all
// else is symmetric.
#ifndef VERIFY_JUDGE_H
#define VERIFY_JUDGE_H
#include "verify/ball.h"
#include "verify/verify.h"

typedef struct Judge {
    Exact exact;
    uint64_t seed;            // of the gold
    const VerifyPolicy *policy;
    const char *reason;       // why the last answer was given
    int depth;
} Judge;

static inline Answer judge_say(Judge *judge, Answer answer, const char *reason) {
    judge->reason = reason;
    return answer;
}

Answer judge_equal(Judge *judge, const Node *gold, const Node *mine);     // containers.c: any two trees
Answer judge_scalars(Judge *judge, const Node *gold, const Node *mine);   // scalar.c: numbers and expressions
Answer judge_measures(Judge *judge, const Node *gold, const Node *mine);  // measure.c: at least one unit
Answer judge_rounding(Judge *judge, const Node *gold, const Node *mine);  // measure.c: the two rounding knobs; YES or NO
Answer judge_relations(Judge *judge, const Node *gold, const Node *mine); // relation.c: at least one relation
Answer judge_intervals(Judge *judge, const Node *gold, const Node *mine); // interval.c: sets of reals; UNKNOWN if they are not
Answer judge_families(Judge *judge, const Node *gold, const Node *mine);  // family.c: k in Z, free constants; UNKNOWN if they are not
Answer judge_ratios(Judge *judge, const Node *gold, const Node *mine);    // measure.c: at least one ratio or time

bool is_interval_like(const Node *n); // interval.c: a set of reals that is more than a bare pair
bool is_name(const Node *n);          // relation.c: what may stand left of "=" as a mere label
bool is_scalar(const Node *n);        // scalar.c
bool has_variables(const Node *n);    // scalar.c
bool mentions(const Node *n, const Node *name); // relation.c: name occurs in n
// relation.c: "name = value" gives the value, chains give their last member if the constant members agree; else NULL.
const Node *relation_value(Judge *judge, const Node *relation);
bool is_equation(const Node *n); // every sign of the relation is = or ~

#endif
