// Optional (math answers from data sets): F_p; see probe.h. Mixing: splitmix64 (Steele et al. 2014).
#include "verify/probe.h"

#include <flint/ulong_extras.h>

Field probe_field(uint64_t seed) {
    uint64_t prime = n_nextprime((UINT64_C(1) << 60) + (probe_mix(seed, 0) >> 5), 0);
    return (Field){seed, prime, n_preinvert_limb(prime)};
}

uint64_t probe_mul(const Field *field, uint64_t a, uint64_t b) {
    return n_mulmod2_preinv(a, b, field->prime, field->inverse);
}

static uint64_t add(const Field *field, uint64_t a, uint64_t b) {
    return a + b >= field->prime ? a + b - field->prime : a + b;
}

static uint64_t power(const Field *field, uint64_t base, uint64_t e) {
    uint64_t r = 1;
    for (; e; e >>= 1, base = probe_mul(field, base, base))
        if (e & 1) r = probe_mul(field, r, base);
    return r;
}

uint64_t probe_mix(uint64_t seed, uint64_t value) {
    uint64_t z = seed + 0x9E3779B97F4A7C15u * (value + 1);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint64_t probe_hash_text(uint64_t seed, const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) seed = probe_mix(seed, (unsigned char)text[i]);
    return probe_mix(seed, len);
}

static Residue residue(uint64_t num, uint64_t den) { return (Residue){num, den}; }
static Residue element(const Probe *probe, uint64_t hash) {
    return residue(hash % (probe->field.prime - 1) + 1, 1);
}
static uint64_t limbs_mod(const mp_limb_t *limbs, int32_t size, uint64_t p) {
    if (!size) return 0;
    mp_size_t n = size < 0 ? -size : size;
    uint64_t r = mpn_mod_1(limbs, n, p);
    return size < 0 && r ? p - r : r;
}

static uint64_t leaf_seed(const Probe *probe, unsigned kind) {
    return probe_mix(probe_mix(probe->field.seed, (uint64_t)probe->point), kind);
}

// A head that F_p does not know: a random function of its name and its arguments' values.
static Residue opaque(Probe *probe, const Node *n, bool irrational) {
    uint64_t hash = probe_mix(leaf_seed(probe, n->kind), (uint64_t)n->op + 100);
    if (n->text) hash = probe_hash_text(hash, n->text, n->text_len);
    for (uint32_t i = 0; i < n->count; i++) hash = probe_mix(hash, probe_value(probe, n->args[i]));
    if (irrational) probe->irrational = true;
    return element(probe, hash);
}

static Residue sum_of_series(Probe *probe, const Node *n) {
    uint64_t hash = probe_mix(leaf_seed(probe, N_BIG), (uint64_t)n->op);
    hash = probe_mix(hash, probe_value(probe, n->args[1]));
    hash = probe_mix(hash, probe_value(probe, n->args[2]));
    const Node *outer = probe->bound;
    probe->bound = n->args[0];
    hash = probe_mix(hash, probe_value(probe, n->args[3]));
    probe->bound = outer;
    probe->irrational = true;
    return element(probe, hash);
}

static Residue integer_power(Probe *probe, const Node *n) {
    const Field *field = &probe->field;
    Residue base = probe_fraction(probe, n->args[0]);
    const Node *e = n->args[1];
    if (node_sign(e) < 0) {
        if (!base.num) probe->undefined = true;
        base = residue(base.den, base.num);
    }
    uint64_t k = limbs_mod(e->num, e->num_size < 0 ? -e->num_size : e->num_size, field->prime - 1);
    if (!base.num && node_sign(e)) return residue(0, power(field, base.den, k));
    return residue(power(field, base.num, k), power(field, base.den, k));
}

Residue probe_fraction(Probe *probe, const Node *n) {
    const Field *field = &probe->field;
    switch (n->kind) {
    case N_RAT:
        return residue(limbs_mod(n->num, n->num_size, field->prime), limbs_mod(n->den, n->den_size, field->prime));
    case N_ADD: {
        Residue r = residue(0, 1);
        for (uint32_t i = 0; i < n->count; i++) {
            Residue t = probe_fraction(probe, n->args[i]);
            if (t.den == r.den) r.num = add(field, r.num, t.num);
            else {
                r.num = add(field, probe_mul(field, r.num, t.den), probe_mul(field, t.num, r.den));
                r.den = probe_mul(field, r.den, t.den);
            }
        }
        return r;
    }
    case N_MUL: {
        Residue r = residue(1, 1);
        for (uint32_t i = 0; i < n->count; i++) {
            Residue t = probe_fraction(probe, n->args[i]);
            r = residue(probe_mul(field, r.num, t.num), probe_mul(field, r.den, t.den));
        }
        return r;
    }
    case N_POW: return node_is_integer(n->args[1]) ? integer_power(probe, n) : opaque(probe, n, true);
    case N_BIG: return sum_of_series(probe, n);
    case N_SYM: case N_CONST:
        if (probe->bound && node_identical(n, probe->bound)) return element(probe, leaf_seed(probe, 255));
        return opaque(probe, n, node_is_const(n, CONST_I));
    case N_APPLY: case N_TEXT: return opaque(probe, n, false);
    case N_UNDEF: probe->undefined = true; return residue(0, 1);
    default: return opaque(probe, n, true);
    }
}

uint64_t probe_value(Probe *probe, const Node *n) {
    const Field *field = &probe->field;
    Residue r = probe_fraction(probe, n);
    if (r.den == 1) return r.num;
    if (!r.den) probe->undefined = true;
    return probe_mul(field, r.num, power(field, r.den, field->prime - 2));
}

bool probe_equal(Probe *x, const Node *a, const Node *b) {
    Residue u = probe_fraction(x, a), v = probe_fraction(x, b);
    x->undefined |= !u.den || !v.den;
    return !x->undefined && probe_mul(&x->field, u.num, v.den) == probe_mul(&x->field, v.num, u.den);
}

bool probe_congruent(const Field *field, const Node *a, const Node *b, int first) {
    bool equal = true;
    for (int point = first; point < 2 && equal; point++) {
        Probe x = {.field = *field, .point = point};
        equal = probe_equal(&x, a, b);
    }
    return equal;
}
