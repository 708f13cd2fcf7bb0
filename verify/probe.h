// Optional (math answers from data sets): random points modulo p = 2^61 - 1.
//
// A rational function that vanishes at a random point of F_p is zero except with probability degree/p (Schwartz 1980,
// Zippel 1979). Heads that are not rational (roots, sines, f(x)) get a random value that depends on the head and on the
// values of their arguments, so equal arguments give equal values in any order. This is congruence closure by hashing;
// it decides towers like 10^{10^{10}} without evaluating them. Equal values always mean EQUAL; different values mean
// NOT_EQUAL when no irrational head took part.
//
// Points come from the gold and a build constant, never from the response: a response cannot aim at them.
#ifndef VERIFY_PROBE_H
#define VERIFY_PROBE_H
#include "verify/tree.h"

#define PROBE_PRIME ((UINT64_C(1) << 61) - 1)

typedef struct Probe {
    uint64_t seed;
    int point;            // which of the points
    const Node *bound;    // index of the sum being evaluated
    bool undefined;       // a zero denominator was met
    bool irrational;      // a head outside + - * / and integer powers was met
} Probe;

// A fraction num/den that is not reduced, so that equations can compare numerators.
typedef struct Residue {
    uint64_t num, den;
} Residue;

Residue probe_fraction(Probe *probe, const Node *n);
uint64_t probe_value(Probe *probe, const Node *n); // num/den in F_p
uint64_t probe_mul(uint64_t a, uint64_t b);
uint64_t probe_mix(uint64_t seed, uint64_t value);                       // splitmix64 of both
uint64_t probe_hash_text(uint64_t seed, const char *text, size_t len);
bool probe_congruent(uint64_t seed, const Node *a, const Node *b);      // equal at three points, nothing undefined

#endif
