// Optional (math answers from data sets): LaTeX commands and known functions.
//   "\frac12"   "\sqrt[3]{8}"   "\binom{n}{2}"   "\log_2 8"   "\sin^2 x"   "\lfloor x\rfloor"   "\mathbb R"   "\vec{v}"
#include "verify/ascii.h"
#include "verify/normal.h"
#include "verify/parser.h"

#include <string.h>

static const struct { const char *names; int fn; } FUNCTIONS[] = { // as LaTeX and as Python write them
    {"sin", FN_SIN}, {"cos", FN_COS}, {"tan|tg", FN_TAN}, {"cot|ctg", FN_COT}, {"sec", FN_SEC}, {"csc", FN_CSC},
    {"arcsin|asin", FN_ASIN}, {"arccos|acos", FN_ACOS}, {"arctan|arctg|atan", FN_ATAN}, {"arccot", FN_ACOT},
    {"sinh", FN_SINH}, {"cosh", FN_COSH}, {"tanh", FN_TANH}, {"arcsinh", FN_ASINH}, {"arccosh", FN_ACOSH},
    {"arctanh", FN_ATANH}, {"exp", FN_EXP}, {"ln", FN_LN}, {"log|lg", FN_LOG}, {"sqrt|cbrt", FN_ROOT},
    {"abs|Abs", FN_ABS}, {"floor", FN_FLOOR}, {"ceil|ceiling", FN_CEIL}, {"gcd", FN_GCD}, {"lcm", FN_LCM},
    {"min|Min", FN_MIN}, {"max|Max", FN_MAX}, {"binom", FN_BINOMIAL}, {"det", FN_DET}, {"sgn", FN_SIGN}, {"Re", FN_RE},
    {"Im", FN_IM}, {"arg", FN_ARG}, {"cis", FN_CIS}, {"factorial", FN_FACTORIAL},
};

int function_by_name(const char *name, size_t len) {
    for (size_t i = 0; i < sizeof FUNCTIONS / sizeof *FUNCTIONS; i++)
        if (words_exactly(name, len, FUNCTIONS[i].names)) return FUNCTIONS[i].fn;
    return -1;
}

// TeX takes one token: \frac12 is \frac{1}{2}, \frac ab is a/b. Elsewhere a whole number is meant: x^10, \sqrt12.
const Node *parse_tex_argument(Parser *p, bool one_digit) {
    Token *t = p->t;
    if (at_symbol(p, '{')) return parse_group(p);
    if (t->kind == T_NUMBER) {
        if (!one_digit || t->len == 1) return parse_number(p);
        Token digit = *t, *rest = t;
        digit.len = 1;
        rest->text++, rest->len--, rest->space = false;
        return *digit.text == '.' ? parse_fail(p) : exact_literal(p->exact, digit.text, 1, 0, 0);
    }
    if (t->kind == T_WORD && t->len > 1 && function_by_name(t->text, t->len) < 0 && !words_math_name(t->text, t->len)) {
        char letter = *t->text;
        const Node *n = letter == 'e'   ? node_constant(p->pool, CONST_E)
                        : letter == 'i' ? node_constant(p->pool, CONST_I)
                                        : node_text(p->pool, N_SYM, &letter, 1, NULL, 0);
        t->text++, t->len--, t->space = false;
        return n;
    }
    return t->kind == T_WORD || t->kind == T_COMMAND || at_symbol(p, '(') ? parse_atom(p) : parse_fail(p);
}

static int inverse_of(int fn) {
    if (fn >= FN_SIN && fn <= FN_CSC) return fn - FN_SIN + FN_ASIN;
    return fn >= FN_SINH && fn <= FN_TANH ? fn - FN_SINH + FN_ASINH : -1;
}

static const Node *call(Parser *p, int fn, const Node *const *args, uint32_t count, const Node *base) {
    bool many = fn == FN_GCD || fn == FN_LCM || fn == FN_MIN || fn == FN_MAX;
    if (fn == FN_BINOMIAL ? count != 2 : !many && count != 1 && !(fn == FN_LOG && count == 2)) return parse_fail(p);
    if (fn == FN_EXP) return node_pow(p->pool, node_constant(p->pool, CONST_E), args[0]);
    if (fn == FN_CIS) { // \cos x + i \sin x
        const Node *cosine = node_1(p->pool, N_FUNC, FN_COS, args[0]), *sine = node_1(p->pool, N_FUNC, FN_SIN, args[0]);
        return node_add(p->pool, cosine, node_mul(p->pool, node_constant(p->pool, CONST_I), sine));
    }
    if (fn == FN_ROOT) return node_2(p->pool, N_FUNC, FN_ROOT, args[0], base ? base : node_integer(p->pool, 2));
    if (fn == FN_LOG && base) return node_2(p->pool, N_FUNC, FN_LOG, args[0], base);
    return node_new(p->pool, N_FUNC, fn, args, count);
}

// Reads arguments: brackets (perhaps several, comma between), a group, or the run of factors that follows.
static const Node *function_arguments(Parser *p, int fn, const Node *base) {
    bool bracket = at_symbol(p, '(') || at_symbol(p, '[') || at_command(p, "{|lbrace");
    const Node *n;
    if (bracket) {
        bool braces = p->t->kind == T_COMMAND;
        n = parse_bracketed(p);
        if (n && (node_is(n, N_TUPLE) || (braces && node_is(n, N_SET)))) return call(p, fn, n->args, n->count, base);
    } else if (at_symbol(p, '{')) n = parse_group(p);
    else if (fn == FN_ROOT) n = parse_tex_argument(p, false);
    else n = parse_argument_run(p);
    return n ? call(p, fn, &n, 1, base) : NULL;
}

const Node *parse_function(Parser *p, int fn) {
    if (!parse_enter(p)) return NULL;
    const Node *base = NULL, *power = NULL;
    const Token *name = &p->t[-1];
    if (token_is(name, T_WORD, "cbrt")) base = node_integer(p->pool, 3);
    if (token_is(name, T_WORD, "lg") || is_command(name, "lg")) base = node_integer(p->pool, 10);
    if (fn == FN_LOG && accept_symbol(p, '_')) {
        Parser after = *p;
        after.t++;
        bool split = p->t->kind == T_NUMBER && !starts_factor(&after) && !at_symbol(&after, '^'); // \log_28
        if (!(base = parse_tex_argument(p, split))) return NULL;
    }
    if (at_symbol(p, '_')) return parse_fail(p);
    if (accept_symbol(p, '^') && !(power = parse_tex_argument(p, false))) return NULL;
    bool product = power && node_is(power, N_MUL) && power->count == 2 && inverse_of(fn) >= 0; // -1 is read as -1 * 1
    if (product && node_is_int(power->args[0], -1) && node_is_int(power->args[1], 1)) fn = inverse_of(fn), power = NULL;
    const Node *n = function_arguments(p, fn, base);
    parse_leave(p);
    return n && power ? node_pow(p->pool, n, power) : n;
}

// "dy", "d^2y", "\partial f", or "d" alone, which waits for an operand; in a denominator "dx", "d\theta".
static bool is_differential(const Token *t, bool below) {
    bool group = token_symbol(t, '{');
    t += group;
    if (is_command(t, "partial")) return true;
    if (t->kind != T_WORD || *t->text != 'd' || t->len > 2) return false;
    bool more = t[1].kind == T_WORD || (t[1].kind == T_COMMAND && t[1].len > 1);
    return t->len == 2 || (group && (more || (!below && (token_symbol(&t[1], '}') || token_symbol(&t[1], '^')))));
}

// \frac{dy}{dx} is a name: as a quotient of products it would be y/x. NULL, nothing consumed, when it is none.
static const Node *derivative(Parser *p) {
    Token *start = p->t, *from = p->t + token_symbol(p->t, '{');
    if (!is_differential(start, false)) return NULL;
    bool waits = (from->len == 1 || is_command(from, "partial")) && from[1].kind == T_SYMBOL && from[1].symbol == '}';
    Token *below = skip_argument(p) ? p->t : NULL;
    if (!below || !is_differential(below, true)) return p->t = start, NULL;
    char name[128];
    size_t n = 0, m = 0;
    const char *above = spelling_until(p, start, below, &n);
    const char *under = skip_argument(p) ? spelling_until(p, below, p->t, &m) : NULL;
    if (waits || !above || !under || n + m + 2 > sizeof name) return parse_fail(p); // \frac{d}{dx}x^2 is a problem
    memcpy(name, above, n);
    name[n] = '/';
    memcpy(name + n + 1, under, m);
    return node_text(p->pool, N_SYM, name, n + 1 + m, NULL, 0);
}

static const Node *fraction(Parser *p, bool binomial) {
    const Node *name = binomial ? NULL : derivative(p);
    if (name || p->failed) return name;
    const Node *a = parse_tex_argument(p, true), *b = a ? parse_tex_argument(p, true) : NULL;
    if (!b) return NULL;
    return binomial ? node_2(p->pool, N_FUNC, FN_BINOMIAL, a, b) : node_divide(p->pool, a, b);
}

static const Node *root(Parser *p) {
    const Node *degree = node_integer(p->pool, 2);
    if (accept_symbol(p, '[')) {
        degree = parse_sum(p);
        if (!degree || !accept_symbol(p, ']')) return parse_fail(p);
    }
    const Node *x = parse_tex_argument(p, false);
    return x ? node_2(p->pool, N_FUNC, FN_ROOT, x, degree) : NULL;
}

static const Node *between(Parser *p, int fn, const char *close) {
    struct Scope outer = p->scope;
    p->scope.bars = 0;
    const Node *x = parse_sum(p);
    p->scope = outer;
    return x && accept_command(p, close) ? node_1(p->pool, N_FUNC, fn, x) : parse_fail(p);
}

// A decorated or prefixed name: \vec{v}, \overline{AB}, \angle ABC, \mathbb{R}, \mathcal F.
static const Node *decorated(Parser *p, const Token *command) {
    const Token *from = p->t;
    char name[200];
    size_t n;
    const char *inside = skip_argument(p) ? spelling_until(p, from, p->t, &n) : NULL;
    static const Token BAR = {.kind = T_COMMAND, .text = "overline", .len = 8};
    if (is_command(command, "bar")) command = &BAR; // \bar{z} is \overline{z}
    if (!inside || n + command->len + 2 > sizeof name) return parse_fail(p);
    bool reals = is_command(command, "mathbb") && n == 1 && *inside == 'R' && !at_symbol(p, '^');
    if (reals) return node_constant(p->pool, CONST_REALS);
    memcpy(name, command->text, command->len);
    name[command->len] = ':';
    memcpy(name + command->len + 1, inside, n);
    size_t len = command->len + 1 + n;
    if (p->t[1].kind != T_END && !add_subscript(p, name, &len, sizeof name)) return parse_fail(p); // \hat{\theta}_2
    return node_text(p->pool, N_SYM, name, len, NULL, 0);
}

// \sum_{k=1}^{n} term, \prod likewise.
static const Node *big_operator(Parser *p, int op) {
    const Node *range = NULL, *to = NULL;
    for (int i = 0; i < 2; i++) {
        if (accept_symbol(p, '_')) range = parse_tex_argument(p, false);
        else if (accept_symbol(p, '^')) to = parse_tex_argument(p, false);
    }
    if (p->failed || !range || !to || !node_relates(range, REL_EQ)) return parse_fail(p);
    const Node *term = parse_argument_run(p);
    if (!term) return NULL;
    const Node *index = range->args[0];
    if (node_is_const(index, CONST_I)) { // i as an index is not the imaginary unit
        index = node_text(p->pool, N_SYM, "index:i", 7, NULL, 0);
        term = normal_substitute(p->pool, term, range->args[0], index);
    }
    if (!node_is(index, N_SYM)) return parse_fail(p);
    const Node *args[4] = {index, range->args[1], to, term};
    return node_new(p->pool, N_BIG, op, args, 4);
}

// Heads that need a computer algebra system. In "\int_0^1 x^2 dx = 1/3", which states its value, the head is a name.
static const Node *refused(Parser *p, const Token *command) {
    static const char HEADS[] = "int|iint|iiint|oint|lim|limsup|liminf|sup|sum|end|item";
    if (!words_exactly(command->text, command->len, HEADS)) return NULL;
    Token *t = p->t;
    for (int depth = 0; t->kind != T_END && depth >= 0 && !(depth == 0 && token_symbol(t, '=')); t++)
        if (t->kind == T_SYMBOL) depth += strchr("({[", t->symbol) ? 1 : strchr(")}]", t->symbol) ? -1 : 0;
    const Node *name = token_symbol(t, '=') ? name_until(p, command, t) : NULL;
    return name ? name : parse_fail(p);
}

const Node *parse_command(Parser *p) {
    static const char DECORATIONS[] = "vec|overline|bar|hat|tilde|widehat|widetilde|overrightarrow|overleftarrow|dot|"
        "ddot|angle|triangle|mathbb|mathcal|mathfrak|mathscr|overset|stackrel|operatorname|not|measuredangle|odot|"
        "square|arc|overarc";
    static const int CONSTANTS[] = {CONST_PI, CONST_INF, CONST_I, CONST_EMPTY, CONST_EMPTY};
    Token *t = p->t;
    int fn = function_by_name(t->text, t->len);
    if (at_command(p, "{|lbrace|langle")) return parse_bracketed(p);
    if (at_norm(t)) return NULL; // parse_atom reads bars
    p->t++;
    if (is_command(t, "frac")) return fraction(p, false);
    if (is_command(t, "binom")) return fraction(p, true);
    if (is_command(t, "sqrt")) return root(p);
    if (fn >= 0) return parse_function(p, fn);
    int constant = words_place(t->text, t->len, "pi|infty|imath|emptyset|varnothing");
    if (constant >= 0 && is_lower(*t->text)) return node_constant(p->pool, CONSTANTS[constant]);
    if (is_command(t, "lfloor")) return between(p, FN_FLOOR, "rfloor");
    if (is_command(t, "lceil")) return between(p, FN_CEIL, "rceil");
    if (is_command(t, "lvert")) return between(p, FN_ABS, "rvert");
    if (is_command(t, "begin")) return parse_environment(p);
    if (is_command(t, "sum|prod")) return big_operator(p, *t->text == 'p');
    if (is_command(t, "ldots|dots|cdots"))
        return node_text(p->pool, N_SYM, "...", 3, NULL, 0);
    if (words_exactly(t->text, t->len, DECORATIONS)) return decorated(p, t);
    const Node *head = refused(p, t);
    if (head) return head;
    if (p->failed || t->len < 2) return parse_fail(p);
    // Greek letters and unknown commands: a name, with its subscript.
    t->kind = T_WORD;
    if (at_symbol(p, '_') || at_symbol(p, '\'')) {
        Token *from = t;
        while (at_symbol(p, '\'')) p->t++;
        if (accept_symbol(p, '_') && !skip_argument(p)) return parse_fail(p);
        const Node *name = name_until(p, from, p->t);
        return name ? name : parse_fail(p);
    }
    return node_text(p->pool, N_SYM, t->text, t->len, NULL, 0);
}
