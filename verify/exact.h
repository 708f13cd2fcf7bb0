// Optional (math answers from data sets): exact rational arithmetic under a budget.
//
// Every operation first estimates the bits of its result from the logarithms of its operands and returns NULL when they
// pass EXACT_BITS; 10^{10^{10}} costs one comparison. GMP's temporaries are a small multiple of the operands, so the
// same estimate bounds them. `fuel` counts about a nanosecond an operation, estimated beforehand from the sizes, and
// ends a check with too many expensive operations.
#ifndef VERIFY_EXACT_H
#define VERIFY_EXACT_H
#include "verify/tree.h"

enum { EXACT_BITS = 1 << 21, LITERAL_DIGITS = 100000, FACTORIAL_MAX = 20000 };

typedef struct Exact {
    NodePool *pool;
    int64_t fuel; // about nanoseconds left; below 0: everything is refused
} Exact;

bool exact_spend(Exact *exact, int64_t cost); // false when that was too much
int64_t exact_gcd_cost(int64_t x, int64_t y); // of a gcd of x and y limbs

// Digits with optional point, "12.50", times 10^exponent; the last `repeat` digits recur. NULL past the bounds.
const Node *exact_literal(Exact *exact, const char *digits, size_t len, int64_t exponent, size_t repeat);

// Each returns NULL when refused and UNDEF when there is no value (division by zero, factorial of -1). Sums, products
// and powers of NULL are NULL, so a formula is refused when a part of it is.
const Node *exact_add(Exact *exact, const Node *a, const Node *b);
const Node *exact_mul(Exact *exact, const Node *a, const Node *b);
const Node *exact_pow(Exact *exact, const Node *base, const Node *exponent); // NULL when a root is not exact
const Node *exact_function(Exact *exact, int fn, const Node *const *args, uint32_t count); // FN_* of rationals, or NULL
int exact_compare(const Node *a, const Node *b);                                // sign of a - b
bool exact_congruent(const Node *a, const Node *b, const Node *modulus);        // integers; modulus != 0
const Node *exact_scale(Exact *exact, const Node *a, int64_t num, int64_t den, int ten); // a * num/den * 10^ten

#endif
