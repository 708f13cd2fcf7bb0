// Optional (math answers from data sets): finds the boxed answer; see extract.h.
#include "verify/extract.h"

#include "verify/ascii.h"
#include "verify/extract_marker.h"
#include "verify/words.h"

#include <string.h>

enum { OPEN_BOXES = 64 }; // boxes open at once; deeper ones are not looked at

typedef struct OpenBox {
    size_t start, content;
    long depth;
} OpenBox;

typedef struct BoxScan {
    const char *s;
    size_t len;
    long depth;                                             // of braces
    OpenBox open[OPEN_BOXES];
    int opened;
    Span box[EXTRACT_BOXES + 1];                            // contents, oldest first
    size_t start[EXTRACT_BOXES + 1];                        // of the backslash
    int boxes;
} BoxScan;

static const char SECOND_THOUGHTS[] = "then|so|correct|correction|actually|finally|final|now|becomes|gives|is|was|"
    "equals|check";

static bool at(const char *s, size_t len, size_t i, const char *word) {
    size_t n = strlen(word);
    return len - i >= n && !memcmp(s + i, word, n);
}

static void add_box(BoxScan *scan, size_t start, size_t begin, size_t end) {
    while (scan->boxes && scan->start[scan->boxes - 1] >= start) scan->boxes--; // those inside this one
    if (scan->boxes == EXTRACT_BOXES + 1) {
        memmove(scan->box, scan->box + 1, EXTRACT_BOXES * sizeof *scan->box);
        memmove(scan->start, scan->start + 1, EXTRACT_BOXES * sizeof *scan->start);
        scan->boxes--;
    }
    scan->box[scan->boxes] = (Span){begin, end};
    scan->start[scan->boxes++] = start;
}

// A box at the backslash s[i]; returns where to go on.
static size_t open_box(BoxScan *scan, size_t i, size_t name_len) {
    size_t j = i + name_len;
    while (j < scan->len && is_space(scan->s[j])) j++;
    if (j >= scan->len) return j;
    if (scan->s[j] == '{') {
        if (scan->opened < OPEN_BOXES) scan->open[scan->opened++] = (OpenBox){i, j + 1, scan->depth};
        scan->depth++;
        return j + 1;
    }
    if (is_alpha(scan->s[i + name_len])) return i + name_len; // \boxedsomething
    size_t end = j + 1; // \boxed 9, \boxed\pi
    if (scan->s[j] == '\\')
        while (end < scan->len && is_alpha(scan->s[end])) end++;
    if (is_alnum(scan->s[j]) || scan->s[j] == '\\') add_box(scan, i, j, end);
    return end;
}

static void scan_boxes(BoxScan *scan, size_t from) {
    static const char *const NAMES[] = {"\\boxed", "\\fbox", "\\framebox"};
    const char *s = scan->s;
    for (size_t i = from, len = scan->len; i < len;) {
        char c = s[i];
        if (c == '\\') {
            size_t name = 0;
            for (int k = 0; k < 3 && !name; k++)
                if (at(s, len, i, NAMES[k])) name = strlen(NAMES[k]);
            bool twice = at(s, len, i, "\\\\boxed") || at(s, len, i, "\\\\fbox"); // escaped twice
            i = name ? open_box(scan, i, name) : i + (twice ? 1 : 2);
            continue;
        }
        if (c == '{') scan->depth++;
        if (c == '}' && scan->depth > 0) {
            scan->depth--;
            while (scan->opened && scan->open[scan->opened - 1].depth >= scan->depth) {
                OpenBox *box = &scan->open[--scan->opened];
                if (box->depth == scan->depth) add_box(scan, box->start, box->content, i);
            }
        }
        for (i++; i < len && s[i] != '\\' && s[i] != '{' && s[i] != '}';) i++;
    }
}

// Is s[i..end) only "and", "or", punctuation, bullets, math delimiters, blanks and at most one short "x =" prefix?
static bool joins(const char *s, size_t i, size_t end, Span *prefix) {
    *prefix = (Span){end, end};
    if (end - i > 120) return false;
    while (i < end) {
        if (is_space(s[i]) || one_of(s[i], "$,;}{&+*-")) i++;
        else if (words_exactly(s + i, letters_at(s + i, end - i), "and|or")) i += s[i] == 'a' ? 3 : 2;
        else if (s[i] == '\\' && i + 1 < end && one_of(s[i + 1], "()[]\\,;:! ")) i += 2;
        else if (s[i] == '\\' && i + 1 == end) i++; // of "\\boxed", escaped twice
        else if (at(s, end, i, "\\quad")) i += 5;
        else if (at(s, end, i, "\\qquad")) i += 6;
        else if (at(s, end, i, "\\text")) i += 5;
        else { // "x =", "y_2 =", "\alpha ="
            size_t k = i + (s[i] == '\\');
            while (k < end && k - i < 24 && (is_alnum(s[k]) || one_of(s[k], "_{}()"))) k++;
            size_t name_end = k;
            while (k < end && (s[k] == ' ' || s[k] == '&')) k++;
            size_t n = name_end - i;
            bool short_name = n && (n <= 3 || s[i] == '\\' || memchr(s + i, '_', n) || memchr(s + i, '(', n));
            if (k >= end || s[k] != '=' || !short_name || span_length(*prefix)) return false;
            *prefix = (Span){i, k + 1};
            i = k + 1;
        }
    }
    return true;
}

// "\boxed{1} papers and \boxed{2} bins": a few words that end in "and", no number, sentence end or second thought.
static bool joins_by_and(const char *s, size_t i, size_t end) {
    int words = 0;
    bool last_and = false;
    if (end - i > 60) return false;
    while (i < end) {
        size_t n = letters_at(s + i, end - i);
        if (n) {
            last_and = n == 3 && at(s, end, i, "and");
            if (words_hedge(s + i, n) || words_in(s + i, n, SECOND_THOUGHTS) || ++words > 6) return false;
        } else if (s[i] == '\\' && at(s, end, i, "\\text{")) n = 6;
        else if (s[i] == '\\' && i + 1 < end && one_of(s[i + 1], "()[],;: ")) n = 2;
        else if (!one_of(s[i], " ${}()~")) return false;
        i += n ? n : 1;
    }
    return last_and;
}

static bool blank(const char *s, Span span) {
    for (size_t i = span.begin; i < span.end; i++)
        if (!is_space(s[i]) && s[i] != '$' && s[i] != '~') return false;
    return true;
}

static bool same_bytes(const char *s, Span a, Span b) {
    return span_length(a) == span_length(b) && !memcmp(s + a.begin, s + b.begin, span_length(a));
}

static bool percent_follows(const char *s, size_t len, size_t i) {
    while (i < len && (is_space(s[i]) || one_of(s[i], "}$") || (s[i] == '\\' && i + 1 < len && one_of(s[i + 1], ")]"))))
        i += s[i] == '\\' ? 2 : 1;
    return i < len && (s[i] == '%' || at(s, len, i, "\\%") || at(s, len, i, "percent") || at(s, len, i, "pct"));
}

static Span without_blanks(const char *s, Span span) {
    while (span.begin < span.end && is_space(s[span.begin])) span.begin++;
    while (span.begin < span.end && is_space(s[span.end - 1])) span.end--;
    return span;
}

static bool last_run(const BoxScan *scan, Extract *out) {
    if (!scan->boxes) return false;
    int last = scan->boxes - 1, first = last;
    Span prefix[EXTRACT_BOXES + 1] = {0};
    while (first > 0) {
        size_t from = scan->box[first - 1].end + 1, to = scan->start[first];
        if (!joins(scan->s, from, to, &prefix[first])) {
            prefix[first] = (Span){0, 0};
            if (!joins_by_and(scan->s, from, to)) break;
        }
        first--;
    }
    out->rule = "box";
    out->span = without_blanks(scan->s, (Span){scan->box[first].begin, scan->box[last].end});
    out->too_many = last - first >= EXTRACT_BOXES;
    if (first > 0) prefix[first] = (Span){0, 0};
    else { // the first box may have a name before it as well: "y_1 = \boxed{...}"
        size_t from = scan->start[0] > 24 ? scan->start[0] - 24 : 0, i = scan->start[0];
        while (i > from && (scan->s[i - 1] == ' ' || scan->s[i - 1] == '=')) i--;
        size_t k = i;
        while (k > from && (is_alnum(scan->s[k - 1]) || one_of(scan->s[k - 1], "_{}"))) k--;
        bool equals = memchr(scan->s + i, '=', scan->start[0] - i) != NULL;
        prefix[0] = equals && last > first && k < i && i - k <= 8 ? (Span){k, scan->start[0]} : (Span){0, 0};
    }
    for (int i = first; i <= last && out->count < EXTRACT_BOXES; i++) {
        Span box = without_blanks(scan->s, scan->box[i]);
        bool repeated = false;
        for (int j = 0; j < out->count; j++) repeated |= same_bytes(scan->s, out->part[j], box);
        if (repeated && !span_length(prefix[i])) continue;
        if (blank(scan->s, box)) return out->count = 0, true; // \boxed{}: the template, or nothing
        out->prefix[out->count] = prefix[i];
        out->part[out->count++] = box;
    }
    out->percent = percent_follows(scan->s, scan->len, scan->box[last].end + 1);
    return true;
}

// Where the text after the last closing tag of a thinking block begins.
static size_t after_thinking(const char *s, size_t len) {
    static const char *const TAGS[] = {"</think>", "</thinking>", "</thought>", "</reasoning>", "<|end_of_thought|>"};
    size_t from = 0;
    for (const char *c = len ? s : NULL; c && (c = memchr(c, '<', len - (size_t)(c - s))); c++)
        for (size_t k = 0; k < sizeof TAGS / sizeof *TAGS; k++)
            if (at(s, len, (size_t)(c - s), TAGS[k])) from = (size_t)(c - s) + strlen(TAGS[k]);
    return from;
}

Extract extract_answer(const char *text, size_t len, bool fallback) {
    Extract out = {.rule = "no answer found"};
    size_t from = after_thinking(text, len);
    BoxScan scan = {.s = text, .len = len};
    scan_boxes(&scan, from);
    size_t after = scan.boxes ? scan.box[scan.boxes - 1].end : len;
    Span closing = extract_closing(text, after, len);
    if (span_length(closing))
        return (Extract){.rule = "closing sentence", .span = closing, .part = {closing}, .count = 1};
    if (last_run(&scan, &out)) {
        if (!out.count) out.rule = "empty box";
        return out;
    }
    if (scan.opened) { // cut off inside its box: the text may be a prefix of anything
        out.rule = "the box never closes";
        return out;
    }
    Span found = extract_marked(text, from, len, fallback, &out.rule);
    if (found.begin < found.end && !blank(text, found)) {
        out.span = out.part[0] = found;
        out.count = 1;
    }
    return out;
}
