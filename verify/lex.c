// Optional (math answers from data sets): the lexer; see lex.h.
#include "verify/lex.h"

#include "verify/ascii.h"
#include "verify/words.h"

#include <string.h>

typedef struct Lexer {
    NodePool *pool;
    const char *s; // NUL-terminated
    size_t i, len;
    Tokens out;
    bool space, wide, group, money;
    int brackets, depth;
} Lexer;

bool token_is(const Token *token, LexKind kind, const char *spelling) {
    return token->kind == kind && token->len == strlen(spelling) && !memcmp(token->text, spelling, token->len);
}

bool is_command(const Token *token, const char *names) {
    return token->kind == T_COMMAND && words_exactly(token->text, token->len, names);
}

int token_place(const Token *token, const char *words) {
    if (!is_word(token)) return -1;
    const char *s = token->text;
    size_t n = token->len;
    while (n && strchr(" ,~.;:", *s)) s++, n--;
    while (n && strchr(" ,~;:", s[n - 1])) n--;
    return words_place(s, n, words);
}

bool tokens_equal(const Tokens *a, const Tokens *b) {
    if (a->count != b->count || a->too_many || b->too_many) return false;
    for (uint32_t i = 0; i < a->count; i++) {
        const Token *x = &a->at[i], *y = &b->at[i];
        if (x->kind != y->kind || x->len != y->len || memcmp(x->text, y->text, x->len)) return false;
    }
    return true;
}

static void emit(Lexer *lx, LexKind kind, const char *text, size_t len) {
    if (lx->out.count + 1 >= LEX_TOKENS) lx->out.too_many = true;
    if (lx->out.too_many) return;
    Token *t = &lx->out.at[lx->out.count++];
    *t = (Token){.kind = kind, .space = lx->space, .wide = lx->wide, .text = text, .len = (uint32_t)len};
    if (kind == T_SYMBOL) t->symbol = *text;
    lx->space = lx->wide = false;
}

// Length of a thousands separator at s[i], and its kind; 0 when there is none.
static size_t separator(const char *s, char *kind) {
    size_t i = 0;
    while (s[i] == ' ') i++;
    if (s[i] == '{') { // {,} perhaps with blanks, as tokenisers leave it
        size_t j = i + 1 + strspn(s + i + 1, " ");
        if (s[j] != ',') return 0;
        j += 1 + strspn(s + j + 1, " ");
        return s[j] == '}' ? (*kind = '{', j + 1) : 0;
    }
    if (s[0] == ',' && s[1] == '\\' && s[2] == '!') return *kind = '!', 3 + strspn(s + 3, " ");
    if (s[0] == ',') return *kind = ',', 1;
    if (s[i] == '\\' && s[i + 1] && strchr(",!;: ", s[i + 1])) return *kind = '\\', i + 2;
    if (s[0] == '~') return *kind = '~', 1;
    if (s[0] == ' ' && s[1] != ' ') return *kind = ' ', 1;
    return 0;
}

static size_t digits_at(const char *s) {
    size_t n = 0;
    while (is_digit(s[n])) n++;
    return n;
}

static void lex_number(Lexer *lx) {
    const char *s = lx->s + lx->i;
    size_t lead = digits_at(s), used = lead, kept = lead, step, n = 0;
    char kind = 0, next = 0;
    char *text = NULL;
    while (lead >= 1 && lead <= 3 && s[0] != '0' && (step = separator(s + used, &next)) > 0) {
        bool plain = next == ',';
        if (kind && kind != next) break;
        n = digits_at(s + used + step);
        if (n != 3 || (plain && (!lx->group || lx->brackets))) break;
        if (!text && !(text = pool_alloc(lx->pool, lx->len - lx->i + 1))) break;
        if (kept == lead) memcpy(text, s, lead);
        memcpy(text + kept, s + used + step, 3);
        kept += 3;
        used += step + 3;
        kind = next;
        if (plain) lx->out.grouped = true;
    }
    if (s[used] == '.' && is_digit(s[used + 1])) {
        size_t fraction = 1 + digits_at(s + used + 1);
        if (text) memcpy(text + kept, s + used, fraction);
        used += fraction;
        kept += fraction;
    } else if (s[used] == '.' && lead && (s[used + 1] == '/' || s[used + 1] == '*')) {
        used++; // "1./3"
    }
    emit(lx, T_NUMBER, text ? text : s, text ? kept : (s[used - 1] == '.' ? used - 1 : used));
    lx->i += used;
}

static const char DROPPED[] = "displaystyle|textstyle|scriptstyle|limits|nolimits|left|right|middle|big|Big|bigg|"
    "Bigg|bigl|bigr|Bigl|Bigr|biggl|biggr|Biggl|Biggr|rm|bf|it|mathstrut|strut|boldsymbol|bm|mathbf|mathit|mathsf|"
    "mathtt|pmb|ensuremath|boxed|fbox|framebox|underline|protect|nonumber|tiny|small|large|Large|LARGE|huge|Huge|"
    "therefore|because|checkmark|qed|blacksquare";
static const char BLANKS[] = "quad|qquad|thinspace|enspace|hfill|space|medspace|thickspace|negthinspace";
static const char SKIPPED[] = "color|textcolor|colorbox|tag|label|hspace|vspace"; // with their argument
static const char TEXTS[] = "text|textbf|textit|textrm|textsf|texttt|textnormal|mbox|hbox|mathrm|operatorname|emph|"
    "textup|mathop";

static void lex_span(Lexer *lx, size_t end);

// Matching brace of s[open] == '{', or 0.
static size_t closing(const Lexer *lx, size_t open, size_t end) {
    int depth = 0;
    for (size_t i = open; i < end; i++) {
        if (lx->s[i] == '\\') i++;
        else if (lx->s[i] == '{') depth++;
        else if (lx->s[i] == '}' && !--depth) return i;
    }
    return 0;
}

static bool after_value(const Lexer *lx) {
    const Token *last = lx->out.count ? &lx->out.at[lx->out.count - 1] : NULL;
    return last && (last->kind == T_NUMBER || (last->kind == T_SYMBOL && strchr("})", last->symbol)));
}

// "5\text{m}", "2000\text{ m/s}^2": letters right after a value are a unit; \mathrm{e}, \mathrm{i}, \mathrm{d} are not.
static bool holds_unit(const Lexer *lx, const char *s, size_t len, bool roman) {
    size_t word = strcspn(s, " {(^/\\");
    if (words_math_name(s, word < len ? word : len)) return false; // 2\text{sqrt}(3)
    size_t i = strspn(s, " ~"), letters = 0;
    if (!after_value(lx) || i >= len || !is_alpha(s[i])) return false;
    for (size_t k = i; k < len; k++) {
        if (s[k] == '\\' && k + 1 < len && s[k + 1] == ',') k++; // \mathrm{m\,s^{-1}}
        else if (!strncmp(s + k, "\\cdot", 5)) k += 4;            // \mathrm{m\cdot s^{-1}}
        else if (!is_alnum(s[k]) && !strchr("/^{} .*-", s[k])) return false;
        letters += is_alpha(s[k]);
    }
    return !(letters == 1 && roman && strchr("eid", s[i]));
}

// A text group holds mathematics rather than words when no word in it has two letters, or it holds nested math.
static bool holds_words(const char *s, size_t len) {
    bool word = false;
    size_t first = strspn(s, " ~-");
    if (first < len && is_digit(s[first])) return false; // \text{60 mph}
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\\' || s[i] == '$' || s[i] == '^' || s[i] == '_' || s[i] == '=') return false;
        if (is_alpha(s[i]) && i + 1 < len && is_alpha(s[i + 1])) word = true;
    }
    return word;
}

static void lex_text_group(Lexer *lx, size_t end, bool roman) {
    size_t open = lx->i + strspn(lx->s + lx->i, " "), close = lx->s[open] == '{' ? closing(lx, open, end) : 0;
    if (!close) return;
    const char *inside = lx->s + open + 1;
    size_t n = close - open - 1, blank = strspn(inside, " ~");
    if (!n || blank >= n) {
        lx->space = true;
        lx->i = close + 1;
        return;
    }
    bool math_name = words_math_name(inside, n),
         spaced = is_space(inside[0]) && is_space(inside[n - 1]) && is_alpha(inside[blank]);
    if ((!math_name && holds_words(inside, n)) || holds_unit(lx, inside, n, roman) || spaced) {
        emit(lx, T_TEXT, inside, n);
        if (!lx->out.too_many) lx->out.at[lx->out.count - 1].display = roman;
        lx->i = close + 1;
    } else if (lx->depth < 64) {
        lx->i = open + 1;
        lx->depth++;
        lex_span(lx, close);
        lx->depth--;
        lx->i = close + 1;
    } else lx->i = close + 1, lx->out.too_many = true;
}

// 10\frac{\text{m}}{\text{s}^2} is 10 m/s^2: after a value, a fraction of two text groups is a unit. \frac is consumed.
static bool lex_unit_fraction(Lexer *lx, size_t end) {
    size_t open = lx->i, middle = after_value(lx) && lx->s[open] == '{' ? closing(lx, open, end) : 0;
    size_t close = middle && lx->s[middle + 1] == '{' ? closing(lx, middle + 1, end) : 0, n = 0;
    char *text = close ? pool_alloc(lx->pool, close - open) : NULL;
    if (!text) return false;
    for (size_t i = open; i < close; i++) {
        const char *inside = lx->s + i + 1;
        bool start = i == open || i == middle + 1;
        if (start && strncmp(inside, "\\text{", 6) && strncmp(inside, "\\mathrm{", 8)) return false;
        if (i == middle) text[n++] = '/';
        else if (start) i += inside[1] == 't' ? 6 : 8;
        else if (is_alnum(lx->s[i]) || lx->s[i] == '^') text[n++] = lx->s[i];
        else if (!strchr("{} ~", lx->s[i])) return false;
    }
    text[n] = 0; // shorter than its source by the braces
    emit(lx, T_TEXT, text, n);
    lx->i = close + 1;
    return true;
}

static void lex_control_symbol(Lexer *lx, size_t end) { // a backslash and no letter
    const char *name = lx->s + lx->i + 1;
    char c = lx->i + 1 < end ? *name : ' ';
    lx->i += 2;
    if (strchr(",;:! \n\t/>()[]", c)) lx->space = true;
    else if (strchr("$%&#_", c)) emit(lx, T_SYMBOL, name, 1);
    else emit(lx, T_COMMAND, name, 1); // \{ \} \| \\ .
    if (c == '{') lx->brackets++;
    if (c == '}' && lx->brackets) lx->brackets--;
}

// Moves past the group that follows; false when there is none.
static bool skip_group(Lexer *lx, size_t end, const char *before) {
    size_t open = lx->i + strspn(lx->s + lx->i, before), close = lx->s[open] == '{' ? closing(lx, open, end) : 0;
    if (close) lx->i = close + 1;
    return close;
}

static void lex_command(Lexer *lx, size_t end) {
    const char *name = lx->s + lx->i + 1;
    size_t n = lx->i + 1 < end ? letters_at(name, end - lx->i - 1) : 0;
    if (!n) return lex_control_symbol(lx, end);
    if (words_exactly(name, n, "char|byte")) // of unicode.c, with the code
        while (is_xdigit(name[n])) n++;
    lx->i += 1 + n;
    if (words_exactly(name, n, TEXTS)) return lex_text_group(lx, end, n == 6 || n == 12);
    if (words_exactly(name, n, BLANKS)) {
        lx->space = true;
        lx->wide |= words_exactly(name, n, "quad|qquad");
        return;
    }
    if (words_exactly(name, n, DROPPED)) {
        if (words_exactly(name, n, "left|right") && lx->s[lx->i] == '.') lx->i++;
        return;
    }
    if (words_exactly(name, n, "dfrac|tfrac|cfrac|dbinom|tbinom|sfrac")) name++, n--;
    if (words_exactly(name, n, "nicefrac")) name += 4, n = 4;
    if (words_exactly(name, n, "frac") && lex_unit_fraction(lx, end)) return;
    if (words_exactly(name, n, SKIPPED)) {
        skip_group(lx, end, " *");
        lx->space = true;
    } else if (words_exactly(name, n, "phantom")) { // invisible, with its argument
        size_t blank = strspn(lx->s + lx->i, " ");
        if (!skip_group(lx, end, " ") && one_of(lx->s[lx->i + blank], "-+")) lx->i += blank + 1;
    } else emit(lx, T_COMMAND, name, n);
}

static void lex_span(Lexer *lx, size_t end) {
    while (lx->i < end && !lx->out.too_many) {
        char c = lx->s[lx->i];
        if (is_space(c) || c == '~' || c == '$' || c == '`') {
            if (c == '$' && lx->money && is_digit(lx->s[lx->i + 1])) emit(lx, T_SYMBOL, lx->s + lx->i, 1);
            lx->space = true;
            lx->i++;
        } else if (is_digit(c) || (c == '.' && is_digit(lx->s[lx->i + 1]))) lex_number(lx);
        else if (is_alpha(c)) {
            size_t n = letters_at(lx->s + lx->i, end - lx->i);
            bool value = lx->i && !lx->space && (is_digit(lx->s[lx->i - 1]) || lx->s[lx->i - 1] == ')');
            if (value && words_glued(lx->s + lx->i, n)) n = words_glued(lx->s + lx->i, n);
            emit(lx, T_WORD, lx->s + lx->i, n);
            lx->i += n;
        } else if (c == '\\') lex_command(lx, end);
        else {
            if (c == '(' || c == '[') lx->brackets++;
            if ((c == ')' || c == ']') && lx->brackets) lx->brackets--;
            emit(lx, T_SYMBOL, lx->s + lx->i, 1);
            lx->i++;
        }
    }
}

// Dollars come in pairs around mathematics; one over is money ("$18").
static bool odd_dollars(const char *s, size_t len) {
    bool odd = false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\\') i++;
        else if (s[i] == '$') odd = !odd;
    }
    return odd;
}

Tokens lex(NodePool *pool, const char *text, size_t len, bool group) {
    Lexer lx = {.pool = pool, .s = text, .len = len, .group = group, .money = odd_dollars(text, len)};
    size_t room = len + 2 < LEX_TOKENS ? len + 2 : LEX_TOKENS;
    lx.out.at = pool_alloc(pool, (room + 1) * sizeof(Token));
    if (!lx.out.at) return (Tokens){.too_many = true};
    lex_span(&lx, len);
    lx.out.at[lx.out.count] = (Token){.kind = T_END, .text = ""};
    return lx.out;
}
