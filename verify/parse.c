// Optional (math answers from data sets): entry of the parser and its shared pieces; see parse.h and parser.h.
#define _GNU_SOURCE // memmem
#include "verify/parse.h"

#include "verify/ascii.h"
#include "verify/parser.h"
#include "verify/unicode.h"

#include <string.h>

const Node *parse_fail(Parser *p) {
    p->failed = true;
    return NULL;
}

bool parse_enter(Parser *p) {
    if (p->failed) return false;
    p->failed = p->limit = ++p->depth > PARSE_DEPTH || ++p->steps > PARSE_STEPS || p->pool->exhausted;
    return !p->failed;
}

void parse_leave(Parser *p) { p->depth--; }

bool items_start(Parser *p, Items *items, const Node *first) {
    items->at = items->first;
    items->room = ITEMS;
    items->first[0] = first;
    items->count = 1;
    return first && !p->failed;
}

bool items_add(Parser *p, Items *items, const Node *n) {
    if (!n || p->failed) return false;
    if (items->count == items->room) {
        const Node **more = items->room < PARSE_LIST ? pool_alloc(p->pool, PARSE_LIST * sizeof *more) : NULL;
        p->failed = p->limit = !more;
        if (!more) return false;
        memcpy(more, items->at, items->count * sizeof *more);
        items->at = more;
        items->room = PARSE_LIST;
    }
    items->at[items->count++] = n;
    return true;
}

bool at_symbol(const Parser *p, char symbol) { return token_symbol(p->t, symbol); }
bool at_command(const Parser *p, const char *names) { return is_command(p->t, names); }

bool at_word(const Parser *p, const char *words) { return token_word(p->t, words); }

bool accept_symbol(Parser *p, char symbol) { return at_symbol(p, symbol) && p->t++; }
bool accept_command(Parser *p, const char *names) { return at_command(p, names) && p->t++; }

// Markdown, quotes, "option C", numpy's spelling.
static void skip_decoration(Parser *p) {
    while (at_symbol(p, '*') || at_symbol(p, '"')) p->t++;
    if (p->t->kind == T_WORD && words_in(p->t->text, p->t->len, "option|choice") && p->t[1].kind != T_END) {
        p->t++;
        if (at_symbol(p, ':')) p->t++;
    }
    if (token_is(p->t, T_WORD, "np") && token_symbol(&p->t[1], '.')) p->t += 2;
}

static void drop_closing_period(Tokens *tokens) {
    while (tokens->count) {
        Token *last = &tokens->at[tokens->count - 1];
        bool stop = (last->kind == T_SYMBOL && strchr(".,;*\"", last->symbol)) || is_command(last, "\\");
        bool point = last->symbol == '.' && tokens->count > 1;
        if (!stop || (point && token_symbol(&last[-1], '.'))) return;
        if (point && tokens->count > 3 && token_symbol(&last[-2], '.') && last[-1].kind == T_WORD) return; // p.m.
        tokens->count--;
        *last = (Token){.kind = T_END, .text = ""};
    }
}

static const Node *read_words(Exact *exact, Parsed *out) {
    out->words = words_normal(exact->pool, out->text, out->text_len, &out->words_len);
    return out->words ? words_node(exact, out->words, out->words_len) : NULL;
}

// Words that must not be split at a comma or "and" into a list are one text: "two lines". Lists of words are lists.
static bool list_of_words(const char *s, size_t len) { return memchr(s, ',', len) != NULL && len && s[len - 1] != ','; }

static const Node *split_words(Exact *exact, const Parsed *in) {
    const Node *items[16];
    uint32_t count = 0;
    for (size_t begin = 0, i = 0; i <= in->text_len && count < 16; i++) {
        if (i < in->text_len && in->text[i] != ',') continue;
        Parsed part = {.text = in->text + begin, .text_len = i - begin};
        const Node *n = read_words(exact, &part);
        if (!n || !part.words_len) return NULL;
        items[count++] = n;
        begin = i + 1;
    }
    return node_new(exact->pool, N_LIST, LIST_COMMA, items, count);
}

// Words that are no mathematics: their normal form and what it means; false when the grammar should have a look too.
static bool parse_words(Exact *exact, Parsed *out) {
    if (!words_only(out->text, out->text_len)) return false;
    const Node *words = read_words(exact, out);
    out->tree = list_of_words(out->text, out->text_len) ? split_words(exact, out) : words;
    // A bare word of three letters may also be a product ("abc"); one marked as text or longer is a word.
    bool number = words && !node_is(words, N_TEXT);
    return number || out->words_len != 3 || memchr(out->text, '{', out->text_len);
}

// A copy that the parser may split words in, with room to look two tokens back and three past the end.
static Token *working_copy(NodePool *pool, const Tokens *tokens) {
    enum { BEFORE = 2, AFTER = 4 };
    Token *copy = pool_alloc(pool, (BEFORE + tokens->count + AFTER) * sizeof *copy), end = {.kind = T_END, .text = ""};
    if (!copy) return NULL;
    for (int i = 0; i < BEFORE; i++) *copy++ = end;
    memcpy(copy, tokens->at, tokens->count * sizeof *copy);
    for (int i = 0; i < AFTER; i++) copy[tokens->count + (uint32_t)i] = end;
    return copy;
}

static Parsed parse_ascii(Exact *exact, const char *ascii, size_t len, bool group) {
    Parsed out = {.text = ascii, .text_len = len};
    out.tokens = lex(exact->pool, ascii, len, group);
    if (out.tokens.too_many) return out.limit = true, out;
    drop_closing_period(&out.tokens);
    Token *tokens = working_copy(exact->pool, &out.tokens);
    if (!tokens) return out.limit = true, out;
    Parser p = {.exact = exact, .pool = exact->pool, .t = tokens};
    Unit unit;
    bool amount = accept_currency(&p, &unit); // "USD 40" is no text, "March 14" is
    p.t = tokens;
    if (!amount && parse_words(exact, &out)) return out;
    skip_decoration(&p);
    if (p.t->kind == T_END) return out;
    const Node *tree = parse_statement(&p);
    if (tree && accept_command(&p, "over")) { // 1 \over 2 without braces
        const Node *below = parse_statement(&p);
        tree = below ? node_divide(p.pool, tree, below) : NULL;
    }
    while (tree && (accept_command(&p, "implies|Rightarrow|Longrightarrow")))
        tree = parse_statement(&p); // "2x=10 \implies x=5" says x=5
    out.limit = p.limit || exact->pool->exhausted;
    if (!p.failed && p.t->kind == T_END && !out.limit) out.tree = tree;
    return out;
}

// The length of a phrase like "the answer is:" at s, or 0. Outside of \text{} it must contain "answer" or "solution".
static size_t phrase_at(const char *s, size_t len, bool wrapped) {
    enum { OF_ANSWERS = 9 }; // the first phrases
    static const char *const COUNTS[] = {"there are exactly ", "there are ", "there is ", "there were ",
        "a total of ", NULL};
    static const char *const PHRASES[] = {"the final answer is", "the correct answer is", "the answer is",
        "the solution is", "final answer is", "correct answer is", "answer is", "final answer", "answer", "thus",
        "therefore", "hence", "so", "is", "equals", "exactly", "only", NULL};
    for (size_t i = 0; PHRASES[i] && (wrapped || i < OF_ANSWERS); i++) {
        size_t n = strlen(PHRASES[i]);
        if (len <= n || !words_equal(s, n, PHRASES[i]) || is_alnum(s[n])) continue;
        return n + strspn(s + n, " ~:,");
    }
    for (size_t i = 0; COUNTS[i]; i++) { // "There are 24 ways", not "there are no ways"
        size_t n = strlen(COUNTS[i]);
        if (len > n && words_equal(s, n, COUNTS[i]) && (is_digit(s[n]) || s[n] == '}')) return n;
    }
    return 0;
}

static bool is_label(const char *s, size_t len) { // "Total: ": words that announce a value, without a hedge
    while (len && s[len - 1] == ' ') len--;
    if (!len || s[len - 1] != ':') return false;
    for (size_t i = 0; i + 1 < len;) {
        size_t k = letters_at(s + i, len - i);
        if ((!k && s[i] != ' ') || (k && words_hedge(s + i, k))) return false;
        i += k ? k : 1;
    }
    return true;
}

// The text after words that announce the answer in its own box: "The answer is 9", "\text{Answer: C}",
// "\text{Total: }12". NULL when there are none.
static char *after_announcement(NodePool *pool, const char *s, size_t *len, Parsed *out_label) {
    static const char *const WRAPPERS[] = {"\\text{", "\\textbf{", "\\mathrm{", "\\mbox{", "\\textrm{"};
    size_t i = strspn(s, " ~$"), wrapper = 0;
    for (size_t k = 0; k < sizeof WRAPPERS / sizeof *WRAPPERS && !wrapper; k++)
        if (!strncmp(s + i, WRAPPERS[k], strlen(WRAPPERS[k]))) wrapper = strlen(WRAPPERS[k]);
    i += wrapper;
    i += strspn(s + i, " ~");
    size_t close = wrapper ? i + strcspn(s + i, "{}") : i; // only text without groups
    if (wrapper && s[close] != '}') return NULL;
    size_t used = phrase_at(s + i, *len - i, wrapper > 0);
    bool labelled = !used && wrapper && is_label(s + i, close - i);
    if (labelled) used = close - i;
    bool alone = used && wrapper && i + used >= close && close + 1 + strspn(s + close + 1, " ~$.") >= *len;
    if (!used || alone) return NULL; // \text{Answer} is itself the answer
    if (labelled) out_label->label = words_normal(pool, s + i, used, &out_label->label_len);
    char *out = pool_alloc(pool, *len + 1);
    if (!out) return NULL;
    size_t inside = wrapper && i + used < close ? close - i - used : 0, rest = wrapper ? close + 1 : i + used;
    memcpy(out, s + i + used, inside);
    memcpy(out + inside, s + rest, *len - rest);
    *len = inside + *len - rest;
    out[*len] = 0;
    return out;
}

// JSON that was escaped twice: "\\\\frac" for "\\frac". NULL when there is nothing to undo.
static char *unescaped(NodePool *pool, const char *s, size_t *len) {
    const char *pair = s;
    while ((pair = memmem(pair, *len - (size_t)(pair - s), "\\\\", 2)) && !is_alpha(pair[2])) pair++;
    bool any = pair;
    char *out = any ? pool_alloc(pool, *len + 1) : NULL;
    if (!out) return NULL;
    size_t n = 0;
    for (size_t i = 0; i < *len; i++)
        if (!(s[i] == '\\' && i + 1 < *len && s[i + 1] == '\\')) out[n++] = s[i];
    out[n] = 0;
    *len = n;
    return out;
}

Parsed parse_answer(Exact *exact, const char *text, size_t len, bool group) {
    size_t ascii_len;
    char *ascii = unicode_to_tex(exact->pool, text, len, &ascii_len);
    if (!ascii) return (Parsed){.limit = true};
    Parsed label = {0};
    char *announced = after_announcement(exact->pool, ascii, &ascii_len, &label);
    if (announced) ascii = announced;
    Parsed out = parse_ascii(exact, ascii, ascii_len, group);
    char *again = out.tree || out.limit ? NULL : unescaped(exact->pool, ascii, &ascii_len);
    if (again) out = parse_ascii(exact, again, ascii_len, group);
    out.label = label.label;
    out.label_len = label.label_len;
    return out;
}
