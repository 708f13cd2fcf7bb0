// Optional (math answers from data sets): labels of multiple-choice answers; see choice.h.
#include "verify/choice.h"

#include "verify/ascii.h"
#include "verify/words.h"

#include <string.h>

static bool symbol(const Token *t, const char *set) { return t->kind == T_SYMBOL && strchr(set, t->symbol); }
static bool capital(const Token *t) { return t->kind == T_WORD && t->len == 1 && is_upper(*t->text); }

static bool lead_in(const Token *t) { return token_word(t, "option|choice|answer|the answer is|answer is"); }

static bool names_another(const Token *t) { // "(C) or (D)"
    for (; t->kind != T_END; t++) {
        if (symbol(t, "(") && capital(&t[1]) && symbol(&t[2], ")")) return true;
        if (t->kind == T_WORD && words_hedge(t->text, t->len)) return true;
        if (t->kind == T_TEXT && token_word(t, "or|and")) return true;
    }
    return false;
}

static char inside_text(const Token *t, bool *marked) { // \text{C. Paris}, \text{(C) Paris}
    const char *s = t->text;
    size_t n = t->len;
    while (n && *s == ' ') s++, n--;
    if (n >= 8 && (words_equal(s, 7, "option ") || words_equal(s, 7, "choice "))) { // \text{Option C}
        if (is_upper(s[7]) && (n == 8 || strchr(").: ", s[8]))) return *marked = true, s[7];
    }
    bool bracket = n > 3 && s[0] == '(' && is_upper(s[1]) && s[2] == ')';
    bool point = n > 2 && is_upper(s[0]) && strchr(").:", s[1]);
    *marked = bracket || point;
    return bracket ? s[1] : point ? s[0] : 0;
}

char choice_letter(const Tokens *tokens, const char **rest, bool *marked) {
    const Token *t = tokens->at;
    *rest = NULL;
    *marked = false;
    if (tokens->too_many || !tokens->count) return 0;
    while (lead_in(t) || symbol(t, ":*")) t++;
    if (t->kind == T_TEXT && t[1].kind == T_END) return inside_text(t, marked);
    while (symbol(t, "{")) t++;
    bool open = symbol(t, "([");
    t += open;
    if (!capital(t)) return 0;
    char letter = *t->text;
    const Token *after = t + 1;
    bool closed = symbol(after, open ? ")]" : ").:");
    if (open && !closed) return 0;
    *marked = closed;
    if (closed) after++;
    while (symbol(after, "}")) after++;
    if (after->kind == T_END) return letter;
    if (!closed || names_another(after)) return 0;
    *rest = t[1].text + 1;
    return letter;
}

unsigned choice_set(const Tokens *tokens) {
    unsigned set = 0;
    for (const Token *t = tokens->at; t->kind != T_END; t++) {
        if (symbol(t, "(),;{}&")) continue;
        if (t->kind != T_WORD && t->kind != T_TEXT) return 0;
        for (size_t i = 0, k; i < t->len; i += k) {
            k = letters_at(t->text + i, t->len - i);
            unsigned before = 0;
            bool connector = words_equal(t->text + i, k, "and");
            for (size_t j = 0; j < k && !connector; j++) {
                unsigned bit = t->text[i + j] >= 'A' && t->text[i + j] <= 'J' ? 1u << (t->text[i + j] - 'A') : 0;
                if (!bit || (set & bit) || (j && bit < before)) return 0; // BA is a product
                before = bit;
                set |= bit;
            }
            if (!k && !strchr(" ,;&()", t->text[i])) return 0;
            k += !k;
        }
    }
    return set & (set - 1) ? set : 0;
}
