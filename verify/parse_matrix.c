// Optional (math answers from data sets): matrices and other environments.
//   \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}, also bmatrix, Bmatrix, matrix, smallmatrix, array; vmatrix is the
// determinant; cases of one column are a list, \begin{cases} x=1 \\ y=4 \end{cases}, of more compared as a matrix.
#include "verify/parser.h"

#include <string.h>

static bool skip_group(Parser *p) { // {cc|c}, [2pt]
    char close = at_symbol(p, '{') ? '}' : at_symbol(p, '[') ? ']' : 0;
    if (!close) return true;
    while (p->t->kind != T_END && !at_symbol(p, close)) p->t++;
    return accept_symbol(p, close);
}

// aligned and its kin only place their contents: & goes, and \\ separates statements, but for a row that goes on with a
// relation sign: x &= 1+2 \\ &= 3. The tokens up to \end are rewritten and read as one statement.
static const Node *parse_aligned(Parser *p, const Token *name) {
    Token *from = p->t, *to = p->t, *end = p->t;
    while (end->kind != T_END && !(is_command(end, "end") && token_symbol(&end[1], '{'))) end++;
    bool closed = end->kind != T_END && end[2].len == name->len && !memcmp(end[2].text, name->text, name->len);
    uint32_t star = closed && token_symbol(&end[3], '*');
    if (!closed) return parse_fail(p);
    for (Token *t = from; t < end; t++) {
        if (token_symbol(t, '&')) continue;
        const Token *next = t + 1 + token_symbol(t + 1, '&');
        bool sign = next->kind == T_SYMBOL && strchr("=<>", next->symbol);
        bool goes_on = sign || is_command(next, "le|leq|ge|geq|approx");
        bool row = is_command(t, "\\");
        bool listed = to > from && (token_symbol(to - 1, ',') || token_symbol(to - 1, ';'));
        if (row && (goes_on || listed || next == end)) continue;
        *to = row ? (Token){.kind = T_SYMBOL, .symbol = ',', .text = ",", .len = 1} : *t;
        to++;
    }
    if (!token_symbol(end + 3 + star, '}')) return parse_fail(p);
    for (Token *t = to; t < end; t++) *t = (Token){.kind = T_END, .text = ""};
    if (to == end) *to = (Token){.kind = T_END, .text = ""};
    const Node *n = parse_statement(p);
    if (!n || p->t != to) return parse_fail(p);
    p->t = end + 4 + star;
    parse_leave(p);
    return n;
}

const Node *parse_environment(Parser *p) {
    static const char NAMES[] = "pmatrix|bmatrix|Bmatrix|matrix|smallmatrix|array|vmatrix|cases";
    if (!parse_enter(p) || !accept_symbol(p, '{')) return parse_fail(p);
    const Token name = *p->t;
    bool known = name.kind == T_WORD && words_exactly(name.text, name.len, NAMES);
    p->t++;
    if (name.kind == T_WORD && words_exactly(name.text, name.len, "aligned|align|gathered|gather|split")) {
        accept_symbol(p, '*');
        return accept_symbol(p, '}') ? parse_aligned(p, &name) : parse_fail(p);
    }
    if (!known || !accept_symbol(p, '}')) return parse_fail(p);
    if (token_is(&name, T_WORD, "array") && !skip_group(p)) return parse_fail(p);
    Items items;
    items_start(p, &items, NULL);
    items.count = 0;
    uint32_t columns = 0, column = 0;
    while (!at_command(p, "end")) {
        if (accept_command(p, "hline")) continue;
        if (!items_add(p, &items, parse_relation(p))) return NULL;
        column++;
        if (accept_symbol(p, '&')) continue;
        if (!columns) columns = column;
        if (column != columns) return parse_fail(p);
        column = 0;
        if (!accept_command(p, "\\") && !accept_command(p, "cr")) break;
        bool distance = at_symbol(p, '[') && p->t[1].kind == T_NUMBER && p->t[2].kind == T_WORD; // \\[2pt]
        if (distance && !skip_group(p)) return parse_fail(p);
    }
    bool closed = accept_command(p, "end") && accept_symbol(p, '{') && p->t->kind == T_WORD && p->t->len == name.len &&
                  !memcmp(p->t->text, name.text, name.len);
    if (closed) p->t++;
    if (!closed || !accept_symbol(p, '}') || !columns) return parse_fail(p);
    parse_leave(p);
    if (*name.text == 'c' && columns == 1) return node_new(p->pool, N_LIST, LIST_COMMA, items.at, items.count);
    const Node *matrix = node_new(p->pool, N_MATRIX, (int)columns, items.at, items.count);
    return *name.text == 'v' ? node_1(p->pool, N_FUNC, FN_DET, matrix) : matrix;
}
