// Problem files: JSON lines or one JSON array, by the rules in data/problems.h.
//
// Rows are cut out of the text one by one and handed to cJSON separately: a bad line costs only itself, every row
// has a line number, and the file is never held as one tree. cJSON ends a string at an escaped NUL without a word, so
// rows that hold one are refused before they are parsed; it also refuses what is nested 1,000 deep.
#define _GNU_SOURCE // memmem
#include "data/problems.h"
#include "base/files.h"
#include "base/text.h"
#include "data/problems_row.h"
#include <errno.h>
#include <string.h>

enum { PATH_MAX_BYTES = 4096, ROW_BYTES_MAX = 16 << 20 };

typedef struct Source {
    char path[PATH_MAX_BYTES];
    RowKeys keys;
} Source;

typedef struct Loader {
    const char *text, *end; // the file
    const char *counted;    // lines are counted up to here
    int line;
    Source source;
    bool strict;
    ProblemSet *set;
    ProblemIndex seen;
    ProblemReport report;
    Error *err;
} Loader;

static bool parse_setting(const char *piece, size_t length, RowKeys *keys, Error *err) {
    static const char *const rules[] = {"plain", "gsm8k", "boxed"};
    const char *equals = memchr(piece, '=', length);
    size_t name = equals ? (size_t)(equals - piece) : 0, size = equals ? length - name - 1 : 0;
    if (size == 0 || size >= ROW_KEY_MAX)
        return fail(err, "%.*s: expected question=KEY, answer=KEY or rule=RULE", (int)length, piece);
    char value[ROW_KEY_MAX] = {0};
    memcpy(value, equals + 1, size);
    if (name == 8 && memcmp(piece, "question", 8) == 0) {
        char *plus = strchr(value, '+');
        if (plus) *plus = 0;
        memcpy(keys->question[0], value, ROW_KEY_MAX);
        if (plus) strcpy(keys->question[1], plus + 1);
        return true;
    }
    if (name == 6 && memcmp(piece, "answer", 6) == 0) return memcpy(keys->answer, value, ROW_KEY_MAX);
    for (int rule = 0; rule < 3 && name == 4 && memcmp(piece, "rule", 4) == 0; rule++) {
        keys->rule = (GoldRule)rule;
        if (strcmp(rules[rule], value) == 0) return true;
    }
    return fail(err, "%.*s: know question=KEY, answer=KEY, and rule=plain, gsm8k or boxed", (int)length, piece);
}

// A colon belongs to the path unless settings follow it.
static bool parse_source(const char *text, Source *source, Error *err) {
    *source = (Source){0};
    const char *colon = strrchr(text, ':');
    if (colon && !strchr(colon, '=')) colon = NULL;
    size_t length = colon ? (size_t)(colon - text) : strlen(text);
    if (length == 0 || length >= PATH_MAX_BYTES)
        return fail(err, "\"%.60s\": expected FILE[:question=KEY,answer=KEY]", text);
    memcpy(source->path, text, length);
    while (colon && *colon) {
        const char *piece = colon + 1;
        size_t size = strcspn(piece, ",");
        if (!parse_setting(piece, size, &source->keys, err)) return false;
        colon = piece + size;
    }
    return true;
}

// The line on which `at` stands; calls must go forward.
static int line_of(Loader *loader, const char *at) {
    while (loader->counted < at) loader->line += *loader->counted++ == '\n';
    return loader->line;
}

static const char *skip_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')) at++;
    return at;
}

// Notes a row that is not kept; false where that ends the load.
static bool turn_down(Loader *loader, int line, bool bad, const char *what) {
    ProblemReport *report = &loader->report;
    *(bad ? &report->bad : &report->duplicates) += 1;
    if (report->listed < PROBLEM_REPORT_ROWS) {
        report->row[report->listed].line = line;
        snprintf(report->row[report->listed++].what, sizeof report->row[0].what, "%s", what);
    }
    if (!bad || !loader->strict) return true;
    return fail(loader->err, "%.200s:%d: %s", loader->source.path, line, what);
}

// A row whose question stands in the set already: a duplicate, whatever its answer says.
static bool turn_down_duplicate(Loader *loader, int line, const char *question, const char *answer) {
    const Problem *before = problems_find(loader->set, &loader->seen, question);
    char what[100];
    snprintf(what, sizeof what, "its question was there before%s", before && strcmp(before->gold, answer) ? ", with another answer" : "");
    return turn_down(loader, line, false, what);
}

// One row of text at..end, already parsed to `row` (NULL: bad JSON). Takes over `row`.
static bool load_row(Loader *loader, cJSON *row, const char *at, const char *end) {
    int line = line_of(loader, at);
    size_t size = (size_t)(end - at);
    bool nul = memchr(at, 0, size) || memmem(at, size, "\\u0000", 6);
    char *question = cJSON_IsObject(row) && !nul ? row_question(row, &loader->source.keys) : NULL;
    char *answer = question ? row_gold(row, &loader->source.keys) : NULL;
    const char *bad = size > ROW_BYTES_MAX       ? "longer than 16 MiB"
                      : nul                      ? "holds a NUL character"
                      : !cJSON_IsObject(row)     ? "not a JSON object"
                      : !question                ? "no question (question=KEY names its field)"
                      : !answer                  ? "no answer (answer=KEY names its field, rule=RULE its form)"
                      : !utf8_valid(question, strlen(question), NULL)       ? "its question is not UTF-8"
                      : !utf8_valid(answer, strlen(answer), NULL)         ? "its answer is not UTF-8"
                      : strlen(question) > PROBLEM_TEXT_MAX || strlen(answer) > PROBLEM_TEXT_MAX ? "question or answer longer than 1 MiB"
                      : loader->source.keys.rule == GOLD_PLAIN && strstr(answer, "\n#### ") ? "the answer is a GSM8K solution: add rule=gsm8k"
                                                                                         : NULL;
    bool going = true;
    loader->report.rows++;
    if (bad) going = turn_down(loader, line, true, bad);
    else if (problems_add(loader->set, &loader->seen, question, answer, NULL, line)) loader->report.kept++;
    else going = turn_down_duplicate(loader, line, question, answer);
    free(question);
    free(answer);
    cJSON_Delete(row);
    return going;
}

static bool load_lines(Loader *loader) {
    for (const char *at = loader->text; at < loader->end;) {
        const char *newline = memchr(at, '\n', (size_t)(loader->end - at)), *end = newline ? newline : loader->end;
        const char *start = skip_space(at, end), *parsed = NULL;
        at = newline ? newline + 1 : end;
        if (start == end) continue;
        bool fits = end - start <= ROW_BYTES_MAX;
        cJSON *row = fits ? cJSON_ParseWithLengthOpts(start, (size_t)(end - start), &parsed, false) : NULL;
        if (row && skip_space(parsed, end) != end) { // something follows the object
            cJSON_Delete(row);
            row = NULL;
        }
        if (!load_row(loader, row, start, end)) return false;
    }
    return true;
}

static bool load_array(Loader *loader, const char *at) {
    const char *parsed, *end = loader->end;
    at = skip_space(at, end);
    bool more = at < end && *at != ']';
    while (more) {
        cJSON *row = cJSON_ParseWithLengthOpts(at, (size_t)(end - at), &parsed, false);
        if (!row) break;
        if (!load_row(loader, row, at, parsed)) return false;
        at = skip_space(parsed, end);
        more = at < end && *at == ',';
        if (more) at = skip_space(at + 1, end);
    }
    if (!more && at < end && *at == ']' && skip_space(at + 1, end) == end) return true;
    return fail(loader->err, "%.200s:%d: broken JSON array", loader->source.path, line_of(loader, at));
}

bool problems_from_memory(const char *text, size_t size, const char *source, bool strict, ProblemSet *set, ProblemReport *report, Error *err) {
    Loader loader = {.text = text, .end = text + size, .counted = text, .line = 1, .strict = strict, .set = set, .err = err};
    *set = (ProblemSet){0};
    if (report) *report = (ProblemReport){0};
    if (!parse_source(source, &loader.source, err)) return false;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) loader.text += 3; // a byte-order mark
    const char *start = skip_space(loader.text, loader.end);
    bool good = start < loader.end && *start == '[' ? load_array(&loader, start + 1) : load_lines(&loader);
    if (good && set->count == 0) {
        bool listed = loader.report.listed > 0;
        good = fail(err, "%.200s: no usable row%s%s", loader.source.path, listed ? "; the first: " : "",
                    listed ? loader.report.row[0].what : "");
    }
    problem_index_free(&loader.seen);
    if (report) *report = loader.report;
    if (!good) problems_free(set);
    return good;
}

bool problems_from_file(const char *source, bool strict, ProblemSet *set, ProblemReport *report, Error *err) {
    Source parsed;
    size_t size;
    *set = (ProblemSet){0};
    char *text = parse_source(source, &parsed, err) ? file_read(parsed.path, (size_t)1 << 30, &size, err) : NULL;
    bool good = text && problems_from_memory(text, size, source, strict, set, report, err);
    free(text);
    return good;
}

void problems_report_print(const ProblemReport *report, const char *source, FILE *out) {
    if (report->kept == report->rows) return;
    fprintf(out, "%s: %d rows, %d kept, %d bad, %d duplicates\n", source, report->rows, report->kept, report->bad,
            report->duplicates);
    for (int i = 0; i < report->listed; i++) fprintf(out, "  line %d: %s\n", report->row[i].line, report->row[i].what);
    int more = report->bad + report->duplicates - report->listed;
    if (more > 0) fprintf(out, "  and %d more\n", more);
}
