// Optional (math answers from data sets): arithmetic of matrices of trees; see normal.h.
#include "verify/normal.h"

enum { ENTRIES = 64, DET_MAX = 5 };

static uint32_t rows(const Node *m) { return m->count / (uint32_t)m->op; }

const Node *matrix_add(Exact *exact, const Node *a, const Node *b) {
    const Node *out[ENTRIES];
    if (a->op != b->op || a->count != b->count || a->count > ENTRIES) return NULL;
    for (uint32_t i = 0; i < a->count; i++) out[i] = normal_form(exact, node_add(exact->pool, a->args[i], b->args[i]));
    return node_new(exact->pool, N_MATRIX, a->op, out, a->count);
}

// a is a matrix or a scalar, b a matrix.
const Node *matrix_mul(Exact *exact, const Node *a, const Node *b) {
    const Node *out[ENTRIES], *terms[ENTRIES];
    if (b->count > ENTRIES) return NULL;
    if (a->kind != N_MATRIX) {
        for (uint32_t i = 0; i < b->count; i++) out[i] = normal_form(exact, node_mul(exact->pool, a, b->args[i]));
        return node_new(exact->pool, N_MATRIX, b->op, out, b->count);
    }
    uint32_t inner = (uint32_t)a->op, columns = (uint32_t)b->op;
    if (inner != rows(b) || rows(a) * columns > ENTRIES) return NULL;
    for (uint32_t r = 0; r < rows(a); r++)
        for (uint32_t c = 0; c < columns; c++) {
            for (uint32_t k = 0; k < inner; k++)
                terms[k] = node_mul(exact->pool, a->args[r * inner + k], b->args[k * columns + c]);
            out[r * columns + c] = normal_form(exact, node_new(exact->pool, N_ADD, 0, terms, inner));
        }
    return node_new(exact->pool, N_MATRIX, b->op, out, rows(a) * columns);
}

// Expansion along the first row.
const Node *matrix_det(Exact *exact, const Node *a) {
    uint32_t n = (uint32_t)a->op;
    const Node *minor[DET_MAX * DET_MAX], *terms[DET_MAX];
    if (n != rows(a) || n > DET_MAX) return NULL;
    if (n == 1) return a->args[0];
    for (uint32_t c = 0; c < n; c++) {
        uint32_t k = 0;
        for (uint32_t i = n; i < n * n; i++)
            if (i % n != c) minor[k++] = a->args[i];
        const Node *sub = matrix_det(exact, node_new(exact->pool, N_MATRIX, (int)n - 1, minor, k));
        if (!sub) return NULL;
        terms[c] = node_mul(exact->pool, a->args[c], c % 2 ? node_negate(exact->pool, sub) : sub);
    }
    return normal_form(exact, node_new(exact->pool, N_ADD, 0, terms, n));
}
