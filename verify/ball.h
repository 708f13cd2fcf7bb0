// Optional (math answers from data sets): ball arithmetic.
// A ball is a value with a proved bound on its error (Arb, Johansson 2017).
//
// The difference of two answers is evaluated at growing precision. A ball that excludes 0 proves NOT_EQUAL. A ball that
// contains 0 at 2048 bits with radius below 2^-1500 of the operands means EQUAL: a proof for algebraic numbers with a
// larger root separation (all that people write in answers), overwhelming evidence for the rest. A double would not do:
// e^{\pi\sqrt{163}} differs from an integer by 7.5e-13, 1/1990! underflows.
#ifndef VERIFY_BALL_H
#define VERIFY_BALL_H
#include "verify/exact.h"
#include "verify/probe.h"

#include <stdbool.h>

typedef enum Answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN } Answer;

typedef enum PointKind {
    POINT_CONSTANT, // no variables are expected; they get values all the same
    POINT_REAL,     // positive, negative, in (0,1), large, mixed, far out (ball_points)
    POINT_INTEGER,  // positive integers, small and large
    POINT_COMPLEX,  // z and w are complex, other names real
    POINT_LINE      // a point of a random line: each name has the value v + tu
} PointKind;

enum { SCATTERED = 12, FAR = 20, MIXED = 8, POINTS = 256 };

typedef struct BallPoint {
    PointKind kind;
    int index;
    Field field;
    bool natural_log;  // \log without a base is ln; else base 10
    Exact *exact;      // fuel; and the pool for integer points
    // POINT_LINE. On line 1 only the name `axis` varies; on line 2 it stays where t = `stay` put it, the others vary.
    const Node *t, *axis, *stay;
    int bits;          // of precision; 0 is the least
    bool any_domain;   // the second side need not be real where the first is
} BallPoint;

// Are two constants equal? UNKNOWN when one is too large to evaluate (*huge), has no value, or precision ran out.
Answer ball_constants(const BallPoint *point, const Node *a, const Node *b, bool *huge);
// The same question at one random point of the variables; *valid is false when the point does not count (a side is not
// real there, or not defined).
Answer ball_at_point(const BallPoint *point, const Node *a, const Node *b, bool *valid);
// Is the first side real at the point and the second not? \ln|x| is real where \ln x is not.
bool ball_leaves_reals(const BallPoint *point, const Node *gold, const Node *mine);
// Is F(P)G(Q) = F(Q)G(P) for two real points? *valid as above.
Answer ball_proportional(const BallPoint *p, const BallPoint *q, const Node *f, const Node *g, bool *valid);
// The real points at which a and b are compared, and how many: SCATTERED ones; where a or b has kinks, also FAR ones,
// MIXED ones and one in each piece between kinks (kinks.c).
int ball_points(const BallPoint *base, const Node *a, const Node *b, BallPoint out[POINTS]);
// Twice the bits of the constants in a and b, so that a constant however small shows: \sin x + 10^{-80} is not \sin x.
// 0 when that is more than the least precision gives, -1 when it is too much to evaluate.
int ball_bits(const Node *a, const Node *b);
// Sign of a - b for real constants: -1, 0, 1; 2 when not decided.
int ball_order(const BallPoint *point, const Node *a, const Node *b);

#endif
