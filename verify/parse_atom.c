// Optional (math answers from data sets): atoms: names, words, brackets, absolute values, sets.
//   "x_{10}"   "f(x)"   "f'(0)"   "2pi"   "\{x : x>2\}"   "(1,2]"   "|x-1|"   "\{1,2\}"   "{a \over b}"   "{}^nC_k"
#include "verify/parser.h"

#include "verify/ascii.h"

#include <string.h>

// The tokens in [from, to) spelled without blanks or braces.
const char *spelling_until(Parser *p, const Token *from, const Token *to, size_t *len) {
    size_t need = 1;
    for (const Token *t = from; t < to; t++) need += t->len;
    char *text = pool_alloc(p->pool, need);
    *len = 0;
    if (!text) return NULL;
    for (const Token *t = from; t < to; t++) {
        if (t->kind == T_SYMBOL && strchr("{}", t->symbol)) continue;
        memcpy(text + *len, t->text, t->len);
        *len += t->len;
    }
    return text;
}

const Node *name_until(Parser *p, const Token *from, Token *to) {
    size_t len;
    const char *name = spelling_until(p, from, to, &len);
    if (!name) return NULL;
    p->t = to;
    return node_text(p->pool, N_SYM, name, len, NULL, 0);
}

bool skip_argument(Parser *p) {
    int depth = 0;
    do {
        if (p->t->kind == T_END) return false;
        depth += at_symbol(p, '{') - at_symbol(p, '}');
        p->t++;
    } while (depth > 0);
    return true;
}

static bool accept_close(Parser *p, char *kind) {
    if (at_symbol(p, ')') || at_symbol(p, ']')) *kind = p->t->symbol;
    else if (at_command(p, "}|rbrace")) *kind = '}';
    else if (at_command(p, "rangle")) *kind = '>';
    else return false;
    p->t++;
    return true;
}

static const Node *close_bracket(Parser *p, char open, char close, const Node *inside) {
    bool list = node_is(inside, N_LIST) && (inside->op == LIST_COMMA || inside->op == LIST_SEMICOLON);
    if (open == '{') {
        if (close != '}') return parse_fail(p);
        bool many = node_is(inside, N_LIST);
        return node_new(p->pool, N_SET, 0, many ? inside->args : &inside, many ? inside->count : 1);
    }
    if (!list) {
        bool matched = (open == '(' && close == ')') || (open == '[' && close == ']');
        if (open == '<' && close == '>') return node_1(p->pool, N_TUPLE, BRACKET_ANGLE, inside);
        return matched ? inside : parse_fail(p);
    }
    static const int OPS[] = {BRACKET_ROUND, BRACKET_SQUARE, BRACKET_ANGLE, BRACKET_OPEN_CLOSED, BRACKET_CLOSED_OPEN};
    int place = words_place((char[]){open, close}, 2, "()|[]|<>|(]|[)"), op = place < 0 ? 0 : OPS[place];
    if (place < 0 || (place > 2 && inside->count != 2)) return parse_fail(p);
    return node_new(p->pool, N_TUPLE, op, inside->args, inside->count);
}

// ]0,1[ is (0,1): square brackets that look away exclude their end. Rewrites the two tokens when p is at such a pair.
static void turn_brackets(Parser *p) {
    Token *open = p->t, *t = open + 1;
    bool comma = false;
    for (int depth = 0; depth >= 0 && t->kind != T_END; t++) {
        if (depth == 0 && (token_symbol(t, '[') || token_symbol(t, ']'))) break;
        if (depth == 0) comma |= token_symbol(t, ',') || token_symbol(t, ';');
        depth += (token_symbol(t, '(') || token_symbol(t, '{')) - (token_symbol(t, ')') || token_symbol(t, '}'));
    }
    const Token *next = &t[1];
    bool over = next->kind == T_END || is_command(next, "cup|cap|setminus");
    bool ends = t->kind == T_SYMBOL && (over || (next->kind == T_SYMBOL && strchr(",;)}", next->symbol)));
    if (!comma || (!ends && open->symbol != ']')) return;
    if (open->symbol == ']') open->symbol = '(';
    if (token_symbol(t, '[') && ends) t->symbol = ')';
}

const Node *parse_bracketed(Parser *p) {
    if (!parse_enter(p)) return NULL;
    char open = p->t->kind == T_SYMBOL ? p->t->symbol : at_command(p, "langle") ? '<' : '{', close = 0;
    struct Scope outer = p->scope;
    p->t++;
    p->scope = (struct Scope){.builder = open == '{'};
    const Node *inside = NULL;
    if (open == '{' && accept_command(p, "}|rbrace")) {
        inside = node_constant(p->pool, CONST_EMPTY);
    } else if ((inside = parse_statement(p))) {
        bool bar = open == '{' && (at_symbol(p, '|') || at_symbol(p, ':') || at_command(p, "mid|colon|vert"));
        p->t += bar;
        p->scope.builder = false;
        const Node *condition = bar ? parse_statement(p) : NULL;
        if (p->failed || !accept_close(p, &close)) return parse_fail(p);
        if (bar && close != '}') return parse_fail(p);
        inside = bar ? node_2(p->pool, N_BUILDER, 0, inside, condition) : close_bracket(p, open, close, inside);
    }
    p->scope = outer;
    parse_leave(p);
    return inside;
}

static const Node *combination(Parser *p, const Node *n, const Node *k) {
    return n && k ? node_2(p->pool, N_FUNC, FN_BINOMIAL, n, k) : parse_fail(p);
}

static const Node *arrangements(Parser *p, const Node *n, const Node *k) { // n!/(n-k)!
    if (!n || !k) return parse_fail(p);
    const Node *rest = node_subtract(p->pool, n, k);
    return node_divide(p->pool, node_1(p->pool, N_FUNC, FN_FACTORIAL, n), node_1(p->pool, N_FUNC, FN_FACTORIAL, rest));
}

// {}^nC_k, {}_nC_k, ^nC_k, and P for arrangements: p->t is at the first script.
static const Node *scripted_combination(Parser *p) {
    if (!accept_symbol(p, '^') && !accept_symbol(p, '_')) return parse_fail(p);
    Token *head = p->t;
    char letter = 0;
    bool number = head->kind == T_NUMBER;
    bool joined = head->kind == T_WORD && head->len == 2 && strchr("CP", head->text[1]); // nC
    if (joined) letter = head->text[1], head->len = 1;
    const Node *n = number ? exact_literal(p->exact, head->text, head->len, 0, 0) : parse_tex_argument(p, false);
    if (n && p->t->kind == T_NUMBER) p->t++;
    if (!letter && (token_is(p->t, T_WORD, "C") || token_is(p->t, T_WORD, "P"))) letter = *p->t++->text;
    if (!n || !letter || (!accept_symbol(p, '_') && !accept_symbol(p, '^'))) return parse_fail(p);
    const Node *k = parse_tex_argument(p, false);
    return letter == 'C' ? combination(p, n, k) : arrangements(p, n, k);
}

const Node *parse_group(Parser *p) {
    if (!parse_enter(p)) return NULL;
    struct Scope outer = p->scope;
    p->t++;
    if (accept_symbol(p, '}')) {
        parse_leave(p);
        return scripted_combination(p);
    }
    p->scope = (struct Scope){0};
    const Node *inside = parse_statement(p);
    if (inside && at_command(p, "over|choose")) {
        bool over = at_command(p, "over");
        p->t++;
        const Node *below = parse_statement(p);
        inside = !below ? NULL : over ? node_divide(p->pool, inside, below) : combination(p, inside, below);
    }
    p->scope = outer;
    parse_leave(p);
    return inside && accept_symbol(p, '}') ? inside : parse_fail(p);
}

bool at_norm(const Token *t) { return t->kind == T_COMMAND && *t->text == '|'; }

static const Node *parse_bars(Parser *p) {
    if (!parse_enter(p)) return NULL;
    bool norm = at_norm(p->t);
    struct Scope outer = p->scope;
    p->t++;
    p->scope = (struct Scope){.bars = outer.bars + 1};
    const Node *inside = parse_sum(p);
    p->scope = outer;
    parse_leave(p);
    if (!inside || !(norm ? at_norm(p->t) : at_symbol(p, '|'))) return parse_fail(p);
    p->t++;
    return norm ? node_text(p->pool, N_APPLY, "norm", 4, &inside, 1) : node_1(p->pool, N_FUNC, FN_ABS, inside);
}

bool accept_prime(Parser *p) {
    if (accept_symbol(p, '\'')) return true;
    if (!at_symbol(p, '^')) return false;
    if (is_command(&p->t[1], "prime")) return p->t += 2, true;
    bool group = token_symbol(&p->t[1], '{') && is_command(&p->t[2], "prime");
    if (!group) return false;
    for (p->t += 3; accept_command(p, "prime");) {}
    return accept_symbol(p, '}');
}

// "(x) =", "(x, y) =", "= p(x)": arguments, at t, of a function that is being defined; t[-1] is its name.
static bool defines(const Token *t) {
    bool after = t[-1].kind == T_WORD && token_symbol(&t[-2], '=');
    do {
        if (t[1].kind != T_WORD || t[1].len != 1) return false;
        t += 2;
    } while (token_symbol(t, ','));
    bool closed = token_symbol(t, ')'), before = token_symbol(&t[1], '=');
    return closed && (before || (after && t[1].kind == T_END));
}

static bool accept_inverse(Parser *p) { // ^{-1} of f^{-1}(x)
    const Token *t = p->t;
    bool group = token_symbol(&t[0], '^') && token_symbol(&t[1], '{') && token_symbol(&t[2], '-');
    bool minus_one = group && token_is(&t[3], T_NUMBER, "1") && token_symbol(&t[4], '}');
    return minus_one && token_symbol(&t[5], '(') && (p->t += 5);
}

// Does a name before "(" read as a function? f(x), g(2), P(A), W(4), u(t)= do; n(n+1), x(3), a(b+c) are products.
// SymPy puts the brackets into a group: f{\left(x\right)}.
static bool applies(const Parser *p, const char *name, size_t len, bool primed) {
    const Token *t = p->t + (at_symbol(p, '{') ? 1 : 0);
    if (!token_symbol(t, '(')) return false;
    if (len == 1 && t == p->t && defines(t)) return true;
    if (primed || (strchr("fgh", *name) && (len == 1 || name[1] == '_'))) return true;
    bool atom = t[1].kind != T_END && token_symbol(&t[2], ')');
    return is_upper(*name) && atom;
}

bool add_subscript(Parser *p, char *name, size_t *len, size_t room) {
    if (!accept_symbol(p, '_')) return true;
    const Token *from = p->t;
    size_t n;
    skip_argument(p);
    const char *subscript = spelling_until(p, from, p->t, &n);
    if (!subscript || !n || *len + n + 2 > room) return false;
    name[*len] = '_';
    memcpy(name + *len + 1, subscript, n);
    *len += 1 + n;
    return true;
}

static const Node *finish_name(Parser *p, const char *base, size_t base_len) {
    char name[256];
    size_t len = 0;
    bool primed = false;
    if (base_len >= 64) return parse_fail(p);
    memcpy(name, base, base_len);
    len = base_len;
    while (accept_prime(p) && len < 80) name[len++] = '\'', primed = true;
    if (!add_subscript(p, name, &len, 181)) return parse_fail(p);
    while (accept_prime(p) && len < 200) name[len++] = '\'', primed = true;
    if (len == 1 && strchr("fgh", *name) && accept_inverse(p)) memcpy(name + len, "^-1", 3), len += 3, primed = true;
    if (len == 1 && *name == 'e') return node_constant(p->pool, CONST_E);
    if (len == 1 && *name == 'i') return node_constant(p->pool, CONST_I);
    if (!applies(p, name, len, primed) && !(*name == 'C' && len == 1 && at_symbol(p, '(')))
        return node_text(p->pool, N_SYM, name, len, NULL, 0);
    Token *back = p->t;
    const Node *arguments = at_symbol(p, '{') ? parse_group(p) : parse_bracketed(p);
    if (!arguments) return NULL;
    bool many = node_is(arguments, N_TUPLE);
    if (*name == 'C' && len == 1) {
        if (many && arguments->count == 2) return combination(p, arguments->args[0], arguments->args[1]);
        bool atom = token_symbol(&back[2], ')');
        if (!atom) return node_mul(p->pool, node_text(p->pool, N_SYM, name, len, NULL, 0), arguments);
    }
    return node_text(p->pool, N_APPLY, name, len, many ? arguments->args : &arguments, many ? arguments->count : 1);
}

// C_n^k with digits or letters: combinations of n, as written in Europe and China.
static const Node *c_of(Parser *p) {
    Token *start = p->t;
    if (!token_is(p->t, T_WORD, "C") || !token_symbol(&p->t[1], '_')) return NULL;
    p->t += 2;
    Token *n_at = p->t;
    skip_argument(p);
    bool number = n_at->kind == T_NUMBER || (n_at->kind == T_SYMBOL && n_at[1].kind == T_NUMBER && n_at[1].len > 1);
    if (!number || !at_symbol(p, '^')) return p->t = start, NULL;
    p->t = n_at;
    const Node *n = parse_tex_argument(p, false);
    return n && accept_symbol(p, '^') ? combination(p, n, parse_tex_argument(p, false)) : parse_fail(p);
}

static size_t name_prefix(const char *word, size_t len) { // longest known name that starts the word
    for (size_t n = len; n >= 2; n--)
        if (words_math_name(word, n) && len - n <= 2 && (n == len || n >= 3 || !memcmp(word, "pi", 2))) return n;
    return 0;
}

static const Node *parse_name(Parser *p) {
    Token *t = p->t;
    const Node *combined = c_of(p);
    if (combined || p->failed) return combined;
    bool ratio = t->len == 2 && *t->text == 'd' && token_symbol(&t[1], '/') && t[2].kind == T_WORD && t[2].len == 2;
    if (ratio && *t[2].text == 'd') return name_until(p, t, t + 3); // dy/dx
    if (t->len >= 8 && words_equal(t->text, t->len, "infinity")) return p->t++, node_constant(p->pool, CONST_INF);
    size_t n = name_prefix(t->text, t->len);
    Token name = *t;
    if (!n) n = t->len <= 3 ? 1 : t->len;
    name.len = (uint32_t)n;
    if (n == t->len) p->t++;
    else t->text += n, t->len -= (uint32_t)n, t->space = false;
    if (n == 1) return finish_name(p, name.text, 1);
    int fn = function_by_name(name.text, n);
    if (fn >= 0) return parse_function(p, fn);
    if (token_is(&name, T_WORD, "pi")) return node_constant(p->pool, CONST_PI);
    if (token_is(&name, T_WORD, "oo") || token_is(&name, T_WORD, "inf")) return node_constant(p->pool, CONST_INF);
    return finish_name(p, name.text, n);
}

const Node *parse_atom(Parser *p) {
    if (!parse_enter(p)) return NULL;
    const Node *n = NULL;
    switch (p->t->kind) {
    case T_NUMBER: n = parse_number(p); break;
    case T_WORD:
        n = parse_letter_digits(p);
        if (!n) n = at_separator(p) ? parse_fail(p) : parse_name(p);
        break;
    case T_COMMAND: n = parse_command(p); break;
    case T_TEXT: {
        if ((n = parse_letter_digits(p))) break;
        int fn = function_by_name(p->t->text, p->t->len);
        size_t len;
        const char *normal = words_normal(p->pool, p->t->text, p->t->len, &len);
        if (!normal || at_separator(p)) return parse_fail(p);
        p->t++;
        n = fn >= 0 ? parse_function(p, fn) : len ? words_node(p->exact, normal, len) : parse_fail(p);
        break;
    }
    case T_SYMBOL:
        if (at_symbol(p, '[') || at_symbol(p, ']')) turn_brackets(p);
        if (at_symbol(p, '(') && (n = parse_bracketed_digits(p))) break;
        if (at_symbol(p, '(') || at_symbol(p, '[')) n = parse_bracketed(p);
        else if (at_symbol(p, '{')) n = parse_group(p);
        else if (at_symbol(p, '|')) n = parse_bars(p);
        else if (at_symbol(p, '_') || at_symbol(p, '^')) n = scripted_combination(p);
        else if ((n = parse_point(p))) break;
        else if (at_symbol(p, '.') && token_symbol(&p->t[1], '.') && token_symbol(&p->t[2], '.'))
            p->t += 3, n = node_text(p->pool, N_SYM, "...", 3, NULL, 0);
        break;
    default: break;
    }
    if (!n && at_norm(p->t)) n = parse_bars(p);
    parse_leave(p);
    return n ? n : parse_fail(p);
}
