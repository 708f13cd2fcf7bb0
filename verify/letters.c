// Optional (math answers from data sets): products of capital letters, which may not commute.
//   AB and BA   (AB)^{-1} and A^{-1}B^{-1}   (A+B)^2 and A^2+2AB+B^2   AB-BA and 0
//
// Capitals may be matrices, points or maps. In an expression of nothing but capitals and integers that multiplies two
// of them, they get random 2x2 matrices over F_p as values; A^T and A^{\top} are transposes. Equations like V=IR are
// left to relation.c, where letters are numbers.
#include "verify/ascii.h"
#include "verify/comparison.h"

#include <flint/ulong_extras.h>

enum { SIDE = 2, ENTRIES = SIDE * SIDE, MOST_POWER = 64 };

typedef struct Matrix {
    uint64_t at[ENTRIES]; // row by row
} Matrix;

static bool is_capital(const Node *n) { return node_is(n, N_SYM) && n->text_len == 1 && is_upper(*n->text); }
static bool is_transpose(const Node *n) { return node_is_name(n, "T") || node_is_name(n, "top"); }

static bool only_capitals(const Node *n) {
    int64_t k;
    if (is_capital(n) || node_is_integer(n)) return true;
    if (n->kind == N_POW) {
        bool power = node_fits(n->args[1], &k) && k >= -MOST_POWER && k <= MOST_POWER;
        return (power || is_transpose(n->args[1])) && only_capitals(n->args[0]);
    }
    if (n->kind != N_ADD && n->kind != N_MUL) return false;
    for (uint32_t i = 0; i < n->count; i++)
        if (!only_capitals(n->args[i])) return false;
    return true;
}

static bool multiplies_two(const Node *n) {
    const Node *first = NULL;
    for (uint32_t i = 0; i < n->count && n->kind == N_MUL; i++) {
        const Node *letter = n->args[i]->kind == N_POW ? n->args[i]->args[0] : n->args[i];
        if (node_is(letter, N_RAT)) continue;
        if (first && !node_identical(first, letter)) return true;
        first = letter;
    }
    return false;
}

static Matrix multiply(const Field *field, Matrix a, Matrix b) {
    Matrix c;
    for (int i = 0; i < ENTRIES; i++) {
        const uint64_t *row = a.at + i / SIDE * SIDE, *column = b.at + i % SIDE;
        c.at[i] = (probe_mul(field, row[0], column[0]) + probe_mul(field, row[1], column[SIDE])) % field->prime;
    }
    return c;
}

static Matrix scalar(uint64_t x) { return (Matrix){{x, 0, 0, x}}; }

static Matrix value(const Field *field, const Node *n) {
    Probe probe = {.field = *field};
    uint64_t p = field->prime;
    if (node_is(n, N_RAT)) return scalar(probe_value(&probe, n));
    Matrix m = scalar(n->kind == N_MUL);
    if (is_capital(n)) {
        uint64_t seed = probe_hash_text(field->seed, n->text, 1);
        for (int i = 0; i < ENTRIES; i++) m.at[i] = probe_mix(seed, (uint64_t)i) % p;
        return m;
    }
    if (n->kind == N_POW) {
        Matrix base = value(field, n->args[0]);
        int64_t k = 1;
        if (!node_fits(n->args[1], &k)) return (Matrix){{base.at[0], base.at[2], base.at[1], base.at[3]}};
        uint64_t det = (probe_mul(field, base.at[0], base.at[3]) + p - probe_mul(field, base.at[1], base.at[2])) % p;
        Matrix inverse = {{base.at[3], p - base.at[1], p - base.at[2], base.at[0]}};
        if (k < 0) base = multiply(field, scalar(det ? n_invmod(det, p) : 0), inverse);
        for (m = scalar(1); k; k += k < 0 ? 1 : -1) m = multiply(field, m, base);
        return m;
    }
    for (uint32_t i = 0; i < n->count; i++) {
        Matrix x = value(field, n->args[i]);
        if (n->kind == N_MUL) m = multiply(field, m, x);
        for (int k = 0; k < ENTRIES && n->kind == N_ADD; k++) m.at[k] = (m.at[k] + x.at[k]) % p;
    }
    return m;
}

bool letters_in_another_order(const Field *field, const Node *a, const Node *b) {
    if (!only_capitals(a) || !only_capitals(b)) return false;
    if (!node_any(a, multiplies_two) && !node_any(b, multiplies_two)) return false;
    Matrix x = value(field, a), y = value(field, b);
    return memcmp(&x, &y, sizeof x) != 0;
}
