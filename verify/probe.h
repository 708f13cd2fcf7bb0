// Optional (math answers from data sets): random points modulo a prime p of 61 bits.
//
// A rational function that vanishes at a random point of F_p is zero except with probability degree/p (Schwartz 1980,
// Zippel 1979). Heads that are not rational (roots, sines, f(x)) get a random value that depends on the head and on the
// values of their arguments, so equal arguments give equal values in any order. This is congruence closure by hashing;
// it decides towers like 10^{10^{10}} without evaluating them. Equal values always mean EQUAL; different values mean
// NOT_EQUAL when no irrational head took part.
//
// The prime and the points come from a hash of the gold and a build constant. A fixed prime would be a loophole: x+p,
// (p+1)x and x^p equal x modulo p. Nobody can write an answer for a prime that must first be found by that hash.
#ifndef VERIFY_PROBE_H
#define VERIFY_PROBE_H
#include "verify/tree.h"

typedef struct Field {
    uint64_t seed, prime, inverse; // of the points; 2^60 < prime; FLINT's inverse of the prime
} Field;

typedef struct Probe {
    Field field;
    int point;            // which of the points
    const Node *bound;    // index of the sum being evaluated
    bool undefined;       // a zero denominator was met
    bool irrational;      // a head outside + - * / and integer powers was met
} Probe;

// A fraction num/den that is not reduced, so that equations can compare numerators.
typedef struct Residue {
    uint64_t num, den;
} Residue;

Field probe_field(uint64_t seed);
Residue probe_fraction(Probe *probe, const Node *n);
uint64_t probe_value(Probe *probe, const Node *n); // num/den in F_p
uint64_t probe_mul(const Field *field, uint64_t a, uint64_t b);
uint64_t probe_mix(uint64_t seed, uint64_t value);                       // splitmix64 of both
uint64_t probe_hash_text(uint64_t seed, const char *text, size_t len);
bool probe_equal(Probe *probe, const Node *a, const Node *b); // equal values at this point, both defined
// Equal at the points from `first` to 1, nothing undefined. Two points make the error less than 1e-30.
bool probe_congruent(const Field *field, const Node *a, const Node *b, int first);

#endif
