// Optional (math answers from data sets): tags, markers, last math span, last number; see extract.h.
#define _GNU_SOURCE // memmem
//   "<answer>7</answer>"   "#### 1,234"   "**Answer: 42**"   "The final answer is $x=3$. I hope it is correct."
#include "verify/extract_marker.h"

#include "verify/ascii.h"
#include "verify/units.h"
#include "verify/words.h"

#include <string.h>
#include <strings.h>

enum { SHORT_RESPONSE = 80, LONGEST_LINE = 8192 };

typedef struct Found {
    Span tag, hashes, marker, math, number; // last of each; empty when none
} Found;

static bool at_fold(const char *s, size_t len, size_t i, const char *word) {
    size_t n = strlen(word);
    return len - i >= n && !strncasecmp(s + i, word, n);
}

static bool blank_or(char c, const char *set) { return is_space(c) || one_of(c, set); }

static size_t line_end(const char *s, size_t len, size_t i) {
    const char *newline = i < len ? memchr(s + i, '\n', len - i) : NULL;
    return newline ? (size_t)(newline - s) : len;
}

// Trims blanks, markdown and the period that ends a sentence.
static Span trimmed(const char *s, Span span) {
    while (span.begin < span.end && blank_or(s[span.begin], "*`:\"")) span.begin++;
    for (;;) {
        char c = span.end > span.begin ? s[span.end - 1] : 0;
        if (!blank_or(c, "*`.\"")) return span;
        if (c == '.' && span.end - span.begin >= 3 && s[span.end - 2] == '.') return span; // 0.333...
        if (c == '.' && span.end - span.begin >= 4 && s[span.end - 3] == '.') return span; // p.m.
        span.end--;
    }
}

// Ends the span at the first sentence end outside of math and braces.
static Span first_sentence(const char *s, Span span) {
    bool math = false;
    int depth = 0;
    if (span.end - span.begin > LONGEST_LINE) return span;
    for (size_t i = span.begin; i + 1 < span.end; i++) {
        if (s[i] == '\\') {
            if (one_of(s[i + 1], "([")) math = true;
            if (one_of(s[i + 1], ")]")) math = false;
            i++;
            continue;
        }
        if (s[i] == '$') math = !math;
        if (s[i] == '{') depth++;
        if (s[i] == '}') depth--;
        bool stop = s[i] == '.' && is_space(s[i + 1]) && i + 2 < span.end && is_upper(s[i + 2]);
        if (stop && (!math || !memchr(s + i, '$', span.end - i)) && depth <= 0) return (Span){span.begin, i};
        if (s[i] == '<' && s[i + 1] == '|') return (Span){span.begin, i}; // the next turn of a chat
    }
    return span;
}

// The length of the first of the words that s starts with; 0 for none.
static size_t starts_with(const char *s, size_t len, const char *const *words) {
    for (; *words; words++)
        if (len >= strlen(*words) && !memcmp(s, *words, strlen(*words))) return strlen(*words);
    return 0;
}

// "Answer:" and "the answer is" in Chinese, Japanese and Korean. Returns where the answer begins, or 0.
static size_t foreign_marker_at(const char *s, size_t len, size_t i) {
    static const char *const ANSWER[] = {"答案", "答え", "答", "정답", "답", NULL};
    static const char *const IS[] = {"是", "为", "為", "は", "은", "는", ":", "：", NULL};
    size_t n = starts_with(s + i, len - i, ANSWER), is = n ? starts_with(s + i + n, len - i - n, IS) : 0;
    if (!is) return 0;
    i += n + is;
    return i + starts_with(s + i, len - i, IS); // 答案是：
}

// "answer:", "answer is", "final answer" and a line break. Returns where the answer begins, or 0.
static size_t marker_at(const char *s, size_t len, size_t i) {
    if ((unsigned char)s[i] >= 0x80) return foreign_marker_at(s, len, i);
    if (!at_fold(s, len, i, "answer") || (i && is_alnum(s[i - 1]))) return 0;
    bool final = i >= 6 && !strncasecmp(s + i - 6, "final ", 6);
    size_t j = i + 6;
    while (j < len && (s[j] == ' ' || s[j] == '*' || s[j] == '`')) j++;
    bool is = at_fold(s, len, j, "is") && j + 2 < len && !is_alnum(s[j + 2]);
    if (is) j += 2;
    while (j < len && (s[j] == ' ' || s[j] == '*')) j++;
    bool colon = j < len && s[j] == ':';
    if (colon) j++;
    if (is || colon) return j;
    return final && j < len && s[j] == '\n' ? j : 0;
}

// "Answer: The largest n is 34": prose that states the answer after its last "is".
static Span after_is(const char *s, Span line) {
    size_t word = line.begin;
    while (word < line.end && is_alpha(s[word])) word++;
    if (word - line.begin < 3 || span_length(line) > LONGEST_LINE || word >= line.end || s[word] != ' ') return line;
    Span found = line;
    for (size_t i = word; i + 4 < line.end; i++)
        if (!memcmp(s + i, " is ", 4)) found.begin = i + 4;
    return found;
}

// "42, since 6*7=42", "B because A and C are wrong", "42, not 41 or 43": the answer ends before the reason. Only
// reasons and denials are cut, outside math and brackets, and only where the rest holds no second thought, or "42, but
// maybe 43" would be paid as 42. What stays is judged as before: "42 or 43, since ..." names two.
static Span before_clause(const char *s, Span line) {
    static const char SECOND_THOUGHTS[] = "but|however|actually|wait|correction|sorry|maybe|perhaps|possibly|probably|"
        "unless|otherwise|mistake|oops|hmm|instead|alternatively|rather|either";
    size_t cut = 0;
    int depth = 0;
    bool math = false, relative = false;
    for (size_t i = line.begin, n; i < line.end; i += n ? n : 1) {
        n = letters_at(s + i, line.end - i);
        if (s[i] == '\\' && i + 1 < line.end) n = 2;
        if (s[i] == '$') math = !math;
        depth += one_of(s[i], "({[") ? 1 : one_of(s[i], ")}]") ? -1 : 0;
        if (!n || s[i] == '\\') continue;
        bool blank = i > line.begin + 1 && s[i - 1] == ' ', comma = blank && one_of(s[i - 2], ",;");
        bool reason = words_in(s + i, n, "because|since") || (comma && words_in(s + i, n, "as|so|not|due|which"));
        if (cut && words_in(s + i, n, SECOND_THOUGHTS)) return line;
        if (cut && relative && words_in(s + i, n, "wrong|incorrect|false|not|no|never")) return line; // which is wrong
        if (!cut && reason && blank && !math && !depth) {
            cut = comma ? i - 2 : i - 1;
            relative = words_in(s + i, n, "which|as|so");
        }
    }
    return cut ? (Span){line.begin, cut} : line;
}

static Span marked_line(const char *s, size_t len, size_t i) {
    while (i < len && (is_space(s[i]) || s[i] == '*')) i++; // the answer may stand on the next line
    size_t end = line_end(s, len, i);
    bool display = i + 1 < len && (!memcmp(s + i, "\\[", 2) || !memcmp(s + i, "$$", 2));
    if (display) { // may have several lines
        const char *close = s[i] == '$' ? "$$" : "\\]";
        for (size_t k = i + 2; k + 1 < len && k - i < LONGEST_LINE; k++)
            if (!memcmp(s + k, close, 2)) return trimmed(s, (Span){i + 2, k});
    }
    Span line = trimmed(s, first_sentence(s, (Span){i, end}));
    return trimmed(s, after_is(s, trimmed(s, before_clause(s, line))));
}

// A math span that opens at s[i]: its contents; empty when it does not close.
static Span math_at(const char *s, size_t len, size_t i, size_t *next) {
    const char *close = NULL;
    size_t open = 2;
    if (s[i] == '\\' && i + 1 < len && s[i + 1] == '(') close = "\\)";
    else if (s[i] == '\\' && i + 1 < len && s[i + 1] == '[') close = "\\]";
    else if (s[i] == '$' && i + 1 < len && s[i + 1] == '$') close = "$$";
    else if (s[i] == '$') close = "$", open = 1;
    *next = i + 1;
    if (!close) return (Span){0, 0};
    size_t limit = len - i > LONGEST_LINE ? i + LONGEST_LINE : len;
    for (size_t k = i + open; k + open <= limit; k++) {
        if (open == 1 && s[k] == '\n' && k + 1 < len && s[k + 1] == '\n') break;
        if (open == 1 && s[k] == '\\') {
            k++;
            continue;
        }
        if (memcmp(s + k, close, open)) continue;
        *next = k + open;
        return (Span){i + open, k};
    }
    return (Span){0, 0};
}

// A number with sign, separators, fraction bar, percent: "-3", "1,234.5", "2/3", "$18", "28 percent".
static Span number_at(const char *s, size_t len, size_t i) {
    size_t j = i;
    while (j < len && (is_digit(s[j]) || (one_of(s[j], ",.") && j + 1 < len && is_digit(s[j + 1])))) j++;
    if (j < len && s[j] == '/' && j + 1 < len && is_digit(s[j + 1]))
        for (j++; j < len && is_digit(s[j]);) j++;
    size_t tail = j;
    while (tail < len && (s[tail] == ' ' || s[tail] == '$')) tail++;
    if (at_fold(s, len, tail, "percent")) j = tail + 7;
    else if (at_fold(s, len, tail, "pct")) j = tail + 3;
    else if (tail < len && s[tail] == '%') j = tail + 1;
    if (i && s[i - 1] == '.' && (i < 2 || !is_alnum(s[i - 2]))) i--; // ".4"
    if (i && s[i - 1] == '-' && (i < 2 || !is_alnum(s[i - 2]))) i--;
    return (Span){i, j};
}

// "$18 and $20" is no math span: it starts with a digit and goes into prose or the next amount.
static bool money(const char *s, size_t len, size_t i, Span math) {
    if (i + 1 >= len || !is_digit(s[i + 1])) return false;
    if (math.end + 1 < len && is_digit(s[math.end + 1])) return true;
    size_t word = 0;
    for (size_t k = math.begin; k < math.end && word < 3; k++) {
        if (s[k] == '\\' || s[k] == '=') return false;
        word = is_alpha(s[k]) ? word + 1 : 0;
    }
    return word >= 3;
}

// Does a sentence or a line end between the last math span and the last number? Then the number is the later statement.
static bool number_is_later(const char *s, Span math, Span number) {
    bool sentence = math.end > math.begin && s[math.end - 1] == '.'; // "$$x=2.$$ So it rose by 100%"
    if (sentence && number.begin > math.end) return true;
    for (size_t i = math.end; i + 1 < number.begin; i++)
        if (s[i] == '\n' || (s[i] == '.' && is_space(s[i + 1]))) return true;
    return false;
}

// Words and digits together are a sentence and not an answer, unless the words are functions or units.
static bool mixed_prose(const char *s, Span span) {
    bool word = false, digit = false;
    size_t words = 0;
    for (size_t i = span.begin; i < span.end;) {
        size_t n = letters_at(s + i, span.end - i);
        digit |= is_digit(s[i]);
        words += n > 0;
        bool command = i > span.begin && s[i - 1] == '\\';
        word |= n >= 2 && !command && !words_glued(s + i, n) && !words_math_name(s + i, n) && !unit_word(s + i, n);
        i += n ? n : 1;
    }
    return (word && digit) || (word && words > 4);
}

// The one number of a line of prose: "Answer: Jane started 3 hours ago". The line itself when it hedges or has several.
static Span lone_number(const char *s, Span line) {
    Span found = line;
    int numbers = 0;
    for (size_t i = line.begin, n; i < line.end; i += n) {
        n = letters_at(s + i, line.end - i);
        if (n && words_hedge(s + i, n)) return line;
        if (!n && is_digit(s[i])) {
            Span number = number_at(s, line.end, i);
            if (numbers++) return line;
            found = number;
            n = number.end > i ? number.end - i : 1;
        }
        n += !n;
    }
    return numbers == 1 ? found : line;
}

static void fallback_scan(const char *s, size_t from, size_t len, Found *found) {
    size_t closed = from;
    int unclosed = 0; // a bound on failed searches keeps the pass linear
    for (size_t i = from; i < len;) {
        size_t next = i + 1;
        if (i >= closed && unclosed < 64 && (s[i] == '$' || s[i] == '\\')) {
            Span math = math_at(s, len, i, &next);
            bool escaped = s[i] == '\\' && !math.end, opens = s[i] == '$' || (i + 1 < len && one_of(s[i + 1], "(["));
            unclosed += opens && !math.end;
            if (math.end && !(s[i] == '$' && money(s, len, i, math))) found->math = math, closed = next;
            next = escaped ? i + 2 : i + 1;
        } else if (is_digit(s[i]) && (i == from || !is_alnum(s[i - 1]))) {
            Span number = number_at(s, len, i);
            if (number.end >= len || !is_alpha(s[number.end]) || s[number.end] == 'm') found->number = number;
            next = number.end > i ? number.end : i + 1;
        }
        i = next;
    }
}

// Minerva's prompt teaches to close with "The final answer is $7$. I hope it is correct.": that counts, not the boxes.
Span extract_closing(const char *s, size_t from, size_t len) {
    static const char CLOSE[] = "I hope it is correct", OPEN[] = "final answer is ";
    const char *close = memmem(s + from, len - from, CLOSE, sizeof CLOSE - 1);
    const char *open = close ? memmem(s + from, (size_t)(close - s) - from, OPEN, sizeof OPEN - 1) : NULL;
    size_t next;
    if (!open || close - open > 400 || open[sizeof OPEN - 1] != '$') return (Span){0, 0};
    return math_at(s, (size_t)(close - s), (size_t)(open - s) + sizeof OPEN - 1, &next);
}

static void scan(const char *s, size_t from, size_t len, Found *found) {
    size_t tag = 0;
    for (size_t i = from; i < len; i++) {
        char c = s[i];
        if (c == '<' && at_fold(s, len, i, "<answer>")) tag = i + 8;
        else if (c == '<' && tag && at_fold(s, len, i, "</answer>")) found->tag = (Span){tag, i}, tag = 0;
        else if (c == '#' && len - i >= 4 && !memcmp(s + i, "####", 4)) {
            found->hashes = (Span){i + 4, len};
            i += 3;
        } else if (c == 'a' || c == 'A' || (unsigned char)c >= 0x80) {
            size_t begin = marker_at(s, len, i);
            if (begin) found->marker = (Span){begin, len};
        }
    }
    Span *hashes = &found->hashes; // trimmed once: a line of nothing but #### is read in linear time
    if (hashes->end) *hashes = trimmed(s, (Span){hashes->begin, line_end(s, len, hashes->begin)});
    if (found->marker.end) found->marker = marked_line(s, len, found->marker.begin);
}

// The option named by a response without mathematics: its first label ("A. Because B fails"), else the only
// capital from A to J that stands alone ("Because B is valid"; not the article in "A cat").
static Span lone_option(const char *s, Span all) {
    Span found = {0, 0};
    for (size_t i = all.begin, n; i < all.end; i += n ? n : 1) {
        n = letters_at(s + i, all.end - i);
        if (n != 1 || s[i] < 'A' || s[i] > 'J') continue;
        char after = i + 1 < all.end ? s[i + 1] : 0, then = i + 2 < all.end ? s[i + 2] : 0;
        if (i == all.begin && one_of(after, ".):") && is_space(then)) return (Span){i, i + 1};
        if (s[i] == 'A' && after == ' ' && is_lower(then)) continue;
        if (found.end && s[found.begin] != s[i]) return (Span){0, 0};
        found = (Span){i, i + 1};
    }
    return found;
}

static bool has_digit(const char *s, Span span) {
    for (size_t i = span.begin; i < span.end; i++)
        if (is_digit(s[i]) || s[i] == '\\') return true;
    return false;
}

static bool has_dollar(const char *s, Span span) { return memchr(s + span.begin, '$', span_length(span)); }

Span extract_marked(const char *text, size_t from, size_t len, bool fallback, const char **rule) {
    Found found = {0};
    scan(text, from, len, &found);
    if (found.tag.end) return *rule = "answer tag", trimmed(text, found.tag);
    if (found.hashes.end > found.hashes.begin) return *rule = "#### marker", found.hashes;
    if (found.marker.end > found.marker.begin) {
        bool prose = fallback && !has_dollar(text, found.marker) && mixed_prose(text, found.marker);
        return *rule = "answer marker", prose ? lone_number(text, found.marker) : found.marker;
    }
    if (!fallback) return (Span){0, 0};
    Span whole = trimmed(text, (Span){from, len}), stated = after_is(text, whole), option = {0, 0};
    if (!has_dollar(text, whole) && !has_digit(text, whole)) option = lone_option(text, whole);
    if (option.end && span_length(option) < span_length(whole)) return *rule = "lone option", option;
    bool line = !memchr(text + whole.begin, '\n', span_length(whole));
    if (span_length(whole) <= SHORT_RESPONSE && line && !has_dollar(text, whole)) {
        bool delimited = span_length(whole) > 1 && text[whole.begin] == '\\' && one_of(text[whole.begin + 1], "([");
        if (!delimited && (stated.begin > whole.begin || !mixed_prose(text, whole)) && !mixed_prose(text, stated))
            return *rule = "short response", trimmed(text, stated);
    }
    fallback_scan(text, from, len, &found);
    if (found.math.end > found.math.begin && !(found.number.end && number_is_later(text, found.math, found.number)))
        return *rule = "last math span", trimmed(text, found.math);
    if (found.number.end) return *rule = "last number", found.number;
    return (Span){0, 0};
}
