// Optional (Hugging Face models): the split of a text into words, by PCRE2.
#include "model/tokenizer/split.h"
#include "base/text.h"
#include <string.h>

// \s in Oniguruma (Unicode's White_Space), for use inside a class; PCRE2's also has U+180E.
static const char SPACES[] = "\\t-\\r\\x20\\x{85}\\p{Z}";

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
static bool translate(Translation *t, const char *at) {
    bool in_class = false, class_start = false;
    for (size_t step; *at; at += step) {
        bool opens = !in_class && *at == '[';
        if (*at == '\\') {
            step = translate_escape(t, at, in_class);
            if (!step) return false;
        } else {
            if (in_class && (*at == '[' || begins(at, "&&"))) return false;
            if (!in_class && (*at == '^' || *at == '$' || begins(at, "}+"))) return false;
            if (*at == ']' && !class_start) in_class = false;
            step = opens && at[1] == '^' ? 2 : 1;
            put(t, at, step);
        }
        in_class = in_class || opens;
        class_start = opens;
    }
    return true;
}

static bool compile(SplitStage *stage, const char *pattern, size_t n, Error *err) {
    int code;
    size_t offset;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context) return fail(err, "out of memory");
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    uint32_t options = PCRE2_UTF | (stage->literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_NO_AUTO_CAPTURE);
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

bool splitter_add(Splitter *splitter, const char *pattern, SplitStage stage, Error *err) {
    static const char unsupported[] = "\\w, \\b, \\h, ^, $, {}+ and nested classes are not supported in a pattern";
    size_t n = strlen(pattern);
    if (splitter->count == SPLIT_MAX_STAGES) return fail(err, "more than %d pre-tokenizers", SPLIT_MAX_STAGES);
    if (n > 16384) return fail(err, "a split pattern of %zu bytes", n);
    Translation t = {malloc((n + 1) * (sizeof SPACES + 4)), 0};
    if (!t.out) return fail(err, "out of memory");
    if (stage.literal) put(&t, pattern, n);
    bool good = stage.literal || translate(&t, pattern) || fail(err, "%s: %.200s", unsupported, pattern);
    good = good && compile(&stage, t.out, t.n, err);
    free(t.out);
    if (good) splitter->stages[splitter->count++] = stage;
    return good;
}

void splitter_free(Splitter *splitter) {
    for (int i = 0; i < splitter->count; i++) pcre2_code_free(splitter->stages[i].code);
}

// Finds the next match from byte `from` on. 0: there is none; negative with the reason in err: PCRE2 gave up.
static int find_match(const SplitWalk *w, const SplitStage *stage, const char *text, size_t n, size_t from) {
    PCRE2_SPTR subject = (PCRE2_SPTR)text;
    int found = pcre2_match(stage->code, subject, n, from, PCRE2_NO_UTF_CHECK, w->match, NULL);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) // the interpreter keeps its stack on the heap
        found = pcre2_match(stage->code, subject, n, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, w->match, NULL);
    if (found == PCRE2_ERROR_NOMATCH) return 0;
    if (found < 0) fail(w->err, "the tokenizer's split pattern gives up on this text (PCRE2 error %d)", found);
    return found < 0 ? -1 : 1;
}

static bool walk_stage(const SplitWalk *w, int number, const char *text, size_t n) {
    if (n == 0) return true;
    if (number == w->splitter->count) return w->visit(w->context, text, n);
    const SplitStage *stage = &w->splitter->stages[number];
    size_t done = 0, from = 0; // words before `done` were visited; after an empty match `from` is past it
    int found = 0;
    while (from < n && (found = find_match(w, stage, text, n, from)) > 0) {
        const size_t *span = pcre2_get_ovector_pointer(w->match);
        size_t start = span[0], end = span[1];
        if (start < done || end < start) return fail(w->err, "the tokenizer's split pattern matches backwards");
        if (!stage->drop_gaps && !walk_stage(w, number + 1, text + done, start - done)) return false;
        if (!stage->drop_matches && !walk_stage(w, number + 1, text + start, end - start)) return false;
        done = from = end;
        if (start == end)
            for (from++; from < n && ((unsigned char)text[from] & 0xc0) == 0x80;) from++;
    }
    return found >= 0 && (stage->drop_gaps || walk_stage(w, number + 1, text + done, n - done));
}

bool splitter_walk(const SplitWalk *walk, const char *text, size_t n) { return walk_stage(walk, 0, text, n); }
