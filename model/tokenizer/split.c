// Optional (Hugging Face models): the split of a text into words, by PCRE2.
#include "model/tokenizer/split.h"
#include <string.h>

// \s in Oniguruma (Unicode's White_Space), for use inside a class; PCRE2's also has U+180E.
static const char SPACES[] = "\\t-\\r\\x20\\x{85}\\p{Z}";

// GPT-2's pattern (Radford et al. 2019, encoder.py): contractions, words, numbers, other, spaces.
static const char GPT2[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

typedef struct Translation {
    char *out; // sizeof SPACES + 4 bytes per byte of the pattern
    size_t n;
} Translation;

static void put(Translation *t, const char *text, size_t n) {
    memcpy(t->out + t->n, text, n);
    t->n += n;
}

// Translates an escape. Returns the bytes read, or 0 if the two engines give it different meanings.
static size_t translate_escape(Translation *t, const char *at, bool in_class) {
    if (at[1] == 's' || (at[1] == 'S' && !in_class)) {
        if (!in_class) put(t, at[1] == 's' ? "[" : "[^", at[1] == 's' ? 1 : 2);
        put(t, SPACES, sizeof SPACES - 1);
        if (!in_class) put(t, "]", 1);
        return 2;
    }
    if (!at[1] || strchr("SwWbBhHRXKGAzZ", at[1])) return 0;
    const char *brace = strchr("pPx", at[1]) && at[2] == '{' ? strchr(at, '}') : NULL; // \p{L}
    size_t n = brace ? (size_t)(brace - at + 1) : 2;
    put(t, at, n);
    return n;
}

// Oniguruma (Ruby syntax) to PCRE2. False if a construct has another meaning in PCRE2 and is not translated.
static bool translate(Translation *t, const char *pattern) {
    bool in_class = false, class_start = false;
    for (size_t i = 0; pattern[i];) {
        size_t step = 1;
        if (pattern[i] == '\\') {
            step = translate_escape(t, pattern + i, in_class);
            if (!step) return false;
            class_start = false;
        } else {
            const char *at = pattern + i;
            if (in_class && (*at == '[' || begins(at, "&&"))) return false;
            if (!in_class && (*at == '^' || *at == '$' || begins(at, "}+"))) return false;
            if (!in_class && pattern[i] == '[') {
                in_class = class_start = true;
                if (pattern[i + 1] == '^') step = 2;
            } else if (in_class && pattern[i] == ']' && !class_start) in_class = false;
            else class_start = false;
            put(t, pattern + i, step);
        }
        i += step;
    }
    return true;
}

static bool compile(SplitStage *stage, const char *pattern, size_t n, Error *err) {
    int code;
    size_t offset;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context) return fail(err, "out of memory");
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_NO_AUTO_CAPTURE;
    stage->code = pcre2_compile((PCRE2_SPTR)pattern, n, options, &code, &offset, context);
    pcre2_compile_context_free(context);
    if (!stage->code) {
        char why[128] = "";
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
        return fail(err, "the split pattern does not compile: %s", why);
    }
    pcre2_jit_compile(stage->code, PCRE2_JIT_COMPLETE); // if this fails, pcre2_match interprets the pattern
    return true;
}

bool splitter_add(Splitter *splitter, const char *pattern, bool drop_matches, bool drop_gaps, Error *err) {
    if (splitter->count == SPLIT_MAX_STAGES) return fail(err, "more than %d pre-tokenizers", SPLIT_MAX_STAGES);
    size_t n = strlen(pattern);
    if (n > 16384) return fail(err, "a split pattern of %zu bytes", n);
    Translation t = {malloc((n + 1) * (sizeof SPACES + 4)), 0};
    if (!t.out) return fail(err, "out of memory");
    SplitStage stage = {NULL, drop_matches, drop_gaps};
    static const char unsupported[] = "\\w, \\b, \\h, ^, $, {}+ and nested classes are not supported in a pattern";
    bool good = translate(&t, pattern) || fail(err, "%s: %.200s", unsupported, pattern);
    good = good && compile(&stage, t.out, t.n, err);
    free(t.out);
    if (good) splitter->stages[splitter->count++] = stage;
    return good;
}

bool splitter_add_text(Splitter *splitter, const char *text, bool drop_matches, bool drop_gaps, Error *err) {
    char pattern[1024];
    size_t n = 0;
    if (!*text || strlen(text) > sizeof pattern / 2 - 1)
        return fail(err, "a split text that is empty or longer than 511 bytes");
    for (; *text; text++) {
        if (strchr("\\^$.[]|()?*+{}", *text)) pattern[n++] = '\\';
        pattern[n++] = *text;
    }
    pattern[n] = 0;
    return splitter_add(splitter, pattern, drop_matches, drop_gaps, err);
}

bool splitter_add_gpt2(Splitter *splitter, Error *err) { return splitter_add(splitter, GPT2, false, false, err); }

void splitter_free(Splitter *splitter) {
    for (int i = 0; i < splitter->count; i++) pcre2_code_free(splitter->stages[i].code);
}

typedef struct Walk {
    const Splitter *splitter;
    pcre2_match_data *match;
    SplitVisit visit;
    void *context;
    Error *err;
} Walk;

// Finds the next match from byte `from` on. False at the end, and with *failed on errors.
static bool find_match(const Walk *w, const SplitStage *stage, const char *text, size_t n, size_t from, bool *failed) {
    PCRE2_SPTR subject = (PCRE2_SPTR)text;
    int found = pcre2_match(stage->code, subject, n, from, PCRE2_NO_UTF_CHECK, w->match, NULL);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) // the interpreter keeps its stack on the heap
        found = pcre2_match(stage->code, subject, n, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, w->match, NULL);
    *failed = found < 0 && found != PCRE2_ERROR_NOMATCH;
    if (*failed) fail(w->err, "the tokenizer's split pattern gives up on this text (PCRE2 error %d)", found);
    return found >= 0;
}

static bool walk_stage(const Walk *w, int number, const char *text, size_t n) {
    if (n == 0) return true;
    if (number == w->splitter->count) return w->visit(w->context, text, n);
    const SplitStage *stage = &w->splitter->stages[number];
    size_t done = 0, from = 0; // words before `done` were visited; after an empty match `from` is past it
    bool failed = false;
    while (from < n && find_match(w, stage, text, n, from, &failed)) {
        const size_t *span = pcre2_get_ovector_pointer(w->match);
        size_t start = span[0], end = span[1];
        if (start < done || end < start) return fail(w->err, "the tokenizer's split pattern matches backwards");
        if (!stage->drop_gaps && !walk_stage(w, number + 1, text + done, start - done)) return false;
        if (!stage->drop_matches && !walk_stage(w, number + 1, text + start, end - start)) return false;
        done = from = end;
        if (start == end)
            for (from++; from < n && ((unsigned char)text[from] & 0xc0) == 0x80;) from++;
    }
    if (failed) return false;
    return stage->drop_gaps || walk_stage(w, number + 1, text + done, n - done);
}

bool splitter_walk(const Splitter *splitter, const char *text, size_t n, pcre2_match_data *match, SplitVisit visit,
                   void *context, Error *err) {
    Walk walk = {splitter, match, visit, context, err};
    return walk_stage(&walk, 0, text, n);
}
