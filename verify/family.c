// Optional (math answers from data sets): families of answers: one free integer, or free constants.
//   x=\frac{\pi}{4}+k\pi, k\in\mathbb{Z} is \frac{5\pi}{4}-n\pi   x\equiv 3\pmod 7 is x=7k-4
//   C_1e^x+C_2e^{-x} is Ae^{-x}+Be^x
//
// a+bk over all integers k is c+dn when d = \pm b and (a-c)/b is an integer. The gold must say that its letter is any
// integer, unless a residue class answers it: 2k+1 alone is an expression in k, and 2n+1 another. Constants are free
// only beside e^x, \sin x or \cos x.
#include "verify/comparison.h"
#include "verify/normal.h"
#include "verify/ascii.h"
#include "verify/probe.h"

#include <string.h>

enum { CONSTANTS = 3, SHIFT = 1000000 };

typedef struct Family {
    const Node *start, *step; // start + step * integer
    const Node *name;         // x in x = ..., or NULL
    bool declared;            // k\in\mathbb{Z} or a residue class: surely all integers
} Family;

static bool declares_integer(const Node *n) { // k\in\mathbb{Z}
    if (!node_relates(n, REL_IN) || !node_is(n->args[0], N_SYM)) return false;
    return node_is_name(n->args[1], "mathbb:Z") || node_is_name(n->args[1], "Z");
}

static bool is_declared(const Node *n) { // x=7k+3, k\in\mathbb{Z}   x\equiv 3\pmod 7
    if (n->kind == N_LIST) return n->count == 2 && declares_integer(n->args[1]);
    return n->kind == N_RELATION && n->text[0] == REL_CONGRUENT;
}

static const Node *integer_letter(const Node *n) { // the one k, l, m or n in the expression
    if (n->kind == N_SYM) return n->text_len == 1 && strchr("klmn", *n->text) ? n : NULL;
    for (uint32_t i = 0; i < n->count; i++) {
        const Node *letter = integer_letter(n->args[i]);
        if (letter) return letter;
    }
    return NULL;
}

static const Node *combine(Comparison *cmp, const Node *a, int64_t times, const Node *b) { // a + times b
    NodePool *pool = cmp->exact.pool;
    return normal_form(&cmp->exact, node_add(pool, a, node_mul(pool, node_integer(pool, times), b)));
}

// The expression as start + step * letter with constant start and step.
static bool affine(Comparison *cmp, const Node *n, const Node *letter, Family *out) {
    NodePool *pool = cmp->exact.pool;
    const Node *value[2];
    for (int k = 0; k < 2; k++) {
        value[k] = normal_form(&cmp->exact, normal_substitute(pool, n, letter, node_integer(pool, k)));
        if (!is_scalar(value[k]) || has_variables(value[k])) return false;
    }
    out->start = value[0];
    out->step = combine(cmp, value[1], -1, value[0]);
    const Node *line = combine(cmp, out->start, 1, node_mul(pool, out->step, letter));
    return is_scalar(out->step) && compare_scalars(cmp, out->step, node_integer(pool, 0)) == ANSWER_NO &&
           equal_scalars(cmp, n, line);
}

static bool read_family(Comparison *cmp, const Node *n, Family *out) {
    *out = (Family){0};
    const Node *letter = NULL;
    if (n->kind == N_LIST && is_declared(n)) {
        out->declared = true;
        letter = n->args[1]->args[0];
        n = n->args[0];
    }
    bool relation = n->kind == N_RELATION && n->count == 2 && node_is(n->args[0], N_SYM);
    if (relation && !letter && n->text[0] == REL_CONGRUENT && node_is(n->args[1], N_MODULO)) {
        *out = (Family){n->args[1]->args[0], n->args[1]->args[1], n->args[0], true};
        return node_is_integer(out->start) && node_is_integer(out->step) && node_sign(out->step);
    }
    if (relation && n->text[0] == REL_EQ) out->name = n->args[0], n = n->args[1];
    if (!is_scalar(n)) return false;
    if (!letter) letter = integer_letter(n);
    return letter && mentions(n, letter) && affine(cmp, n, letter, out);
}

static Answer integers(Comparison *cmp, const Node *gold, const Node *mine) {
    bool residues = node_is(gold, N_RELATION) && node_is(mine, N_RELATION) && gold->text[0] == mine->text[0];
    Family g, m;
    if (residues || (!is_declared(gold) && !is_declared(mine))) return ANSWER_UNKNOWN; // residues: relation.c
    if (!read_family(cmp, gold, &g) || !read_family(cmp, mine, &m)) return ANSWER_UNKNOWN;
    if (!g.declared) {
        if (!m.declared) return ANSWER_UNKNOWN;
        if (node_is(mine, N_LIST) && mentions(gold, mine->args[1]->args[0])) // only the answer declares the letter
            return compare_trees(cmp, gold, mine->args[0]);
        if (!node_is(mine, N_RELATION) || !g.name || g.name->text_len != 1) return ANSWER_UNKNOWN;
    }
    if (g.name && m.name && !node_identical(g.name, m.name)) return compare_no(cmp, "another name");
    if (!equal_scalars(cmp, g.step, m.step) && !equal_scalars(cmp, g.step, combine(cmp, m.step, -2, m.step)))
        return compare_no(cmp, "families of other steps");
    Probe probe = {.field = cmp->field};
    NodePool *pool = cmp->exact.pool;
    uint64_t residue = probe_value(&probe, node_divide(pool, combine(cmp, m.start, -1, g.start), g.step));
    int64_t shift = residue < SHIFT ? (int64_t)residue : -(int64_t)(cmp->field.prime - residue);
    bool near = residue < SHIFT || cmp->field.prime - residue < SHIFT;
    bool same = near && equal_scalars(cmp, m.start, combine(cmp, g.start, shift, g.step));
    return compare_if(cmp, same, "same family", "families of other starts");
}

static bool is_indexed_constant(const Node *n) { // C_1, c_2
    if (!node_is(n, N_SYM) || n->text_len != 3 || !strchr("cC", *n->text)) return false;
    return n->text[1] == '_' && is_digit(n->text[2]);
}
static bool is_constant(const Node *n) {
    return is_indexed_constant(n) || (node_is(n, N_SYM) && n->text_len == 1 && strchr("ABCD", *n->text));
}
static bool is_variable(const Node *n) { return node_is(n, N_SYM) && !is_constant(n); }

static bool is_solution_head(const Node *n) { // e^{2x}, \sin x
    if (n->kind == N_POW) return node_is_const(n->args[0], CONST_E) && node_any(n->args[1], is_variable);
    return n->kind == N_FUNC && (n->op == FN_SIN || n->op == FN_COS) && node_any(n->args[0], is_variable);
}

// The constants of n, each once; false when there are too many.
static bool gather(const Node *n, const Node *names[CONSTANTS], int *count) {
    if (is_constant(n)) {
        for (int i = 0; i < *count; i++)
            if (node_identical(names[i], n)) return true;
        return *count < CONSTANTS && (names[(*count)++] = n, true);
    }
    for (uint32_t i = 0; i < n->count; i++)
        if (!gather(n->args[i], names, count)) return false;
    return true;
}

static const Node *right_side(const Node *n) {
    return is_equation(n) && n->count == 2 && is_name(n->args[0]) ? n->args[1] : n;
}

static const Node *slot(NodePool *pool, int i) { // a name for the i-th constant that no answer can write
    return node_text(pool, N_SYM, (char[]){'#', (char)('0' + i)}, 2, NULL, 0);
}

// Some assignment of my constants to the gold's makes the two expressions equal.
static Answer constants(Comparison *cmp, const Node *gold, const Node *mine) {
    static const int ORDER[6][CONSTANTS] = {{0, 1, 2}, {1, 0, 2}, {0, 2, 1}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    const Node *g[CONSTANTS], *m[CONSTANTS], *a = right_side(gold), *b = right_side(mine);
    int count = 0, other = 0;
    if (!is_scalar(a) || !is_scalar(b) || !node_any(a, is_indexed_constant)) return ANSWER_UNKNOWN;
    if (!node_any(a, is_solution_head)) return ANSWER_UNKNOWN;
    if (!gather(a, g, &count) || !gather(b, m, &other) || count != other || count < 2) return ANSWER_UNKNOWN;
    NodePool *pool = cmp->exact.pool;
    for (int i = 0; i < other; i++) b = normal_substitute(pool, b, m[i], slot(pool, i));
    for (int k = 0; k < (count == 2 ? 2 : 6); k++) {
        const Node *renamed = b;
        for (int i = 0; i < count; i++) renamed = normal_substitute(pool, renamed, slot(pool, i), g[ORDER[k][i]]);
        if (equal_scalars(cmp, a, renamed)) return compare_yes(cmp, "same up to free constants");
    }
    return ANSWER_UNKNOWN;
}

Answer compare_families(Comparison *cmp, const Node *gold, const Node *mine) {
    Answer answer = integers(cmp, gold, mine);
    return answer == ANSWER_UNKNOWN ? constants(cmp, gold, mine) : answer;
}
