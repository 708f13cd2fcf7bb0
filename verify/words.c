// Optional (math answers from data sets): words as answers; see words.h.
#include "verify/words.h"

#include "verify/ascii.h"

#include <string.h>
#include <strings.h>

static const char MATH_NAMES[] = "sqrt|cbrt|sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|arccot|asin|acos|atan|sinh|"
    "cosh|tanh|exp|ln|log|lg|abs|floor|ceil|gcd|lcm|min|max|mod|det|binom|cis|Abs|ceiling|factorial|Min|Max|pi|inf|"
    "oo|alpha|beta|gamma|delta|epsilon|zeta|theta|lambda|mu|nu|xi|rho|sigma|tau|phi|chi|psi|omega|Gamma|Delta|Theta|"
    "Lambda|Sigma|Phi|Psi|Omega|frac|or|and|nCr";
static const char HEDGES[] = "or|not|maybe|perhaps|either|about|approximately|roughly|around|if|when|unless|except|"
    "but|nor|than|least|most|wait|no|else|otherwise|possibly|probably|any|incorrect|wrong|false|to|minus|plus|times";
static const char ARTICLES[] = "a|an|the";
static const char ORDINALS[] = "st|nd|rd|th";
static const char NONE[] = "no solution|none|empty set|no real solution|empty|no such|no answer exist|"
    "there are no solution|no integer solution|no solution exist|there is no solution|no real solution exist";
static const char REALS[] = "all real number|all real|real number|set of all real number|all real value|all real x|"
    "all real number x|every real number|reals";
static const char NOT_EXISTING[] = "dne|it doe not exist";
static const char INFINITELY_MANY[] = "infinitely many solution|there are infinitely many solution|infinite solution";

bool words_equal(const char *text, size_t len, const char *word) {
    return strlen(word) == len && !strncasecmp(text, word, len);
}

// The place of text in list, -1 when it is not there. fold: the text's letters as lower case, as the list is.
static int place(const char *text, size_t len, const char *list, bool fold) {
    for (int i = 0;; i++) {
        size_t k = 0;
        while (k < len && list[k] == (fold ? to_lower(text[k]) : text[k]) && list[k] != '|') k++;
        if (k == len && (!list[k] || list[k] == '|')) return i;
        for (list += k; *list && *list != '|';) list++;
        if (!*list++) return -1;
    }
}

int words_place(const char *text, size_t len, const char *list) { return place(text, len, list, true); }
bool words_in(const char *text, size_t len, const char *list) { return place(text, len, list, true) >= 0; }
bool words_exactly(const char *text, size_t len, const char *list) { return place(text, len, list, false) >= 0; }
bool words_hedge(const char *word, size_t len) { return words_in(word, len, HEDGES); }

size_t words_glued(const char *word, size_t len) {
    size_t n = len > 3 && !memcmp(word, "and", 3) ? 3 : len > 2 && !memcmp(word, "or", 2) ? 2 : 0;
    return n && len - n == 1 && !words_math_name(word, len) ? n : 0;
}

bool words_math_name(const char *word, size_t len) { return words_exactly(word, len, MATH_NAMES); }

static bool text_command(const char *s, size_t n) {
    static const char LIST[] = "text|textbf|textit|textrm|mbox|mathrm|textnormal|mathbf|hbox|quad|boxed|operatorname|"
        "bf|rm";
    return words_in(s, n, LIST);
}

bool words_only(const char *text, size_t len) {
    bool found = false, seen_word = false;
    for (size_t i = 0; i < len;) {
        char c = text[i];
        size_t n = letters_at(text + i, len - i);
        if (n) {
            seen_word = true;
            if (n >= 3 && !words_math_name(text + i, n)) found = true;
            else if (n == 2 && words_equal(text + i, n, "no")) found = true;
            i += n;
        } else if (c == '\\') {
            size_t k = 1;
            while (i + k < len && is_alpha(text[i + k])) k++;
            bool command = k > 1 && (text_command(text + i + 1, k - 1) || !strncmp(text + i, "\\char", 5));
            if (!command && !(i + 1 < len && k == 1 && strchr(" ,;!", text[i + 1]))) return false;
            i += k == 1 ? 2 : k;
            while (command && i < len && is_xdigit(text[i])) i++;
        } else if (is_digit(c)) {
            if (!seen_word) return false;
            i++;
        } else if (is_space(c) || strchr("{}$.,;'\"`-?!~", c)) i++;
        else return false;
    }
    return found;
}

// Appends one word to out[0, n) and returns the new length.
static size_t add_word(char *out, size_t n, const char *word, size_t len) {
    if (n) out[n++] = ' ';
    if (is_digit(*word) && len > 2 && words_in(word + len - 2, 2, ORDINALS)) len -= 2; // March 14th
    for (size_t i = 0; i < len; i++) out[n + i] = to_lower(word[i]);
    n += len;
    return len > 3 && out[n - 1] == 's' && out[n - 2] != 's' && out[n - 2] != 'u' ? n - 1 : n; // not class, radius
}

char *words_normal(NodePool *pool, const char *text, size_t len, size_t *out_len) {
    char *out = pool_alloc(pool, 2 * len + 1); // every word has a byte and brings at most one blank
    size_t n = 0;
    for (size_t i = 0, k; out && i < len; i += k) {
        const char *s = text + i;
        if (*s == '\\') {
            k = 1 + letters_at(s + 1, len - i - 1);
            if (k > 1 && !text_command(s + 1, k - 1)) memcpy(out + n, s, k), n += k; // an opaque character stays
            k += k == 1;
            continue;
        }
        for (k = 0; i + k < len && (is_alnum(s[k]) || s[k] == '\'');) k++;
        if (k && (!words_in(s, k, ARTICLES) || k == len)) n = add_word(out, n, s, k);
        k += !k;
    }
    if (out) out[n] = 0;
    *out_len = n;
    return out;
}

// The value of one word of a number, -1 when it is none.
static int small_number(const char *s, size_t len) {
    int ones = words_place(s, len, "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|"
                                   "fourteen|fifteen|sixteen|seventeen|eighteen|nineteen");
    int tens = words_place(s, len, "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety");
    return tens >= 0 ? 20 + 10 * tens : ones;
}

static int64_t large_number(const char *s, size_t len) {
    static const int64_t VALUES[] = {1000, 1000000, 1000000000};
    int i = words_place(s, len, "thousand|million|billion");
    return i < 0 ? 0 : VALUES[i];
}

// "twenty-one", "one hundred and five", "two thousand" in words; -1 when it is no number.
static int64_t number_word(const char *s, size_t len) {
    int64_t total = 0, group = 0, last = 0, limit = INT64_MAX; // last: value of the previous word, to refuse "five six"
    bool any = false;
    for (size_t i = 0, k; i < len; i += k + 1, any = true) {
        for (k = 0; i + k < len && s[i + k] != ' ' && s[i + k] != '-';) k++;
        int value = small_number(s + i, k);
        int64_t scale = large_number(s + i, k);
        if (words_equal(s + i, k, "hundred") && any && group < 10 && group) group *= 100, last = 100;
        else if (words_equal(s + i, k, "and") && last >= 100) last = 100;
        else if (scale && group && scale < limit) total += group * scale, group = 0, last = limit = scale;
        else if (value < 0 || (any && (value == 0 || (last < 20) || (last < 100 && value > 9)))) return -1;
        else group += value, last = value;
    }
    return any ? total + group : -1;
}

// "two third" (plurals are gone) -> 2/3; NULL when it is no fraction.
static const Node *fraction_words(Exact *exact, const char *s, size_t len) {
    static const int PARTS[] = {2, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10};
    size_t last = len;
    while (last && s[last - 1] != ' ' && s[last - 1] != '-') last--;
    int64_t top = last ? number_word(s, last - 1) : -1;
    int i = words_place(s + last, len - last, "half|halve|third|quarter|fourth|fifth|sixth|seventh|eighth|ninth|tenth");
    if (top <= 0 || i < 0) return NULL;
    return exact_scale(exact, node_integer(exact->pool, top), 1, PARTS[i], 0);
}

const Node *words_node(Exact *exact, const char *normal, size_t len) {
    size_t first = letters_at(normal, len), rest = len - first - 1;
    if (first + 1 < len && words_in(normal, first, "minus|negative")) { // minus three, negative 3
        const char *s = normal + first + 1;
        bool digits = strspn(s, "0123456789") == rest;
        const Node *n = digits ? exact_literal(exact, s, rest, 0, 0) : words_node(exact, s, rest);
        if (n && node_is(n, N_RAT)) return exact_mul(exact, n, node_integer(exact->pool, -1));
    }
    int64_t number = number_word(normal, len);
    if (number >= 0) return node_integer(exact->pool, number);
    const Node *fraction = fraction_words(exact, normal, len);
    if (fraction) return fraction;
    if (words_in(normal, len, NONE)) return node_constant(exact->pool, CONST_EMPTY);
    if (words_in(normal, len, REALS)) return node_constant(exact->pool, CONST_REALS);
    const Node *infinity = node_constant(exact->pool, CONST_INF);
    if (words_in(normal, len, "infinity|positive infinity")) return infinity;
    if (words_equal(normal, len, "negative infinity")) return node_negate(exact->pool, infinity);
    const char *word = normal;
    if (words_in(normal, len, NOT_EXISTING)) word = "doe not exist";
    else if (words_in(normal, len, INFINITELY_MANY)) word = "infinitely many";
    return node_text(exact->pool, N_TEXT, word, word == normal ? len : strlen(word), NULL, 0);
}
