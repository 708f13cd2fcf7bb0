// Optional (math answers from data sets): the immutable tree of an answer, never executed.
//
// A constructor never returns NULL: when the pool is exhausted it returns UNDEF, and the verdict becomes LIMIT.
// Children are shared freely.
#ifndef VERIFY_TREE_H
#define VERIFY_TREE_H
#include "verify/node_pool.h"

#include <gmp.h>
#include <stdint.h>

typedef enum Kind {
    // scalars
    N_UNDEF,    // 1/0, ln 0, a literal past the bounds: equals nothing, itself included
    N_RAT,      // exact rational num/den; text = the literal as written, if it was one
    N_CONST,    // op: CONST_*
    N_SYM,      // variable or opaque name in `text`, e.g. "x", "x_1", "vec:v"
    N_ADD,      // sum of args
    N_MUL,      // product of args
    N_POW,      // args[0] ^ args[1]
    N_FUNC,     // known function, op: FN_*
    N_APPLY,    // unknown function `text` of args: f(x)
    N_PM,       // op +1: plus-minus args[0], op -1: minus-plus args[0]
    N_BIG,      // op 0: sum, 1: product; args = index symbol, from, to, term
    N_BASE,     // digits in `text` (lower case, perhaps a sign), base in op
    N_UNIT,     // args[0] measured in `unit`
    // containers and statements
    N_TEXT,     // words, normal form in `text`
    N_LIST,     // bare list, op: LIST_*
    N_TUPLE,    // op: bracket pair, BRACKET_*
    N_SET,      // { ... }
    N_UNION, N_INTERSECT, N_MINUS, // of args
    N_BUILDER,  // { args[0] | args[1] }
    N_MATRIX,   // op columns; args row by row
    N_RELATION, // args[0] text[0] args[1] text[1] args[2] ..., one REL_* byte between two args
    N_RATIO,    // a : b : c; op 0 none, 1 a.m., 2 p.m.
    N_MODULO,   // args[0] (mod args[1]), a residue class
} Kind;

enum { CONST_PI, CONST_E, CONST_I, CONST_INF, CONST_REALS, CONST_EMPTY };
enum { LIST_COMMA, LIST_OR, LIST_AND, LIST_SEMICOLON };
enum { BRACKET_ROUND, BRACKET_SQUARE, BRACKET_OPEN_CLOSED, BRACKET_CLOSED_OPEN, BRACKET_ANGLE };
enum { REL_EQ = '=', REL_NE = '!', REL_LT = '<', REL_LE = 'l', REL_GT = '>', REL_GE = 'g', REL_APPROX = '~',
       REL_IN = 'i', REL_CONGRUENT = '#', REL_MAPS = 'm', REL_OTHER = '?' };
enum {
    FN_SIN, FN_COS, FN_TAN, FN_COT, FN_SEC, FN_CSC, FN_ASIN, FN_ACOS, FN_ATAN, FN_ACOT, FN_ASEC, FN_ACSC,
    FN_SINH, FN_COSH, FN_TANH, FN_ASINH, FN_ACOSH, FN_ATANH, FN_EXP, FN_LN,
    FN_LOG /* (x) or (x, base) */, FN_ROOT /* (x, n) */, FN_ABS, FN_FLOOR, FN_CEIL, FN_FACTORIAL, FN_DOUBLE_FACTORIAL,
    FN_BINOMIAL, FN_MOD, FN_GCD, FN_LCM, FN_MIN, FN_MAX, FN_SIGN, FN_RE, FN_IM, FN_ARG,
    FN_DET, FN_CIS, FN_COUNT
};

// A measure: value * factor in the base unit of its dimensions. Unknown nouns ("apples") have only a label.
typedef struct Unit {
    const char *label; // normal form of an unknown noun; NULL for a known unit
    uint32_t label_len;
    bool percent, degree, generic; // generic: "units", names no dimension
    int8_t dims[8];                // exponents, see units.h
    int64_t num, den;              // factor = num/den * 10^ten
    int16_t ten;
} Unit;

typedef struct Node {
    uint8_t kind;   // Kind
    int16_t op;
    bool decimal;   // N_RAT: written with a decimal point or exponent
    bool negated;   // N_RAT: the literal is preceded by a sign that was folded in
    uint32_t count; // of args
    uint32_t text_len;
    const char *text;
    const struct Node *const *args;
    const mp_limb_t *num, *den; // N_RAT: |num| and den limbs, little end first, canonical
    int32_t num_size, den_size; // limbs; num_size carries the sign
    const Unit *unit;
} Node;

const Node *node_new(NodePool *pool, Kind kind, int op, const Node *const *args, uint32_t count); // copies args
const Node *node_1(NodePool *pool, Kind kind, int op, const Node *a);
const Node *node_2(NodePool *pool, Kind kind, int op, const Node *a, const Node *b);
// Copies the text and args.
const Node *node_text(NodePool *pool, Kind kind, const char *text, size_t len, const Node *const *args, uint32_t count);
const Node *node_undef(void);
const Node *node_constant(NodePool *pool, int which);
const Node *node_rational(NodePool *pool, const mpq_t value); // value must be canonical; copies
const Node *node_integer(NodePool *pool, int64_t value);
const Node *node_unit(NodePool *pool, const Node *value, const Unit *unit); // copies *unit
const Node *node_add(NodePool *pool, const Node *a, const Node *b);
const Node *node_mul(NodePool *pool, const Node *a, const Node *b);
const Node *node_pow(NodePool *pool, const Node *a, const Node *b);
const Node *node_negate(NodePool *pool, const Node *a);                  // -1 * a
const Node *node_subtract(NodePool *pool, const Node *a, const Node *b); // a + -1 * b
const Node *node_divide(NodePool *pool, const Node *a, const Node *b);   // a * b^-1
const Node *node_map(NodePool *pool, const Node *n, const Node *const *args); // n with other args of the same count
// n with visit(context, arg) in place of each arg: n itself where nothing changes, UNDEF where an arg becomes UNDEF.
const Node *node_each(NodePool *pool, const Node *n, const Node *(*visit)(void *, const Node *), void *context);

// Read-only views of a rational's parts; the result must not be cleared or written.
mpz_srcptr node_num(mpz_t view, const Node *rational);
mpz_srcptr node_den(mpz_t view, const Node *rational);
bool node_is_integer(const Node *n);
bool node_is_int(const Node *n, int64_t value); // n is exactly this rational
bool node_fits(const Node *n, int64_t *value);  // n is an integer of at most 62 bits
int node_sign(const Node *rational);
static inline bool node_is(const Node *n, Kind kind) { return n->kind == kind; }
static inline bool node_is_const(const Node *n, int which) { return n->kind == N_CONST && n->op == which; }
bool node_text_is(const Node *n, const char *text); // N_SYM, N_APPLY, N_TEXT with exactly this text
bool node_is_name(const Node *n, const char *text); // N_SYM of this text
bool node_relates(const Node *n, int rel);          // a relation of two members with this REL_* sign
bool node_same_text(const Node *a, const Node *b);

// Same shape, same leaves, in the same order. Literals compare by value.
bool node_identical(const Node *a, const Node *b);
// n or something below it satisfies test.
bool node_any(const Node *n, bool (*test)(const Node *));

#endif
