// Optional (math answers from data sets): constructors and plain questions about trees; see tree.h.
#include "verify/tree.h"

#include <string.h>

static const Node UNDEF = {.kind = N_UNDEF};

const Node *node_undef(void) { return &UNDEF; }

static Node *blank(NodePool *pool, Kind kind, int op) {
    Node *n = pool_alloc(pool, sizeof *n);
    if (n) *n = (Node){.kind = (uint8_t)kind, .op = (int16_t)op};
    return n;
}

static bool set_args(NodePool *pool, Node *n, const Node *const *args, uint32_t count) {
    n->count = count;
    if (!count) return true;
    const Node **copy = pool_alloc(pool, count * sizeof *copy);
    if (!copy) return false;
    memcpy(copy, args, count * sizeof *copy);
    n->args = copy;
    return true;
}

const Node *node_new(NodePool *pool, Kind kind, int op, const Node *const *args, uint32_t count) {
    Node *n = blank(pool, kind, op);
    return n && set_args(pool, n, args, count) ? n : &UNDEF;
}

const Node *node_1(NodePool *pool, Kind kind, int op, const Node *a) { return node_new(pool, kind, op, &a, 1); }

const Node *node_2(NodePool *pool, Kind kind, int op, const Node *a, const Node *b) {
    const Node *args[2] = {a, b};
    return node_new(pool, kind, op, args, 2);
}

const Node *node_add(NodePool *pool, const Node *a, const Node *b) { return node_2(pool, N_ADD, 0, a, b); }
const Node *node_mul(NodePool *pool, const Node *a, const Node *b) { return node_2(pool, N_MUL, 0, a, b); }
const Node *node_pow(NodePool *pool, const Node *a, const Node *b) { return node_2(pool, N_POW, 0, a, b); }

const Node *node_text(NodePool *pool, Kind kind, const char *text, size_t len, const Node *const *args,
                      uint32_t count) {
    Node *n = blank(pool, kind, 0);
    char *copy = pool_alloc(pool, len + 1);
    if (!n || !copy || !set_args(pool, n, args, count)) return &UNDEF;
    memcpy(copy, text, len);
    copy[len] = 0;
    n->text = copy;
    n->text_len = (uint32_t)len;
    return n;
}

const Node *node_constant(NodePool *pool, int which) { return node_new(pool, N_CONST, which, NULL, 0); }

static const mp_limb_t *copy_limbs(NodePool *pool, mpz_srcptr z) {
    size_t bytes = mpz_size(z) * sizeof(mp_limb_t);
    mp_limb_t *limbs = pool_alloc(pool, bytes + 1);
    if (limbs && bytes) memcpy(limbs, mpz_limbs_read(z), bytes);
    return limbs;
}

const Node *node_rational(NodePool *pool, const mpq_t value) {
    Node *n = blank(pool, N_RAT, 0);
    if (!n) return &UNDEF;
    n->num = copy_limbs(pool, mpq_numref(value));
    n->den = copy_limbs(pool, mpq_denref(value));
    if (!n->num || !n->den) return &UNDEF;
    n->num_size = (int32_t)mpz_size(mpq_numref(value)) * mpq_sgn(value);
    n->den_size = (int32_t)mpz_size(mpq_denref(value));
    return n;
}

const Node *node_integer(NodePool *pool, int64_t value) {
    mpq_t q;
    mpq_init(q);
    mpq_set_si(q, value, 1);
    const Node *n = node_rational(pool, q);
    mpq_clear(q);
    return n;
}

const Node *node_unit(NodePool *pool, const Node *value, const Unit *unit) {
    Node *n = blank(pool, N_UNIT, 0);
    Unit *copy = pool_alloc(pool, sizeof *copy);
    if (!n || !copy || !set_args(pool, n, &value, 1)) return &UNDEF;
    *copy = *unit;
    n->unit = copy;
    return n;
}

const Node *node_negate(NodePool *pool, const Node *a) { return node_mul(pool, node_integer(pool, -1), a); }

const Node *node_subtract(NodePool *pool, const Node *a, const Node *b) {
    return node_add(pool, a, node_negate(pool, b));
}

const Node *node_divide(NodePool *pool, const Node *a, const Node *b) {
    return node_mul(pool, a, node_pow(pool, b, node_integer(pool, -1)));
}

const Node *node_map(NodePool *pool, const Node *n, const Node *const *args) {
    Node *copy = blank(pool, N_UNDEF, 0);
    if (!copy) return &UNDEF;
    *copy = *n;
    return set_args(pool, copy, args, n->count) ? copy : &UNDEF;
}

const Node *node_each(NodePool *pool, const Node *n, const Node *(*visit)(void *, const Node *), void *context) {
    const Node *few[64], **args = n->count <= 64 ? few : pool_alloc(pool, n->count * sizeof *args);
    if (!args) return &UNDEF;
    bool same = true;
    for (uint32_t i = 0; i < n->count; i++) {
        args[i] = visit(context, n->args[i]);
        if (args[i]->kind == N_UNDEF) return &UNDEF;
        same &= args[i] == n->args[i];
    }
    return same ? n : node_map(pool, n, args);
}

mpz_srcptr node_num(mpz_t view, const Node *n) { return mpz_roinit_n(view, n->num, n->num_size); }
mpz_srcptr node_den(mpz_t view, const Node *n) { return mpz_roinit_n(view, n->den, n->den_size); }
bool node_is_integer(const Node *n) { return n->kind == N_RAT && n->den_size == 1 && n->den[0] == 1; }

bool node_fits(const Node *n, int64_t *value) {
    if (!node_is_integer(n) || n->num_size > 1 || n->num_size < -1) return false;
    mp_limb_t limb = n->num_size ? n->num[0] : 0;
    if (limb >> 62) return false;
    *value = n->num_size < 0 ? -(int64_t)limb : (int64_t)limb;
    return true;
}

bool node_is_int(const Node *n, int64_t value) {
    int64_t have;
    return node_fits(n, &have) && have == value;
}

int node_sign(const Node *n) { return (n->num_size > 0) - (n->num_size < 0); }

bool node_text_is(const Node *n, const char *text) {
    return n->text && n->text_len == strlen(text) && !memcmp(n->text, text, n->text_len);
}

bool node_is_name(const Node *n, const char *text) { return n->kind == N_SYM && node_text_is(n, text); }
bool node_relates(const Node *n, int rel) { return n->kind == N_RELATION && n->count == 2 && n->text[0] == rel; }

bool node_same_text(const Node *a, const Node *b) {
    return a->text_len == b->text_len && (!a->text_len || !memcmp(a->text, b->text, a->text_len));
}

static bool same_rational(const Node *a, const Node *b) {
    size_t num = (size_t)(a->num_size < 0 ? -a->num_size : a->num_size), den = (size_t)a->den_size;
    return a->num_size == b->num_size && a->den_size == b->den_size &&
           !memcmp(a->num, b->num, num * sizeof *a->num) && !memcmp(a->den, b->den, den * sizeof *a->den);
}

static bool same_unit(const Unit *a, const Unit *b) {
    if (a == b) return true;
    return a && b && a->label_len == b->label_len && (!a->label_len || !memcmp(a->label, b->label, a->label_len)) &&
           a->percent == b->percent && a->degree == b->degree && a->generic == b->generic && a->num == b->num &&
           a->den == b->den && a->ten == b->ten && !memcmp(a->dims, b->dims, sizeof a->dims);
}

bool node_identical(const Node *a, const Node *b) {
    if (a->kind != b->kind || a->op != b->op || a->count != b->count || a->kind == N_UNDEF) return false;
    if (a->kind == N_RAT) return same_rational(a, b);
    if (!node_same_text(a, b) || !same_unit(a->unit, b->unit)) return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!node_identical(a->args[i], b->args[i])) return false;
    return true;
}

bool node_any(const Node *n, bool (*test)(const Node *)) {
    if (test(n)) return true;
    for (uint32_t i = 0; i < n->count; i++)
        if (node_any(n->args[i], test)) return true;
    return false;
}
