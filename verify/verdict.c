// Optional (math answers from data sets): from an answer's text to a verdict; see verdict.h.
//   same tokens -> same words -> same letter -> trees (comparison.h) -> the other reading of "1,234" -> decimal comma
#include "verify/verdict.h"

#include "verify/ascii.h"
#include "verify/choice.h"
#include "verify/normal.h"
#include "verify/words.h"

#include <string.h>

Reading read_answer(Exact *exact, const char *text, size_t len, bool group) {
    Reading r = {.parsed = parse_answer(exact, text, len, group)};
    if (r.parsed.limit) return r;
    r.letter = choice_letter(&r.parsed.tokens, &r.rest, &r.marked);
    if (r.parsed.tree) r.tree = normal_form(exact, normal_signs(exact->pool, r.parsed.tree));
    return r;
}

static bool lone_letter(const Node *n) { return n && node_is(n, N_SYM) && n->text_len == 1 && is_upper(*n->text); }

// The text after "(C)" without the braces of the group that the label stood in.
static Reading read_rest(Exact *exact, const Reading *mine) {
    const char *s = mine->rest, *end = mine->parsed.text + mine->parsed.text_len;
    if (s < mine->parsed.text || s >= end) return (Reading){0};
    long depth = 0;
    while (s < end && (*s == '}' || is_space(*s))) s++;
    for (const char *c = s; c < end; c++) depth += (*c == '{') - (*c == '}');
    while (depth++ < 0 && end > s) end--;
    return read_answer(exact, s, (size_t)(end - s), true);
}

static bool is_list(const Node *n) { return n->kind == N_LIST || n->kind == N_SET || n->kind == N_TUPLE; }

// "3,14" for the gold 3.14: a comma between digits and no blank, where a decimal is expected. Not 3.14 for the gold
// 3,14, which may be a list of two.
static bool decimal_comma(Comparison *cmp, const Reading *list, const Node *number) {
    if (!list->tree || list->tree->kind != N_LIST || list->tree->count != 2) return false;
    if (!node_is(number, N_RAT) || node_is_integer(number)) return false;
    const char *s = list->parsed.text;
    char *copy = pool_alloc(cmp->exact.pool, list->parsed.text_len + 1);
    int commas = 0;
    if (!copy) return false;
    for (size_t i = 0; i < list->parsed.text_len; i++) {
        if (!is_digit(s[i]) && s[i] != ',' && !(i == 0 && s[i] == '-')) return false;
        commas += s[i] == ',';
        copy[i] = s[i] == ',' ? '.' : s[i];
    }
    if (commas != 1) return false;
    Reading r = read_answer(&cmp->exact, copy, list->parsed.text_len, false);
    return r.tree && equal_scalars(cmp, number, r.tree);
}

static bool reduced(const Node *n) { // knob require_reduced: no literal fraction with a common factor or denominator 1
    bool fraction = n->kind == N_MUL && n->count == 2 && n->args[1]->kind == N_POW;
    if (!fraction || !node_is_int(n->args[1]->args[1], -1)) return true;
    const Node *p = n->args[0], *q = n->args[1]->args[0];
    if (!node_is_integer(p) || !node_is_integer(q)) return true;
    mpz_t a, b, g;
    mpz_init(g);
    mpz_gcd(g, node_num(a, p), node_num(b, q));
    bool ok = mpz_cmp_ui(g, 1) == 0 && !node_is_int(q, 1);
    mpz_clear(g);
    return ok;
}

// The other reading of "1,234" and the decimal comma. YES or NO.
static Answer other_readings(Comparison *cmp, const VerifyGold *gold, const Reading *mine, const char *s, size_t len) {
    const Node *g = gold->plain.tree, *m = mine->tree, *ungrouped = gold->ungrouped.tree;
    if (mine->parsed.tokens.grouped && is_list(g)) { // gold {100, 200}, answer 100,200
        const Node *r = read_answer(&cmp->exact, s, len, false).tree;
        if (r && equal_trees(cmp, g, r)) return ANSWER_YES;
        if (r && ungrouped && equal_trees(cmp, ungrouped, r)) return ANSWER_YES; // "98,99,100" and "100,99,98"
    }
    bool list = is_list(m) && (is_list(g) || !node_is(m, N_TUPLE)); // 1,500 may be a list but is no pair (1,500)
    if (ungrouped && list && equal_trees(cmp, ungrouped, m)) return ANSWER_YES;
    return decimal_comma(cmp, mine, g) ? compare_yes(cmp, "decimal comma") : ANSWER_NO;
}

// Three letters with a vowel that stand in no order are a word and no product: red is not der, where abc is cab.
static bool is_short_word(const Tokens *tokens) {
    const Token *t = tokens->at;
    if (tokens->count != 1 || t->kind != T_WORD || t->len != 3) return false;
    bool vowel = false, sorted = true;
    for (int i = 0; i < 3; i++) {
        vowel |= strchr("aeiouyAEIOUY", t->text[i]) != NULL;
        sorted &= i == 0 || to_lower(t->text[i - 1]) <= to_lower(t->text[i]);
    }
    return vowel && !sorted;
}

static bool same_words(const Parsed *a, const Parsed *b) {
    return a->words_len && a->words_len == b->words_len && !memcmp(a->words, b->words, a->words_len);
}

// "Profit: 5" is not "Loss: 5". One label may be left out; labels that only say "answer" do not count.
static bool other_label(const Parsed *a, const Parsed *b) {
    static const char NEUTRAL[] = "answer|final answer|total|result|solution|value|sum|number|output";
    if (!a->label_len || !b->label_len) return false;
    if (words_in(a->label, a->label_len, NEUTRAL) || words_in(b->label, b->label_len, NEUTRAL)) return false;
    return a->label_len != b->label_len || memcmp(a->label, b->label, a->label_len);
}

// The text itself: tokens, words, choices. *decided is false when the trees must be compared.
static Answer compare_texts(Comparison *cmp, const Reading *gold, const Reading *mine, bool *decided) {
    const Tokens *g = &gold->parsed.tokens, *m = &mine->parsed.tokens;
    *decided = true;
    if (other_label(&gold->parsed, &mine->parsed)) return compare_no(cmp, "another label");
    if (tokens_equal(g, m)) return compare_yes(cmp, "same text");
    if (same_words(&gold->parsed, &mine->parsed)) return compare_yes(cmp, "same words");
    if (is_short_word(g) && m->count == 1 && m->at->kind == T_WORD) return compare_no(cmp, "different words");
    if (lone_letter(gold->tree) && mine->letter)
        return compare_if(cmp, *gold->tree->text == mine->letter, "same choice", "another choice");
    if (gold->letter && gold->rest && gold->marked) { // "\textbf{(E)}\ \frac34": its letter, or its value
        if (mine->letter && (!mine->rest || gold->letter != mine->letter))
            return compare_if(cmp, gold->letter == mine->letter, "same choice", "another choice");
        Reading value = read_rest(&cmp->exact, gold), other = mine->letter ? read_rest(&cmp->exact, mine) : *mine;
        if (value.tree && other.tree) return compare_trees(cmp, value.tree, other.tree);
    }
    unsigned several = choice_set(g);
    if (several && several == choice_set(m)) return compare_yes(cmp, "multiple choice");
    return *decided = false, ANSWER_UNKNOWN;
}

static Answer compare_readings(Comparison *cmp, const VerifyGold *gold, const Reading *mine, const char *s,
                               size_t len) {
    const Reading *g = &gold->plain;
    bool decided, labelled = mine->rest && mine->marked && !lone_letter(g->tree); // "(C) 42" for gold 42
    Answer answer = compare_texts(cmp, g, mine, &decided);
    if (decided) return answer;
    compare_unknown(cmp, "not understood");
    if (!g->tree) return ANSWER_UNKNOWN;
    if (mine->tree) {
        if (cmp->policy->require_reduced && !reduced(mine->parsed.tree)) return compare_no(cmp, "not in lowest terms");
        answer = compare_trees(cmp, g->tree, mine->tree);
        const char *reason = cmp->reason;
        if (answer == ANSWER_YES || other_readings(cmp, gold, mine, s, len) == ANSWER_YES) return ANSWER_YES;
        cmp->reason = reason;
    }
    if (!labelled) return answer;
    const Node *rest = read_rest(&cmp->exact, mine).tree;
    return rest ? compare_trees(cmp, g->tree, rest) : compare_unknown(cmp, "not understood");
}

VerifyVerdict compare_text(Comparison *cmp, const VerifyGold *gold, const char *text, size_t len) {
    Reading mine = read_answer(&cmp->exact, text, len, true);
    if (mine.parsed.limit) return cmp->reason = "too long or too deep", VERIFY_LIMIT;
    Answer answer = compare_readings(cmp, gold, &mine, text, len);
    if (answer == ANSWER_YES) return VERIFY_EQUAL;
    if (cmp->exact.pool->exhausted) return cmp->reason = "out of memory for one answer", VERIFY_LIMIT;
    if (answer == ANSWER_NO) return VERIFY_NOT_EQUAL;
    if (cmp->exact.fuel < 0) return cmp->reason = "out of fuel", VERIFY_LIMIT;
    return VERIFY_UNKNOWN;
}
