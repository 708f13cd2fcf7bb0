// Optional (math answers from data sets): evaluation of a tree to a complex ball. Internal to ball*.c.
#ifndef VERIFY_BALL_EVAL_H
#define VERIFY_BALL_EVAL_H
#include "verify/ball.h"

#if __has_include(<flint/acb.h>)
#include <flint/acb.h>
#else
#include <acb.h>
#endif

typedef struct BallContext {
    const BallPoint *point;
    slong prec;
    double magnitude; // largest |log2| of an intermediate value
    double smallest;  // largest -log2 of one
    bool huge;        // refused: the value or its exponent is beyond what we evaluate
    bool unreal;      // at a real point: some part was not real, so there is no value; |\sqrt{-1}| is none
} BallContext;

// False when there is no value: undefined, huge, out of fuel, or a kind that has none. out is then unspecified.
bool ball_eval(acb_t out, const Node *n, BallContext *ev);
bool ball_function(acb_t out, int fn, acb_srcptr args, uint32_t count, BallContext *ev); // ball_function.c

#endif
