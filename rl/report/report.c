// Optional (report): reads the logs of runs into one JSON document and puts it, with page.js, which draws everything,
// into page.html. A log is read twice: once to sort its lines (a resumed run may log a step again), once for what the
// lines hold.
#include "rl/report/report.h"
#include "base/files.h"
#include "base/text.h"
#include "rl/report/lines.h"
#include <math.h>
#include <string.h>

enum {
    POINTS = 600,       // of a curve in a phase
    COLUMNS = 64,       // figures of a phase
    TABLES = 20,        // first and last RL steps whose tables are embedded
    GROUPS = 24,        // a run's groups of rollouts (a group: one prompt at one step)
    GROUP_SIZE = 8,     // rollouts of a group
    TOKENS = 60000,     // of all rollouts on the page
    ROLLOUT_MAX = 1200, // tokens of a rollout
    PROMPT_MAX = 3000   // bytes of a prompt
};

__asm__(".pushsection .rodata\n"
        "report_page: .incbin \"rl/report/page.html\"\n"
        ".byte 0\n"
        "report_script: .incbin \"rl/report/page.js\"\n"
        ".byte 0\n"
        ".popsection\n");
extern const char report_page[] __attribute__((visibility("hidden")));
extern const char report_script[] __attribute__((visibility("hidden")));
static const char data_slot[] = "null</script>", script_slot[] = "<script src=\"page.js\"></script>"; // in this order

typedef struct Entry { // one line of a log
    double major, minor; // metrics.jsonl: phase (0 warm-up, 1 RL), step; rollouts.jsonl: step, prompt
    long long offset;
    bool correct;
} Entry;

typedef struct Index {
    Entry *entry; // sorted by major, minor, offset
    size_t count, capacity;
} Index;

static bool index_add(Index *index, Entry entry, Error *err) {
    if (index->count == index->capacity) {
        size_t capacity = index->capacity ? 2 * index->capacity : 1024;
        Entry *grown = realloc(index->entry, capacity * sizeof *grown);
        if (!grown) return fail(err, "out of memory after %zu lines of a log", index->count);
        index->entry = grown;
        index->capacity = capacity;
    }
    index->entry[index->count++] = entry;
    return true;
}

static int entry_order(const void *a, const void *b) {
    const Entry *x = a, *y = b;
    if (x->major != y->major) return x->major < y->major ? -1 : 1;
    if (x->minor != y->minor) return x->minor < y->minor ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static bool same_key(const Entry *x, const Entry *y) { return x->major == y->major && x->minor == y->minor; }

static cJSON *number(double x) {
    char text[32];
    snprintf(text, sizeof text, "%.7g", x);
    return isfinite(x) ? cJSON_CreateRaw(text) : cJSON_CreateNull();
}

// At most `limit` bytes of the text, null for NULL.
static cJSON *text_cut(const char *text, size_t limit) {
    char copy[PROMPT_MAX + 4];
    if (!text) return cJSON_CreateNull();
    snprintf(copy, sizeof copy, "%.*s%s", (int)limit, text, strlen(text) > limit ? "\u2026" : "");
    return cJSON_CreateString(copy);
}

// Adds a copy of the item, unless it is too large to have come from a run.
static void add_copy(cJSON *to, const char *name, const cJSON *item) {
    char *text = item ? cJSON_PrintUnformatted(item) : NULL;
    if (text && strlen(text) <= 1 << 16) cJSON_AddItemToObject(to, name, cJSON_Duplicate(item, true));
    cJSON_free(text);
}

static void add_line_notes(cJSON *json, const Lines *lines, size_t unreadable) {
    cJSON_AddNumberToObject(json, "unreadable", (double)(lines->unreadable + unreadable));
    cJSON_AddBoolToObject(json, "cut_off", lines->cut_off);
}

// ---- metrics.jsonl: of each phase {rows, width, step: [], columns: {name: {y: [], sum, count}}, evaluations, ...}

typedef struct Column { // one figure of a phase
    cJSON *json, *y;
    double pooled, sum; // of the point that is being made, of all rows
    int pooled_count, count;
} Column;

typedef struct Phase {
    cJSON *step, *columns, *evaluations, *first, *last; // first, last: tables of the first and last steps
    Column column[COLUMNS];
    int count, points;
} Phase;

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

// A point is the mean of its rows; of maxima and running counts the largest, of minima the least.
static void pool(Column *c, double x) {
    const char *name = c->json->string;
    bool largest = ends_with(name, "_max") || strcmp(name, "skipped") == 0, least = ends_with(name, "_min");
    if (c->pooled_count == 0 || (largest && x > c->pooled) || (least && x < c->pooled)) c->pooled = x;
    else if (!largest && !least) c->pooled += x;
    c->pooled_count = largest || least ? 1 : c->pooled_count + 1;
    c->sum += x;
    c->count++;
}

static Column *column_of(Phase *p, const char *name) {
    for (int c = 0; c < p->count; c++)
        if (strcmp(p->column[c].json->string, name) == 0) return &p->column[c];
    if (p->count == COLUMNS || strlen(name) > 40) return NULL;
    cJSON *json = cJSON_AddObjectToObject(p->columns, name), *y = cJSON_AddArrayToObject(json, "y");
    for (int i = 0; i < p->points; i++) cJSON_AddItemToArray(y, cJSON_CreateNull());
    p->column[p->count] = (Column){.json = json, .y = y};
    return y ? &p->column[p->count++] : NULL;
}

static void end_point(Phase *p, double step) {
    cJSON_AddItemToArray(p->step, number(step));
    p->points++;
    for (Column *c = p->column; c < p->column + p->count; c++) {
        cJSON_AddItemToArray(c->y, c->pooled_count ? number(c->pooled / c->pooled_count) : cJSON_CreateNull());
        c->pooled = c->pooled_count = 0;
    }
}

static void take_figures(Phase *p, const cJSON *row) {
    for (const cJSON *item = row->child; item; item = item->next) {
        if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble) || strcmp(item->string, "step") == 0) continue;
        Column *c = strncmp(item->string, "heldout_", 8) == 0 ? NULL : column_of(p, item->string);
        if (c) pool(c, item->valuedouble);
    }
}

// Evaluations are embedded one by one: their figures are never averaged over steps.
static void take_evaluation(Phase *p, const cJSON *row) {
    static const char *const names[] = {"step", "heldout_pass1", "heldout_low", "heldout_high", "heldout_worked",
                                        "heldout_length", "pass_hist"};
    if (isnan(json_number(row, "heldout_pass1"))) return;
    cJSON *evaluation = cJSON_CreateObject();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) add_copy(evaluation, names[i], json_get(row, names[i]));
    cJSON_AddItemToArray(p->evaluations, evaluation);
}

static void take_tables(Phase *p, const cJSON *row) {
    static const char *const names[] = {"n_hist", "alloc_by_pass", "verdicts"};
    cJSON *tables = cJSON_CreateObject();
    for (int i = 0; i < 3; i++) add_copy(tables, names[i], json_get(row, names[i]));
    if (!tables || !tables->child) return cJSON_Delete(tables);
    if (cJSON_GetArraySize(p->first) < TABLES) cJSON_AddItemToArray(p->first, cJSON_Duplicate(tables, true));
    if (cJSON_GetArraySize(p->last) == TABLES) cJSON_DeleteItemFromArray(p->last, 0);
    cJSON_AddItemToArray(p->last, tables);
}

// Drops every second item, never the last.
static void halve(cJSON *array) {
    for (cJSON *item = array->child; item && item->next && item->next->next; item = item->next)
        cJSON_Delete(cJSON_DetachItemViaPointer(array, item->next));
}

// The rows of one phase, in the order of their steps. A power of two steps make a point, so that the points of several
// runs fall on common steps.
static cJSON *phase_json(Lines *lines, const Entry *entry, size_t count) {
    cJSON *json = cJSON_CreateObject();
    double width = 1;
    while (count > POINTS && (entry[count - 1].minor - entry[0].minor) / width > POINTS) width *= 2;
    cJSON_AddNumberToObject(json, "rows", (double)count);
    cJSON_AddNumberToObject(json, "width", width);
    Phase p = {.step = cJSON_AddArrayToObject(json, "step"), .columns = cJSON_AddObjectToObject(json, "columns"),
               .evaluations = cJSON_AddArrayToObject(json, "evaluations"),
               .first = cJSON_AddArrayToObject(json, "first"), .last = cJSON_AddArrayToObject(json, "last")};
    for (size_t i = 0; i < count; i++) {
        cJSON *row = lines_at(lines, entry[i].offset);
        if (row) take_figures(&p, row);
        take_evaluation(&p, row);
        take_tables(&p, row);
        cJSON_Delete(row);
        bool ends = i + 1 == count || ceil(entry[i + 1].minor / width) > ceil(entry[i].minor / width);
        if (ends) end_point(&p, entry[i].minor);
    }
    while (cJSON_GetArraySize(p.evaluations) > POINTS) halve(p.evaluations);
    for (Column *c = p.column; c < p.column + p.count; c++) {
        cJSON_AddItemToObject(c->json, "sum", number(c->sum));
        cJSON_AddNumberToObject(c->json, "count", c->count);
    }
    return json;
}

static bool metrics_json(cJSON *run, Lines *lines, Index *index, Error *err) {
    size_t unreadable = 0, kept = 0, sft = 0;
    bool ok = true;
    for (cJSON *row; ok && (row = lines_next(lines)); cJSON_Delete(row)) {
        const char *phase = json_string(row, "phase", "");
        double step = json_number(row, "step");
        bool rl = strcmp(phase, "rl") == 0, known = rl || strcmp(phase, "sft") == 0;
        if (strcmp(phase, "config") == 0 && !json_get(run, "config")) add_copy(run, "config", row);
        else if (known && step >= 0 && step <= 1e9) ok = index_add(index, (Entry){rl, step, lines->offset, false}, err);
        else unreadable += strcmp(phase, "config") != 0;
    }
    size_t read = index->count;
    if (read) qsort(index->entry, read, sizeof *index->entry, entry_order);
    for (size_t i = 0; i < read; i++) { // of equal steps the last line counts
        if (i + 1 < read && same_key(&index->entry[i], &index->entry[i + 1])) continue;
        sft += index->entry[i].major == 0;
        index->entry[kept++] = index->entry[i];
    }
    add_line_notes(run, lines, unreadable);
    cJSON_AddNumberToObject(run, "replaced", (double)(read - kept));
    cJSON_AddItemToObject(run, "sft", phase_json(lines, index->entry, sft));
    cJSON_AddItemToObject(run, "rl", phase_json(lines, index->entry + sft, kept - sft));
    return ok;
}

// ---- rollouts.jsonl: {logged, shown, groups: [{step, prompt, gold, logged, correct, rollouts: [{..., tokens: []}]}]}

static cJSON *rollout_json(const cJSON *line, size_t limit) {
    static const char *const figures[] = {"logp", "entropy", "b_comp", "b_stab", "advantage"};
    const cJSON *token, *tokens = json_get(line, "tokens");
    cJSON *rollout = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(rollout, "tokens");
    if (!cJSON_IsArray(tokens)) tokens = NULL;
    cJSON_AddItemToObject(rollout, "number", number(json_number(line, "rollout")));
    cJSON_AddItemToObject(rollout, "reward", number(json_number(line, "reward")));
    cJSON_AddItemToObject(rollout, "advantage", number(json_number(line, "advantage")));
    cJSON_AddItemToObject(rollout, "verdict", text_cut(json_string(line, "verdict", NULL), 80));
    cJSON_AddNumberToObject(rollout, "length", cJSON_GetArraySize(tokens));
    cJSON_ArrayForEach(token, tokens) {
        if (limit-- == 0) break;
        cJSON *values = cJSON_CreateArray();
        cJSON_AddItemToArray(values, text_cut(json_string(token, "text", NULL), 200));
        for (int f = 0; f < 5; f++) cJSON_AddItemToArray(values, number(json_number(token, figures[f])));
        cJSON_AddItemToArray(list, values);
    }
    return rollout;
}

static size_t correct_of(const Entry *entry, size_t count) {
    size_t correct = 0;
    for (size_t i = 0; i < count; i++) correct += entry[i].correct;
    return correct;
}

// *budget: tokens left for the *rollouts still to come, of which this group's are the first.
static cJSON *group_json(Lines *lines, const Entry *entry, size_t count, size_t *budget, size_t *rollouts) {
    cJSON *group = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(group, "rollouts");
    cJSON_AddItemToObject(group, "step", number(entry->major));
    cJSON_AddNumberToObject(group, "logged", (double)count);
    cJSON_AddNumberToObject(group, "correct", (double)correct_of(entry, count));
    for (size_t i = 0; i < count && i < GROUP_SIZE; i++, --*rollouts) {
        size_t fair = *budget / *rollouts;
        cJSON *line = lines_at(lines, entry[i].offset);
        cJSON *rollout = rollout_json(line, fair < ROLLOUT_MAX ? fair : ROLLOUT_MAX);
        *budget -= (size_t)cJSON_GetArraySize(json_get(rollout, "tokens"));
        if (i == 0) cJSON_AddItemToObject(group, "prompt", text_cut(json_string(line, "prompt", NULL), PROMPT_MAX));
        if (i == 0) cJSON_AddItemToObject(group, "gold", text_cut(json_string(line, "gold", NULL), 200));
        cJSON_AddItemToArray(list, rollout);
        cJSON_Delete(line);
    }
    return group;
}

// Embeds up to GROUPS groups, evenly spaced over the log. Of each stretch the first group with both outcomes is taken:
// the tokens of the others have no advantage.
static bool groups_json(cJSON *json, Lines *lines, const Index *index, size_t budget, Error *err) {
    size_t *begin = malloc((index->count + 1) * sizeof *begin), groups = 0, rollouts = 0, chosen[GROUPS];
    if (!begin) return fail(err, "out of memory for %zu rollouts", index->count);
    for (size_t i = 0; i < index->count; i++)
        if (i == 0 || !same_key(&index->entry[i - 1], &index->entry[i])) begin[groups++] = i;
    begin[groups] = index->count;
    size_t taken = groups < GROUPS ? groups : GROUPS;
    for (size_t s = 0; s < taken; s++) {
        chosen[s] = s * groups / taken;
        for (size_t g = chosen[s], end = (s + 1) * groups / taken; g < end; g++) {
            size_t count = begin[g + 1] - begin[g], correct = correct_of(index->entry + begin[g], count);
            if (correct == 0 || correct == count) continue;
            chosen[s] = g;
            break;
        }
        size_t count = begin[chosen[s] + 1] - begin[chosen[s]];
        rollouts += count < GROUP_SIZE ? count : GROUP_SIZE;
    }
    cJSON_AddNumberToObject(json, "shown", (double)rollouts);
    cJSON *list = cJSON_AddArrayToObject(json, "groups");
    for (size_t s = 0; s < taken; s++) {
        size_t at = begin[chosen[s]], count = begin[chosen[s] + 1] - at;
        cJSON_AddItemToArray(list, group_json(lines, index->entry + at, count, &budget, &rollouts));
    }
    free(begin);
    return true;
}

static bool rollouts_json(cJSON *json, Lines *lines, Index *index, size_t budget, Error *err) {
    size_t unreadable = 0;
    bool ok = true;
    for (cJSON *row; ok && (row = lines_next(lines)); cJSON_Delete(row)) {
        double step = json_number(row, "step"), prompt = json_number(row, "prompt_id");
        const char *verdict = json_string(row, "verdict", NULL);
        bool correct = verdict ? strcmp(verdict, "correct") == 0 : json_number(row, "reward") > 0;
        if (isnan(step) || isnan(prompt)) unreadable++;
        else ok = index_add(index, (Entry){step, prompt, lines->offset, correct}, err);
    }
    if (index->count) qsort(index->entry, index->count, sizeof *index->entry, entry_order);
    cJSON_AddNumberToObject(json, "logged", (double)index->count);
    add_line_notes(json, lines, unreadable);
    return ok && groups_json(json, lines, index, budget, err);
}

// ---- The page

static bool run_json(cJSON *run, const char *dir, size_t budget, Error *err) {
    Lines lines;
    Index index = {0};
    if (!lines_open(&lines, dir, "metrics.jsonl", err)) return false;
    cJSON_AddItemToObject(run, "name", text_cut(dir, 400));
    bool ok = metrics_json(run, &lines, &index, err);
    lines_close(&lines);
    index.count = 0;
    if (ok && lines_open(&lines, dir, "rollouts.jsonl", NULL)) {
        ok = rollouts_json(cJSON_AddObjectToObject(run, "rollouts"), &lines, &index, budget, err);
        lines_close(&lines);
    }
    free(index.entry);
    return ok;
}

// Writes JSON so that it is inert within a script element: < > & and JavaScript's line separators become \uXXXX.
static void put_json(FILE *out, const char *json) {
    for (const char *s = json; *s; s++) {
        bool separator = strncmp(s, "\u2028", 2) == 0 && (s[2] == "\u2028"[2] || s[2] == "\u2029"[2]);
        if (separator) fprintf(out, "\\u202%c", s[2] == "\u2028"[2] ? '8' : '9'), s += 2;
        else if (*s == '<' || *s == '>' || *s == '&') fprintf(out, "\\u%04x", (unsigned)*s);
        else fputc(*s, out);
    }
}

static bool page_write(const char *path, const cJSON *document, Error *err) {
    const char *data = strstr(report_page, data_slot), *script = strstr(data, script_slot);
    char *json = cJSON_PrintUnformatted(document), *text = json ? utf8_text(json, strlen(json), NULL) : NULL;
    FileReplacement page;
    bool ok = text ? file_replace_begin(&page, path, err) : fail(err, "%.400s: out of memory", path);
    if (ok) {
        fwrite(report_page, 1, (size_t)(data - report_page), page.file);
        put_json(page.file, text);
        fwrite(data + strlen("null"), 1, (size_t)(script - data) - strlen("null"), page.file);
        fprintf(page.file, "<script>\n%s</script>%s", report_script, script + strlen(script_slot));
        ok = file_replace_commit(&page, err);
    }
    free(text);
    cJSON_free(json);
    return ok;
}

bool report_write_runs(const char *path, const char *const *dirs, int runs, Error *err) {
    if (runs < 1 || runs > REPORT_RUNS_MAX) return fail(err, "a report shows 1 to %d runs", REPORT_RUNS_MAX);
    cJSON *document = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(document, "runs");
    bool ok = true;
    for (int r = 0; ok && r < runs; r++) {
        cJSON *run = cJSON_CreateObject();
        cJSON_AddItemToArray(list, run);
        ok = run ? run_json(run, dirs[r], TOKENS / (size_t)runs, err) : fail(err, "%.400s: out of memory", path);
    }
    ok = ok && page_write(path, document, err);
    cJSON_Delete(document);
    return ok;
}

bool report_write(const char *dir, Error *err) {
    char path[FILE_PATH_SIZE];
    if (snprintf(path, sizeof path, "%s/report.html", dir) >= (int)sizeof path)
        return fail(err, "%.200s...: the path is too long; use a shorter one", dir);
    return report_write_runs(path, &dir, 1, err);
}
