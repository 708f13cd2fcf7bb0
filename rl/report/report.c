// Reads the logs of runs into one JSON document and puts it into page.html, which draws everything.
// A log is read twice: once to sort its lines (a resumed run may log a step again), once for what the lines hold.
#include "rl/report/report.h"
#include "model/json_file.h"
#include "rl/report/lines.h"
#include <math.h>
#include <string.h>
#include <utf8proc.h>

enum {
    POINTS = 600,      // of a curve in a phase
    COLUMNS = 64,      // figures of a phase
    TABLES = 20,       // first and last RL steps whose tables are embedded
    GROUPS = 24,       // a run's groups of rollouts (one prompt at one step)
    GROUP_SIZE = 8,    // rollouts of a group
    TOKENS = 60000,    // of all rollouts on the page
    ROLLOUT_MAX = 1200 // tokens of a rollout
};

__asm__(".pushsection .rodata\n"
        "report_page: .incbin \"rl/report/page.html\"\n"
        ".byte 0\n"
        ".popsection\n");
extern const char report_page[] __attribute__((visibility("hidden")));

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

static void index_sort(Index *index) {
    if (index->count) qsort(index->entry, index->count, sizeof *index->entry, entry_order);
}

static cJSON *number(double x) {
    char text[32];
    snprintf(text, sizeof text, "%.7g", x);
    return isfinite(x) ? cJSON_CreateRaw(text) : cJSON_CreateNull();
}

static cJSON *text_cut(const char *text, size_t limit) {
    char *copy = text ? malloc(limit + 4) : NULL;
    if (!copy) return cJSON_CreateNull();
    size_t n = strnlen(text, limit + 1);
    memcpy(copy, text, n <= limit ? n : limit);
    strcpy(copy + (n <= limit ? n : limit), n <= limit ? "" : "\u2026");
    cJSON *item = cJSON_CreateString(copy);
    free(copy);
    return item;
}

// Adds a copy of the item unless it is large enough to have come from no run of ours.
static void add_copy(cJSON *to, const cJSON *from, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, name);
    char *text = item ? cJSON_PrintUnformatted(item) : NULL;
    if (text && strlen(text) <= 1 << 16) cJSON_AddItemToObject(to, name, cJSON_Duplicate(item, true));
    cJSON_free(text);
}

// The flags: flat fields only.
static cJSON *config_json(const cJSON *line) {
    cJSON *config = cJSON_CreateObject();
    int fields = 0;
    for (const cJSON *item = line->child; item && fields < 200; item = item->next) {
        if (cJSON_IsObject(item) || cJSON_IsArray(item) || cJSON_IsNull(item) || strlen(item->string) > 100) continue;
        cJSON *copy = cJSON_IsString(item) ? text_cut(item->valuestring, 400) : cJSON_Duplicate(item, false);
        cJSON_AddItemToObject(config, item->string, copy);
        fields++;
    }
    return config;
}

typedef struct Column { // one figure of a phase, a point for every `width` steps
    const char *name;   // owned by y
    cJSON *y;
    double pooled, sum; // of the point being made, of all rows
    int pooled_count, count;
} Column;

typedef struct Phase {
    cJSON *json, *step, *columns, *evaluations, *first, *last; // parts of json
    Column column[COLUMNS];
    int count, points;
} Phase;

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

// A point is the mean of its rows; of a maximum or a running count the largest, of a minimum the least.
static void pool(Column *c, double x) {
    bool largest = ends_with(c->name, "_max") || strcmp(c->name, "skipped") == 0, least = ends_with(c->name, "_min");
    if (c->pooled_count == 0 || (largest && x > c->pooled) || (least && x < c->pooled)) c->pooled = x;
    else if (!largest && !least) c->pooled += x;
    c->pooled_count = largest || least ? 1 : c->pooled_count + 1;
    c->sum += x;
    c->count++;
}

static Column *column_of(Phase *p, const char *name) {
    for (int c = 0; c < p->count; c++)
        if (strcmp(p->column[c].name, name) == 0) return &p->column[c];
    if (p->count == COLUMNS || strlen(name) > 40) return NULL;
    cJSON *json = cJSON_AddObjectToObject(p->columns, name), *y = cJSON_AddArrayToObject(json, "y");
    if (!y) return NULL;
    for (int i = 0; i < p->points; i++) cJSON_AddItemToArray(y, cJSON_CreateNull());
    p->column[p->count] = (Column){.name = json->string, .y = y};
    return &p->column[p->count++];
}

static void end_point(Phase *p, double step) {
    cJSON_AddItemToArray(p->step, number(step));
    p->points++;
    for (int i = 0; i < p->count; i++) {
        Column *c = &p->column[i];
        cJSON_AddItemToArray(c->y, c->pooled_count ? number(c->pooled / c->pooled_count) : cJSON_CreateNull());
        c->pooled = c->pooled_count = 0;
    }
}

// Evaluations are embedded one by one: their figures are never averaged over steps.
static void take_evaluation(Phase *p, const cJSON *row) {
    static const char *const names[] = {"step",           "heldout_pass1",  "heldout_low", "heldout_high",
                                        "heldout_worked", "heldout_length", "pass_hist"};
    if (isnan(json_number(row, "heldout_pass1"))) return;
    cJSON *evaluation = cJSON_CreateObject();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) add_copy(evaluation, row, names[i]);
    cJSON_AddItemToArray(p->evaluations, evaluation);
}

static void take_tables(Phase *p, const cJSON *row) {
    static const char *const names[] = {"n_hist", "alloc_by_pass", "verdicts"};
    cJSON *tables = cJSON_CreateObject();
    for (int i = 0; i < 3; i++) add_copy(tables, row, names[i]);
    if (tables && tables->child) {
        if (cJSON_GetArraySize(p->first) < TABLES) cJSON_AddItemToArray(p->first, cJSON_Duplicate(tables, true));
        if (cJSON_GetArraySize(p->last) == TABLES) cJSON_DeleteItemFromArray(p->last, 0);
        cJSON_AddItemToArray(p->last, tables);
    } else cJSON_Delete(tables);
}

// Drops every second item, never the last.
static void halve(cJSON *array) {
    for (cJSON *item = array->child; item && item->next && item->next->next; item = item->next)
        cJSON_Delete(cJSON_DetachItemViaPointer(array, item->next));
}

// The rows of one phase, in the order of their steps. A power of two steps make a point, so that the points of several
// runs fall on common steps.
static cJSON *phase_json(Lines *lines, const Entry *entry, size_t count) {
    Phase p = {.json = cJSON_CreateObject()};
    double width = 1;
    while (count > POINTS && (entry[count - 1].minor - entry[0].minor) / width > POINTS) width *= 2;
    cJSON_AddNumberToObject(p.json, "rows", (double)count);
    cJSON_AddNumberToObject(p.json, "width", width);
    p.step = cJSON_AddArrayToObject(p.json, "step");
    p.columns = cJSON_AddObjectToObject(p.json, "columns");
    p.evaluations = cJSON_AddArrayToObject(p.json, "evaluations");
    p.first = cJSON_AddArrayToObject(p.json, "first");
    p.last = cJSON_AddArrayToObject(p.json, "last");
    for (size_t i = 0; i < count; i++) {
        cJSON *row = lines_at(lines, entry[i].offset);
        for (const cJSON *item = row ? row->child : NULL; item; item = item->next) {
            bool figure = cJSON_IsNumber(item) && isfinite(item->valuedouble) && strcmp(item->string, "step") != 0;
            Column *c = figure && strncmp(item->string, "heldout_", 8) != 0 ? column_of(&p, item->string) : NULL;
            if (c) pool(c, item->valuedouble);
        }
        take_evaluation(&p, row);
        take_tables(&p, row);
        cJSON_Delete(row);
        bool ends = i + 1 == count || ceil(entry[i + 1].minor / width) > ceil(entry[i].minor / width);
        if (ends) end_point(&p, entry[i].minor);
    }
    while (cJSON_GetArraySize(p.evaluations) > POINTS) halve(p.evaluations);
    for (int c = 0; c < p.count; c++) {
        cJSON *column = cJSON_GetObjectItemCaseSensitive(p.columns, p.column[c].name);
        cJSON_AddItemToObject(column, "sum", number(p.column[c].sum));
        cJSON_AddNumberToObject(column, "count", p.column[c].count);
    }
    return p.json;
}

static void add_line_notes(cJSON *json, const Lines *lines, size_t unreadable) {
    cJSON_AddNumberToObject(json, "unreadable", (double)(lines->unreadable + unreadable));
    cJSON_AddBoolToObject(json, "cut_off", lines->cut_off);
}

static bool metrics_json(cJSON *run, Lines *lines, Index *index, Error *err) {
    size_t unreadable = 0, kept = 0, sft = 0;
    bool ok = true;
    for (cJSON *row; ok && (row = lines_next(lines)); cJSON_Delete(row)) {
        const char *phase = json_string(row, "phase");
        double step = json_number(row, "step");
        bool rl = phase && strcmp(phase, "rl") == 0, known = rl || (phase && strcmp(phase, "sft") == 0);
        if (phase && strcmp(phase, "config") == 0) {
            if (!cJSON_HasObjectItem(run, "config")) cJSON_AddItemToObject(run, "config", config_json(row));
        } else if (known && step >= 0 && step <= 1e9) ok = index_add(index, (Entry){rl, step, lines->offset, false}, err);
        else unreadable++;
    }
    index_sort(index);
    size_t read = index->count;
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

static cJSON *rollout_json(const cJSON *line, size_t limit) {
    static const char *const figures[] = {"logp", "entropy", "b_comp", "b_stab", "advantage"};
    const cJSON *token, *tokens = cJSON_GetObjectItemCaseSensitive(line, "tokens");
    if (!cJSON_IsArray(tokens)) tokens = NULL;
    cJSON *rollout = cJSON_CreateObject();
    cJSON_AddItemToObject(rollout, "number", number(json_number(line, "rollout")));
    cJSON_AddItemToObject(rollout, "reward", number(json_number(line, "reward")));
    cJSON_AddItemToObject(rollout, "advantage", number(json_number(line, "advantage")));
    cJSON_AddItemToObject(rollout, "verdict", text_cut(json_string(line, "verdict"), 80));
    cJSON_AddNumberToObject(rollout, "length", cJSON_GetArraySize(tokens));
    cJSON *list = cJSON_AddArrayToObject(rollout, "tokens");
    size_t written = 0;
    cJSON_ArrayForEach(token, tokens) {
        if (written++ == limit) break;
        cJSON *values = cJSON_CreateArray();
        cJSON_AddItemToArray(values, text_cut(json_string(token, "text"), 200));
        for (int f = 0; f < 5; f++) cJSON_AddItemToArray(values, number(json_number(token, figures[f])));
        cJSON_AddItemToArray(list, values);
    }
    return rollout;
}

// The rollouts of one prompt at one step. *budget: tokens left for the *rollouts still to come, this group's included.
static cJSON *group_json(Lines *lines, const Entry *entry, size_t count, size_t *budget, size_t *rollouts) {
    cJSON *group = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(group, "rollouts");
    size_t correct = 0;
    for (size_t i = 0; i < count; i++) correct += entry[i].correct;
    cJSON_AddItemToObject(group, "step", number(entry->major));
    cJSON_AddNumberToObject(group, "logged", (double)count);
    cJSON_AddNumberToObject(group, "correct", (double)correct);
    for (size_t i = 0; i < count && i < GROUP_SIZE; i++, --*rollouts) {
        size_t fair = *budget / *rollouts;
        cJSON *line = lines_at(lines, entry[i].offset), *rollout = rollout_json(line, fair < ROLLOUT_MAX ? fair : ROLLOUT_MAX);
        *budget -= (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(rollout, "tokens"));
        if (i == 0) cJSON_AddItemToObject(group, "prompt", text_cut(json_string(line, "prompt"), 3000));
        if (i == 0) cJSON_AddItemToObject(group, "gold", text_cut(json_string(line, "gold"), 200));
        cJSON_AddItemToArray(list, rollout);
        cJSON_Delete(line);
    }
    return group;
}

// Whether some of the group's rollouts are correct and some are not.
static bool has_spread(const Entry *entry, size_t count) {
    size_t correct = 0;
    for (size_t i = 0; i < count; i++) correct += entry[i].correct;
    return correct > 0 && correct < count;
}

// Embeds up to GROUPS groups, evenly spaced over the log. Of each stretch the first group with spread is taken: the
// tokens of a group without spread have no advantage.
static bool groups_json(cJSON *json, Lines *lines, const Index *index, size_t budget, Error *err) {
    size_t *begin = malloc((index->count + 1) * sizeof *begin), groups = 0, rollouts = 0, chosen[GROUPS];
    if (!begin) return fail(err, "out of memory for %zu rollouts", index->count);
    for (size_t i = 0; i < index->count; i++)
        if (i == 0 || !same_key(&index->entry[i - 1], &index->entry[i])) begin[groups++] = i;
    begin[groups] = index->count;
    size_t taken = groups < GROUPS ? groups : GROUPS;
    for (size_t s = 0; s < taken; s++) {
        size_t from = s * groups / taken, end = (s + 1) * groups / taken, g = from;
        while (g < end && !has_spread(index->entry + begin[g], begin[g + 1] - begin[g])) g++;
        chosen[s] = g < end ? g : from;
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
        const char *verdict = json_string(row, "verdict");
        bool correct = verdict ? strcmp(verdict, "correct") == 0 : json_number(row, "reward") > 0;
        if (isnan(step) || isnan(prompt)) unreadable++;
        else ok = index_add(index, (Entry){step, prompt, lines->offset, correct}, err);
    }
    index_sort(index);
    cJSON_AddNumberToObject(json, "logged", (double)index->count);
    add_line_notes(json, lines, unreadable);
    return ok && groups_json(json, lines, index, budget, err);
}

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

// Writes JSON so that it is inert inside a script element: < > & and the line separators of JavaScript become \uXXXX,
// bytes that are not UTF-8 become U+FFFD.
static void put_json(FILE *out, const char *json) {
    const utf8proc_uint8_t *s = (const utf8proc_uint8_t *)json;
    utf8proc_int32_t code;
    for (utf8proc_ssize_t left = (utf8proc_ssize_t)strlen(json), n; left > 0; s += n, left -= n) {
        n = utf8proc_iterate(s, left, &code);
        if (n <= 0) n = 1, code = 0xFFFD;
        bool escape = code == '<' || code == '>' || code == '&' || code == 0x2028 || code == 0x2029 || code == 0xFFFD;
        if (escape) fprintf(out, "\\u%04x", (unsigned)code);
        else fwrite(s, 1, (size_t)n, out);
    }
}

static bool page_write(const char *path, const cJSON *document, Error *err) {
    const char *slot = strstr(report_page, "null</script>"); // of the element that holds the data
    char *json = cJSON_PrintUnformatted(document), *page = NULL;
    size_t n = 0;
    FILE *out = json && slot ? open_memstream(&page, &n) : NULL;
    if (out) {
        fwrite(report_page, 1, (size_t)(slot - report_page), out);
        put_json(out, json);
        fputs(slot + strlen("null"), out);
    }
    bool ok = out && fclose(out) == 0;
    ok = ok ? file_write_whole(path, page, n, err) : fail(err, "%.400s: out of memory", path);
    free(page);
    cJSON_free(json);
    return ok;
}

bool report_write(const char *path, const char *const *dirs, int runs, Error *err) {
    if (runs < 1 || runs > REPORT_RUNS_MAX) return fail(err, "a report shows 1 to %d runs, not %d", REPORT_RUNS_MAX, runs);
    if (strlen(path) > 4000) return fail(err, "%.200s...: the path is too long; use a shorter one", path);
    cJSON *document = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(document, "runs");
    bool ok = list || fail(err, "out of memory");
    for (int r = 0; ok && r < runs; r++) {
        cJSON *run = cJSON_CreateObject();
        cJSON_AddItemToArray(list, run);
        ok = run_json(run, dirs[r], TOKENS / (size_t)runs, err);
    }
    ok = ok && page_write(path, document, err);
    cJSON_Delete(document);
    return ok;
}

bool report_write_run(const char *dir, Error *err) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/report.html", dir) >= (int)sizeof path)
        return fail(err, "%.200s...: the path is too long; use a shorter one", dir);
    return report_write(path, &dir, 1, err);
}
