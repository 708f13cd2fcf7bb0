// Optional (chat templates): Jinja's templates: texts and tags, and the statements in them.
//
// The template is cut into parts, with the white space around its tags removed as Jinja's lexer does; then the parts
// are executed. A block that is not entered is skipped by its tags alone, so what it holds may be unknown here.
#include "base/json.h"
#include "base/text.h"
#include "data/jinja_parts.h"
#include <string.h>

enum { OUTPUT_MAX = 1 << 22, NESTING_MAX = 40 };

typedef enum PartKind { PART_TEXT, PART_PRINT, PART_BLOCK } PartKind;

typedef struct Part {
    PartKind kind;
    const char *at, *end;
} Part;

typedef struct Program {
    Jinja j;
    Part *parts; // (n)
    int n, room, nesting;
    FILE *out;
    size_t written;
} Program;

Value jinja_fail(Jinja *j, const char *format, ...) {
    if (j->dead && !j->failed) return jinja_undefined();
    if (!j->failed && j->err) {
        va_list args;
        va_start(args, format);
        vsnprintf(j->err->text, sizeof j->err->text, format, args);
        va_end(args);
    }
    j->failed = true;
    return jinja_undefined();
}

Value jinja_own(Jinja *j, cJSON *made) {
    REQUIRE(made, "out of memory");
    if (j->n_owned == j->room) {
        j->room = j->room ? 2 * j->room : 256;
        j->owned = realloc(j->owned, j->room * sizeof *j->owned);
        REQUIRE(j->owned, "out of memory");
    }
    return j->owned[j->n_owned++] = made;
}

Value jinja_find(const Jinja *j, const char *name, size_t n) {
    for (int i = j->n_variables; i-- > 0;)
        if (j->variables[i].n == n && memcmp(j->variables[i].name, name, n) == 0) return j->variables[i].value;
    return jinja_undefined();
}

void jinja_set(Jinja *j, const char *name, size_t n, Value value) {
    JinjaVariable *to = &j->variables[j->n_variables];
    for (int i = 0; i < j->n_variables; i++) {
        JinjaVariable *known = &j->variables[i];
        if (known->level == j->level && known->n == n && memcmp(known->name, name, n) == 0) to = known;
    }
    if (to == j->variables + sizeof j->variables / sizeof *j->variables) {
        jinja_fail(j, "too many variables");
        return;
    }
    j->n_variables += to == &j->variables[j->n_variables];
    *to = (JinjaVariable){name, n, j->level, value};
}

// ---- Parts ---------------------------------------------------------------------------------------------------------
static void add_part(Program *p, PartKind kind, const char *at, const char *end) {
    if (p->n == p->room) {
        p->room = p->room ? 2 * p->room : 64;
        p->parts = realloc(p->parts, (size_t)p->room * sizeof *p->parts);
        REQUIRE(p->parts, "out of memory");
    }
    p->parts[p->n++] = (Part){kind, at, end};
}

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f); }

// The end of the tag that opens at c, after its braces, or NULL.
static const char *tag_end(const char *c) {
    if (c[1] == '#') return (c = strstr(c + 2, "#}")) ? c + 2 : NULL;
    char close = c[1] == '{' ? '}' : '%', quote = 0;
    int open = 0;
    for (c += 2; *c; c++) {
        if (quote && *c == '\\' && c[1])
            c++;
        else if (quote)
            quote = *c == quote ? 0 : quote;
        else if (*c == '\'' || *c == '"')
            quote = *c;
        else if (c[0] == close && c[1] == '}' && open == 0)
            return c + 2;
        else
            open += *c == '{' ? 1 : *c == '}' ? -1 : 0;
    }
    return NULL;
}

// Cuts the source into parts. Before a tag: '-' drops all white space; otherwise blanks before a block or comment that
// is first in its line go (lstrip_blocks), unless it has a '+'. After it: '-' again, or the line feed behind a block or
// comment (trim_blocks), unless '+'.
static bool cut(Program *p, const char *source) {
    for (const char *c = source; *c;) {
        const char *open = c, *start = c;
        while (*open && !(open[0] == '{' && open[1] && strchr("{%#", open[1]))) open++;
        const char *end = open;
        if (!*open) return add_part(p, PART_TEXT, start, end), true;
        bool print = open[1] == '{', first = start == source || start[-1] == '\n';
        const char *line = open, *close = tag_end(open);
        if (!close) return fail(p->j.err, "a tag without its end");
        while (line > start && (line[-1] == ' ' || line[-1] == '\t')) line--;
        if (open[2] == '-') {
            while (end > start && is_space(end[-1])) end--;
        } else if (!print && open[2] != '+' && (line > start ? line[-1] == '\n' : first)) {
            end = line;
        }
        add_part(p, PART_TEXT, start, end);
        bool left = open[2] == '-' || (open[2] == '+' && !print);
        const char *at = open + 2 + left, *last = close - 2;
        char sign = last > at ? last[-1] : 0;
        if (sign == '-' || (sign == '+' && !print)) last--;
        if (open[1] != '#') add_part(p, print ? PART_PRINT : PART_BLOCK, at, last < at ? at : last);
        c = close;
        if (sign == '-') c += strspn(c, " \t\n\v\f\r\x1c\x1d\x1e\x1f");
        else if (!print && sign != '+' && *c == '\n') c++;
    }
    return true;
}

// ---- Statements ----------------------------------------------------------------------------------------------------
static int run(Program *p, int i, bool live);

static void put(Program *p, const char *text, size_t n) {
    p->written += n;
    if (p->written > OUTPUT_MAX)
        jinja_fail(&p->j, "a text of more than %d bytes", OUTPUT_MAX);
    else
        fwrite(text, 1, n, p->out);
}

// Opens the part's tag for reading.
static void enter(Program *p, int i) { p->j.at = p->parts[i].at, p->j.end = p->parts[i].end; }

// Whether part i is the block of this word, which is then behind it.
static bool block_is(Program *p, int i, const char *word) {
    if (i >= p->n || p->parts[i].kind != PART_BLOCK) return false;
    enter(p, i);
    return jinja_accept(&p->j, word);
}

static void end_of_tag(Jinja *j) {
    while (j->at < j->end && is_space(*j->at)) j->at++;
    if (j->at < j->end)
        jinja_fail(j, "\"%.*s\" is not understood", (int)(j->end - j->at < 30 ? j->end - j->at : 30), j->at);
}

static int expect_block(Program *p, int i, const char *word) {
    if (!p->j.failed && !block_is(p, i, word)) jinja_fail(&p->j, "no %s", word);
    end_of_tag(&p->j);
    return i;
}

static int run_if(Program *p, int i, bool live) {
    bool taken = false;
    for (;;) {
        bool now = live && !taken;
        if (now) now = taken = jinja_true(jinja_expression(&p->j));
        if (now || (live && !taken)) end_of_tag(&p->j);
        i = run(p, i + 1, now);
        if (p->j.failed || i >= p->n || block_is(p, i, "endif")) break;
        if (block_is(p, i, "elif")) continue;
        i = run(p, expect_block(p, i, "else") + 1, live && !taken);
        break;
    }
    return expect_block(p, i, "endif");
}

// The elements to loop over: of a list, the keys of a dict, none of something undefined.
static Value elements(Jinja *j, Value v) {
    if (cJSON_IsArray(v)) return v;
    if (cJSON_IsObject(v) && v->valueint != JINJA_NAMESPACE) return jinja_call_method(j, "keys", 4, v, NULL, 0);
    if (jinja_is_defined(v)) jinja_fail(j, "a loop over something else than a list");
    return jinja_own(j, cJSON_CreateArray());
}

typedef struct Targets {
    const char *name[2];
    size_t n[2];
    int count;
} Targets;

static void set_targets(Jinja *j, const Targets *t, Value item) {
    if (t->count == 2 && (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 2))
        jinja_fail(j, "elements are no pairs");
    for (int k = 0; k < t->count && !j->failed; k++)
        jinja_set(j, t->name[k], t->n[k], t->count == 1 ? item : cJSON_GetArrayItem(item, k));
}

static void set_loop(Jinja *j, const cJSON *item, int index, int length) {
    cJSON *loop = cJSON_CreateObject();
    const struct {
        const char *name;
        int value;
    } counts[] = {{"index", index + 1},
                  {"index0", index},
                  {"revindex", length - index},
                  {"revindex0", length - index - 1},
                  {"length", length}};
    for (int i = 0; i < 5; i++) cJSON_AddNumberToObject(loop, counts[i].name, counts[i].value);
    cJSON_AddBoolToObject(loop, "first", index == 0);
    cJSON_AddBoolToObject(loop, "last", index == length - 1);
    if (index > 0) cJSON_AddItemToObject(loop, "previtem", cJSON_Duplicate(item->prev, true));
    if (item->next) cJSON_AddItemToObject(loop, "nextitem", cJSON_Duplicate(item->next, true));
    jinja_set(j, "loop", 4, jinja_own(j, loop));
}

// "x in list", "k, v in dict.items()", with "if condition": the elements that are looped over.
static const cJSON *loop_head(Jinja *j, Targets *t) {
    *t = (Targets){.count = 0};
    do {
        while (j->at < j->end && is_space(*j->at)) j->at++;
        t->name[t->count] = j->at;
        t->n[t->count] = jinja_word(j);
        j->at += t->n[t->count++];
    } while (t->count < 2 && jinja_accept(j, ","));
    if (!t->n[0] || !jinja_accept(j, "in")) return jinja_fail(j, "a loop without \"in\"");
    Value all = elements(j, jinja_condition(j)), item;
    if (!jinja_accept(j, "if") || j->failed) return end_of_tag(j), all;
    cJSON *some = cJSON_CreateArray();
    const char *condition = j->at;
    int before = j->n_variables;
    j->level++;
    cJSON_ArrayForEach(item, all) {
        set_targets(j, t, item);
        j->at = condition;
        if (jinja_true(jinja_expression(j))) cJSON_AddItemToArray(some, cJSON_Duplicate(item, true));
    }
    j->level--;
    j->n_variables = before;
    if (all->child) end_of_tag(j);
    return jinja_own(j, some);
}

static int run_for(Program *p, int i, bool live) {
    Jinja *j = &p->j;
    Targets targets;
    const cJSON *list = live ? loop_head(j, &targets) : NULL, *item;
    int length = cJSON_GetArraySize(list), before = j->n_variables, index = 0, end = i;
    j->level++;
    cJSON_ArrayForEach(item, list) {
        if (j->failed) break;
        jinja_step(j);
        set_loop(j, item, index++, length);
        set_targets(j, &targets, item);
        end = run(p, i + 1, true);
        j->n_variables = before; // what the body sets ends with it
    }
    j->level--;
    if (length == 0) end = run(p, i + 1, false);
    if (!j->failed && block_is(p, end, "else")) end = run(p, end + 1, live && length == 0);
    return expect_block(p, end, "endfor");
}

// "x = value", or "x.y = value" of a namespace
static void run_set(Jinja *j) {
    while (j->at < j->end && is_space(*j->at)) j->at++;
    const char *name = j->at, *field = NULL;
    size_t n = jinja_word(j), n_field = 0;
    j->at += n;
    if (jinja_accept(j, ".")) field = j->at, n_field = jinja_word(j), j->at += n_field;
    if (!n || (field && !n_field) || !jinja_accept(j, "=")) {
        jinja_fail(j, "a set without \"=\"");
        return;
    }
    Value v = jinja_expression(j);
    end_of_tag(j);
    if (j->failed) return;
    if (!field) {
        jinja_set(j, name, n, v);
        return;
    }
    char key[64];
    cJSON *space = (cJSON *)jinja_find(j, name, n), *old;
    if (space->valueint != JINJA_NAMESPACE || !cJSON_IsObject(space) || n_field >= sizeof key) {
        jinja_fail(j, "%.*s is no namespace", (int)n, name);
        return;
    }
    snprintf(key, sizeof key, "%.*s", (int)n_field, field);
    if ((old = cJSON_DetachItemFromObjectCaseSensitive(space, key))) jinja_own(j, old); // others may have it
    cJSON_AddItemToObject(space, key, cJSON_Duplicate(v, true));
}

// Executes, or with live = false skips, the parts from i on, up to the block that ends this one. Returns its index.
static int run(Program *p, int i, bool live) {
    static const char *const ends[] = {"elif",          "else",    "endif",     "endfor", "endmacro",
                                       "endgeneration", "endcall", "endfilter", "endset"};
    static const char *const skipped[] = {"macro", "call", "filter"}, *const single[] = {"break", "continue"};
    Jinja *j = &p->j;
    if (++p->nesting > NESTING_MAX) jinja_fail(j, "blocks nested too deeply");
    for (; i < p->n && !j->failed; i++) {
        Part part = p->parts[i];
        if (part.kind == PART_TEXT && live) put(p, part.at, (size_t)(part.end - part.at));
        if (part.kind == PART_TEXT || (part.kind == PART_PRINT && !live)) continue;
        enter(p, i);
        if (part.kind == PART_PRINT) {
            const char *text = jinja_printed(j, jinja_expression(j));
            end_of_tag(j);
            if (!j->failed) put(p, text, strlen(text));
            continue;
        }
        int skip = 0;
        for (int k = 0; k < 9; k++)
            if (block_is(p, i, ends[k])) return p->nesting--, i;
        while (skip < 3 && !block_is(p, i, skipped[skip])) skip++;
        bool sets = memchr(part.at, '=', (size_t)(part.end - part.at)) != NULL; // else `set` holds text up to endset
        if (block_is(p, i, "if"))
            i = run_if(p, i, live);
        else if (block_is(p, i, "for"))
            i = run_for(p, i, live);
        else if (block_is(p, i, "generation"))
            i = expect_block(p, run(p, i + 1, live), "endgeneration");
        else if (skip == 0)
            i = expect_block(p, run(p, i + 1, false), "endmacro");
        else if (skip < 3 && !live)
            i = run(p, i + 1, false);
        else if (block_is(p, i, "set") && sets)
            live ? run_set(j) : (void)0;
        else if (block_is(p, i, "set") && !live)
            i = run(p, i + 1, false);
        else if (live || !(block_is(p, i, single[0]) || block_is(p, i, single[1])))
            jinja_fail(j, "the block \"%.*s\"", (int)(part.end - part.at < 40 ? part.end - part.at : 40), part.at);
    }
    p->nesting--;
    return i;
}

// The source with line feeds alone, and without the last one.
static char *normal_lines(const char *source) {
    char *text = text_copy(source, strlen(source)), *to = text;
    for (const char *from = text; *from; from++) {
        *to++ = *from == '\r' ? '\n' : *from;
        from += from[0] == '\r' && from[1] == '\n';
    }
    *to = 0;
    if (to > text && to[-1] == '\n') to[-1] = 0;
    return text;
}

char *jinja_render(const char *source, const cJSON *variables, Error *err) {
    char *text = NULL, *lines = normal_lines(source);
    size_t size;
    Program *p = calloc(1, sizeof *p);
    REQUIRE(p && (p->out = open_memstream(&text, &size)), "out of memory");
    p->j.err = err;
    for (Value v = variables->child; v; v = v->next) jinja_set(&p->j, v->string, strlen(v->string), v);
    bool ok = cut(p, lines);
    int end = ok ? run(p, 0, true) : 0;
    if (ok && !p->j.failed && end < p->n) jinja_fail(&p->j, "a block ends that did not begin");
    ok = ok && !p->j.failed;
    REQUIRE(fclose(p->out) == 0, "out of memory");
    for (size_t i = 0; i < p->j.n_owned; i++) cJSON_Delete(p->j.owned[i]);
    free(p->j.owned), free(p->parts), free(lines), free(p);
    if (ok) return text;
    free(text);
    return NULL;
}
