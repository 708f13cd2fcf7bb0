// Optional (report): reads the logs of runs into one JSON document and puts it, with page.js, which draws everything,
// into page.html. A log is read twice: once to sort its lines (a resumed run may log a step again), once for what the
// lines hold.
#include "rl/report/report.h"
#include "base/files.h"
#include "base/text.h"
#include "rl/report/flags.h"
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
    Entry *entry; // (capacity) sorted by major, minor, offset
    size_t count, capacity;
} Index;

static bool index_add(Index *index, Entry entry, Error *err) {
    if (index->count == index->capacity) {
        Entry *grown = realloc(index->entry, (index->capacity = 2 * index->count + 1024) * sizeof *grown);
        if (!grown) return fail(err, "out of memory after %zu lines of a log", index->count);
        index->entry = grown;
    }
    index->entry[index->count++] = entry;
    return true;
}

static int entry_order(const void *a, const void *b) {
    const Entry *x = a, *y = b;
    if (x->major != y->major) return x->major < y->major ? -1 : 1;
    if (x->minor != y->minor) return x->minor < y->minor ? -1 : 1;
    return x->offset < y->offset ? -1 : 1;
}

static bool same_key(const Entry *x, const Entry *y) { return x->major == y->major && x->minor == y->minor; }

static cJSON *number(double x) { // null unless finite
    char text[32];
    snprintf(text, sizeof text, "%.7g", x);
    return isfinite(x) ? cJSON_CreateRaw(text) : cJSON_CreateNull();
}

// The text under `name`, at most `limit` bytes of it; null if there is none.
static cJSON *text_of(const cJSON *object, const char *name, size_t limit) {
    char copy[PROMPT_MAX + 4];
    const char *text = json_string(object, name, NULL);
    if (!text) return cJSON_CreateNull();
    snprintf(copy, sizeof copy, "%.*s%s", (int)limit, text, strlen(text) > limit ? "\u2026" : "");
    return cJSON_CreateString(copy);
}

// Counts what the page leaves out; its notes name it.
static void leave_out(cJSON *run, const char *what) {
    cJSON *list = cJSON_GetObjectItem(run, "left_out"), *count = cJSON_GetObjectItemCaseSensitive(list, what);
    if (!list) list = cJSON_AddObjectToObject(run, "left_out");
    if (count) cJSON_SetNumberValue(count, count->valuedouble + 1);
    else cJSON_AddNumberToObject(list, what, 1);
}

// Adds a copy of the item, unless it is too large to have come from a run.
static void add_copy(cJSON *to, const char *name, const cJSON *item, cJSON *run) {
    char *text = item ? cJSON_PrintUnformatted(item) : NULL;
    if (text && strlen(text) <= 1 << 16) cJSON_AddItemToObject(to, name, cJSON_Duplicate(item, true));
    else if (text) leave_out(run, "flags or tables of more than 64 KiB");
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
    cJSON *run, *step, *columns, *evaluations, *first, *last; // first, last: tables of the first and last steps
    Column column[COLUMNS];
    int count, points;
} Phase;

static Column *column_of(Phase *p, const char *name) {
    for (int c = 0; c < p->count; c++)
        if (strcmp(p->column[c].json->string, name) == 0) return &p->column[c];
    if (p->count == COLUMNS || strlen(name) > 40) return NULL;
    cJSON *json = cJSON_AddObjectToObject(p->columns, name), *y = cJSON_AddArrayToObject(json, "y");
    for (int i = 0; i < p->points; i++) cJSON_AddItemToArray(y, cJSON_CreateNull());
    p->column[p->count] = (Column){.json = json, .y = y};
    return y ? &p->column[p->count++] : NULL;
}

// A point is the mean of its rows; of maxima and running counts the largest, of minima the least.
static void take_figure(Phase *p, const char *name, double x) {
    const char *end = strrchr(name, '_');
    bool largest = strcmp(name, "skipped") == 0 || (end && strcmp(end, "_max") == 0);
    bool least = end && strcmp(end, "_min") == 0;
    if (!isfinite(x)) return leave_out(p->run, "values that are not finite");
    Column *c = column_of(p, name);
    if (!c) return leave_out(p->run, "values of figures beyond 64 in a phase, or with a name of more than 40 bytes");
    if ((largest || least) && c->pooled_count) c->pooled = largest ? fmax(c->pooled, x) : fmin(c->pooled, x);
    else c->pooled += x, c->pooled_count++;
    c->sum += x;
    c->count++;
}

static void end_point(Phase *p, double step) {
    cJSON_AddItemToArray(p->step, number(step));
    p->points++;
    for (Column *c = p->column; c < p->column + p->count; c++) {
        cJSON_AddItemToArray(c->y, c->pooled_count ? number(c->pooled / c->pooled_count) : cJSON_CreateNull());
        c->pooled = c->pooled_count = 0;
    }
}

static bool is_table(const char *name) {
    return strcmp(name, "n_hist") == 0 || strcmp(name, "alloc_by_pass") == 0 || strcmp(name, "verdicts") == 0;
}

// Evaluations are embedded one by one: their figures are never averaged over steps.
static void take_row(Phase *p, const cJSON *row) {
    cJSON *evaluation = cJSON_CreateObject(), *tables = cJSON_CreateObject();
    cJSON_AddItemToObject(evaluation, "step", number(json_number(row, "step")));
    for (const cJSON *item = row ? row->child : NULL; item; item = item->next) {
        const char *name = item->string;
        bool heldout = strncmp(name, "heldout_", 8) == 0 || strcmp(name, "pass_hist") == 0;
        cJSON *to = heldout ? evaluation : is_table(name) ? tables : NULL;
        if (to && !json_get(to, name) && cJSON_GetArraySize(to) < COLUMNS) add_copy(to, name, item, p->run);
        if (!to && cJSON_IsNumber(item) && strcmp(name, "step") != 0) take_figure(p, name, item->valuedouble);
    }
    if (isnan(json_number(evaluation, "heldout_pass1"))) cJSON_Delete(evaluation);
    else cJSON_AddItemToArray(p->evaluations, evaluation);
    if (!tables->child) return cJSON_Delete(tables);
    if (cJSON_GetArraySize(p->first) < TABLES) cJSON_AddItemToArray(p->first, cJSON_Duplicate(tables, true));
    if (cJSON_GetArraySize(p->last) == TABLES) cJSON_DeleteItemFromArray(p->last, 0);
    cJSON_AddItemToArray(p->last, tables);
}

// Drops every second item, never the last.
static void halve(cJSON *array, cJSON *run) {
    for (cJSON *item = array->child; item && item->next && item->next->next; item = item->next) {
        cJSON_Delete(cJSON_DetachItemViaPointer(array, item->next));
        leave_out(run, "evaluations between others");
    }
}

// The rows of one phase, in the order of their steps. A power of two steps make a point, so that the points of several
// runs fall on common steps.
static cJSON *phase_json(cJSON *run, Lines *lines, const Entry *entry, size_t count) {
    cJSON *json = cJSON_CreateObject();
    double width = 1;
    while (count > POINTS && (entry[count - 1].minor - entry[0].minor) / width > POINTS) width *= 2;
    cJSON_AddNumberToObject(json, "rows", (double)count);
    cJSON_AddNumberToObject(json, "width", width);
    Phase p = {.run = run};
    p.step = cJSON_AddArrayToObject(json, "step"), p.columns = cJSON_AddObjectToObject(json, "columns");
    p.evaluations = cJSON_AddArrayToObject(json, "evaluations");
    p.first = cJSON_AddArrayToObject(json, "first"), p.last = cJSON_AddArrayToObject(json, "last");
    for (size_t i = 0; i < count; i++) {
        cJSON *row = lines_at(lines, entry[i].offset);
        take_row(&p, row);
        cJSON_Delete(row);
        bool ends = i + 1 == count || ceil(entry[i + 1].minor / width) > ceil(entry[i].minor / width);
        if (ends) end_point(&p, entry[i].minor);
    }
    while (cJSON_GetArraySize(p.evaluations) > POINTS) halve(p.evaluations, run);
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
        if (strcmp(phase, "config") == 0 && !json_get(run, "config")) add_copy(run, "config", row, run);
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
    cJSON_AddItemToObject(run, "sft", phase_json(run, lines, index->entry, sft));
    cJSON_AddItemToObject(run, "rl", phase_json(run, lines, index->entry + sft, kept - sft));
    return ok;
}

// ---- rollouts.jsonl: {logged, shown, groups: [{step, prompt, gold, logged, correct, rollouts: [{..., tokens: []}]}]}

typedef struct Group { // the rollouts of one prompt at one step
    size_t begin, count, correct;
} Group;

static cJSON *rollout_json(const cJSON *line, size_t limit) {
    static const char *const figures[] = {"logp", "entropy", "b_comp", "b_stab", "advantage"};
    const cJSON *token, *tokens = json_get(line, "tokens");
    cJSON *rollout = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(rollout, "tokens");
    if (!cJSON_IsArray(tokens)) tokens = NULL;
    cJSON_AddItemToObject(rollout, "reward", number(json_number(line, "reward")));
    cJSON_AddItemToObject(rollout, "advantage", number(json_number(line, "advantage")));
    cJSON_AddItemToObject(rollout, "verdict", text_of(line, "verdict", 80));
    cJSON_AddNumberToObject(rollout, "length", cJSON_GetArraySize(tokens));
    cJSON_ArrayForEach(token, tokens) {
        if (limit-- == 0) break;
        cJSON *values = cJSON_CreateArray();
        cJSON_AddItemToArray(values, text_of(token, "text", 200));
        for (int f = 0; f < 5; f++) cJSON_AddItemToArray(values, number(json_number(token, figures[f])));
        cJSON_AddItemToArray(list, values);
    }
    return rollout;
}

// *budget: tokens left for the *rollouts still to come, of which this group's are the first.
static cJSON *group_json(Lines *lines, const Entry *entry, const Group *g, size_t *budget, size_t *rollouts) {
    cJSON *group = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(group, "rollouts");
    cJSON_AddItemToObject(group, "step", number(entry->major));
    cJSON_AddNumberToObject(group, "logged", (double)g->count);
    cJSON_AddNumberToObject(group, "correct", (double)g->correct);
    for (size_t i = 0; i < g->count && i < GROUP_SIZE; i++, --*rollouts) {
        size_t fair = *budget / *rollouts;
        cJSON *line = lines_at(lines, entry[i].offset);
        cJSON *rollout = rollout_json(line, fair < ROLLOUT_MAX ? fair : ROLLOUT_MAX);
        *budget -= (size_t)cJSON_GetArraySize(json_get(rollout, "tokens"));
        if (i == 0) cJSON_AddItemToObject(group, "prompt", text_of(line, "prompt", PROMPT_MAX));
        if (i == 0) cJSON_AddItemToObject(group, "gold", text_of(line, "gold", 200));
        cJSON_AddItemToArray(list, rollout);
        cJSON_Delete(line);
    }
    return group;
}

// Embeds up to GROUPS groups, evenly spaced over the log. Of each stretch the first group with both outcomes is taken:
// the tokens of the others have no advantage.
static bool groups_json(cJSON *json, Lines *lines, const Index *index, size_t budget, Error *err) {
    Group *group = calloc(index->count + 1, sizeof *group);
    size_t groups = 0, rollouts = 0, chosen[GROUPS];
    if (!group) return fail(err, "out of memory for %zu rollouts", index->count);
    for (size_t i = 0; i < index->count; i++) {
        if (i == 0 || !same_key(&index->entry[i - 1], &index->entry[i])) group[groups++].begin = i;
        group[groups - 1].count++;
        group[groups - 1].correct += index->entry[i].correct;
    }
    size_t taken = groups < GROUPS ? groups : GROUPS;
    for (size_t s = 0; s < taken; s++) {
        size_t begin = s * groups / taken, end = (s + 1) * groups / taken, g = begin;
        while (g < end && group[g].correct % group[g].count == 0) g++; // none or all are correct
        chosen[s] = g < end ? g : begin;
        rollouts += group[chosen[s]].count < GROUP_SIZE ? group[chosen[s]].count : GROUP_SIZE;
    }
    cJSON_AddNumberToObject(json, "shown", (double)rollouts);
    cJSON *list = cJSON_AddArrayToObject(json, "groups");
    for (size_t s = 0; s < taken; s++) {
        const Group *g = &group[chosen[s]];
        cJSON_AddItemToArray(list, group_json(lines, index->entry + g->begin, g, &budget, &rollouts));
    }
    free(group);
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
    char name[404];
    snprintf(name, sizeof name, "%.400s", dir);
    cJSON_AddStringToObject(run, "name", name);
    cJSON *flags = run_flags(dir);
    add_copy(run, "config", flags, run);
    cJSON_Delete(flags);
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

// The page is not one of the logs that it shows.
static bool is_log(const char *path, const char *dir) {
    char log[FILE_PATH_SIZE];
    for (int i = 0; i < 2; i++) {
        snprintf(log, sizeof log, "%s/%s.jsonl", dir, i ? "rollouts" : "metrics");
        if (path_same(path, log)) return true;
    }
    return false;
}

bool report_write_runs(const char *path, const char *const *dirs, int runs, Error *err) {
    if (runs < 1 || runs > REPORT_RUNS_MAX) return fail(err, "a report shows 1 to %d runs", REPORT_RUNS_MAX);
    for (int r = 0; r < runs; r++)
        if (is_log(path, dirs[r])) return fail(err, "%.400s is a log of %.60s: choose another page", path, dirs[r]);
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
    snprintf(path, sizeof path, "%s/report.html", dir);
    return report_write_runs(path, &dir, 1, err);
}
