// Optional (math answers from data sets): the normal form of a tree.
// Every part that is an exact rational becomes that rational.
//
//   2\cdot 3 -> 6   8^{2/3} -> 4   \sqrt{9} -> 3   \binom{52}{5} -> 2598960   \sum_{k=1}^{4} k -> 10   5/(3-3) -> UNDEF
//   28\% + 1 -> 32/25   \sin 30^\circ -> \sin(30 \pi/180)   1^{10^{10^{10}}} -> 1   \det(...) -> its value
//
// Values too large for exact.h stay as written. UNDEF inside makes the whole UNDEF; infinity survives only alone or
// negated. The order of terms stays: probe.h compares without order.
#ifndef VERIFY_NORMAL_H
#define VERIFY_NORMAL_H
#include "verify/exact.h"

enum { BIG_TERMS = 1000 }; // terms of a sum or product that are written out

const Node *normal_form(Exact *exact, const Node *n);

// Both branches of every plus-minus. Inside lists and sets each branch becomes an element, elsewhere the whole
// statement becomes a list of two. All signs of one element are tied, \mp opposite.   x=\pm2 -> x=2, x=-2
const Node *normal_signs(NodePool *pool, const Node *n);

// n with the symbol (or the imaginary unit used as an index) replaced.
const Node *normal_substitute(NodePool *pool, const Node *n, const Node *symbol, const Node *value);

// Power of two normal forms (normal_power.c).   8^{2/3} -> 4   4^{5\cdot10^8} -> 2^{10^9}
const Node *normal_power(Exact *exact, const Node *base, const Node *exponent);
// Cancels huge factorials in the factors of a product.   \frac{30000!}{29998!} -> 30000\cdot29999
// Returns the number of factors left; *rational (may be NULL) is their rational factor.
uint32_t normal_factorials(Exact *exact, const Node **factors, uint32_t count, const Node **rational);

// Sum and product of matrices and scalars, determinants; NULL when the shapes do not fit (normal_matrix.c).
const Node *matrix_add(Exact *exact, const Node *a, const Node *b);
const Node *matrix_mul(Exact *exact, const Node *a, const Node *b);
const Node *matrix_det(Exact *exact, const Node *a);

#endif
