// Optional (data from files): the reader of JSON lines and JSON arrays.
//
// Every row is cut out of the text and parsed separately, so a bad line costs only itself, every row has a line number,
// and the file is never held as one tree. cJSON silently ends a string at an escaped NUL, so rows with one are refused
// before parsing; it also refuses nesting deeper than 1,000.
#define _GNU_SOURCE // memmem
#include "data/problems_file.h"
#include "base/files.h"
#include "base/text.h"
#include "data/problems_row.h"
#include <string.h>

enum { ROW_BYTES_MAX = 16 << 20 };

typedef struct Loader {
    const char *text, *end; // the file
    const char *counted;    // the newlines before it are counted
    int line;               // of `counted`
    RowSource source;
    bool strict;
    ProblemSet *set;
    ProblemReport report;
    Error *err;
} Loader;

static bool parse_setting(const char *piece, size_t length, RowSource *source, Error *err) {
    static const char *const rules[] = {[GOLD_PLAIN] = "plain", [GOLD_GSM8K] = "gsm8k", [GOLD_BOXED] = "boxed"};
    char value[ROW_KEY_MAX] = "";
    size_t name = strcspn(piece, "=") + 1; // with the "="
    if (name < length && length - name < sizeof value) memcpy(value, piece + name, length - name);
    if (*value && begins(piece, "answer=")) return strcpy(source->answer, value);
    if (*value && begins(piece, "question=")) {
        char *plus = strchr(value, '+');
        if (plus) strcpy(source->question[1], plus + 1), *plus = 0;
        return strcpy(source->question[0], value);
    }
    for (int rule = 0; begins(piece, "rule=") && rule < 3; rule++) {
        source->rule = (GoldRule)rule;
        if (strcmp(rules[rule], value) == 0) return true;
    }
    return fail(err, "%.*s: expected question=KEY, answer=KEY, or rule=plain, gsm8k or boxed", (int)length, piece);
}

// A colon without "=" after it is part of the path.
static bool parse_source(const char *text, RowSource *source, Error *err) {
    *source = (RowSource){0};
    const char *colon = strrchr(text, ':');
    if (colon && !strchr(colon, '=')) colon = NULL;
    size_t length = colon ? (size_t)(colon - text) : strlen(text);
    if (length == 0 || length >= ROW_PATH_MAX)
        return fail(err, "\"%.60s\": expected FILE[:question=KEY,answer=KEY]", text);
    memcpy(source->path, text, length);
    while (colon && *colon) {
        const char *piece = colon + 1;
        size_t size = strcspn(piece, ",");
        if (!parse_setting(piece, size, source, err)) return false;
        colon = piece + size;
    }
    return true;
}

// The line number of `at`, which must not decrease from call to call.
static int line_of(Loader *loader, const char *at) {
    while (loader->counted < at) loader->line += *loader->counted++ == '\n';
    return loader->line;
}

static const char *skip_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')) at++;
    return at;
}

// Reports a row that is not kept. False if that ends the load.
static bool leave_out(Loader *loader, int line, bool bad, const char *what) {
    ProblemReport *report = &loader->report;
    *(bad ? &report->bad : &report->duplicates) += 1;
    if (report->listed < PROBLEM_REPORT_ROWS) {
        report->row[report->listed].line = line;
        snprintf(report->row[report->listed++].what, sizeof report->row[0].what, "%s", what);
    }
    if (!bad || !loader->strict) return true;
    return fail(loader->err, "%.200s:%d: %s", loader->source.path, line, what);
}

// What is wrong with a row's texts, or NULL.
static const char *text_fault(const char *question, const char *answer, GoldRule rule) {
    if (!question) return "no question (question=KEY names its field)";
    if (!answer) return "no answer (answer=KEY names its field, rule=RULE its form)";
    if (!utf8_valid(question, strlen(question), NULL)) return "its question is not UTF-8";
    if (!utf8_valid(answer, strlen(answer), NULL)) return "its answer is not UTF-8";
    bool too_long = strlen(question) > PROBLEM_TEXT_MAX || strlen(answer) > PROBLEM_TEXT_MAX;
    if (too_long) return "question or answer longer than 1 MiB";
    bool solution = rule == GOLD_PLAIN && strstr(answer, "\n#### ");
    return solution ? "the answer is a GSM8K solution: add rule=gsm8k" : NULL;
}

// "fault; its keys: a, b", with as many keys as fit.
static void add_keys(char *text, size_t size, const char *fault, const cJSON *row) {
    size_t used = (size_t)snprintf(text, size, "%s; its keys:", fault);
    for (const cJSON *item = row->child; item; item = item->next) {
        size_t room = size - used,
               n = (size_t)snprintf(text + used, room, " %s%s", item->string, item->next ? "," : "");
        if (n >= room) {
            while (((unsigned char)text[used - 1] & 0xc0) == 0x80) used--;
            text[used] = 0;
            return;
        }
        used += n;
    }
}

// Loads the row at..end, parsed as `row` (NULL: invalid JSON), which it frees. False if that ends the load.
static bool load_row(Loader *loader, cJSON *row, const char *at, const char *end) {
    int line = line_of(loader, at);
    size_t size = (size_t)(end - at);
    const RowSource *source = &loader->source;
    const char *fault = size > ROW_BYTES_MAX ? "longer than 16 MiB" : NULL;
    if (!fault && (memchr(at, 0, size) || memmem(at, size, "\\u0000", 6))) fault = "contains a NUL character";
    if (!fault && !cJSON_IsObject(row)) fault = "not a JSON object";
    char *quoted = fault ? NULL : row_quote_numbers(at, size), with_keys[PROBLEM_REPORT_TEXT];
    if (quoted) {
        cJSON_Delete(row);
        row = cJSON_Parse(quoted);
        free(quoted);
    }
    bool readable = !fault;
    char *question = fault ? NULL : row_question(row, source, &fault);
    char *answer = question ? row_gold(row, source, &fault) : NULL;
    if (!fault) fault = text_fault(question, answer, source->rule);
    if (readable && fault && !(question && answer)) {
        add_keys(with_keys, sizeof with_keys, fault, row);
        fault = with_keys;
    }
    const Problem *before = fault ? NULL : problems_find(loader->set, question);
    bool good = true;
    loader->report.rows++;
    if (fault) good = leave_out(loader, line, true, fault);
    else if (before && strcmp(before->gold, answer) == 0) leave_out(loader, line, false, "a question seen before");
    else if (before) leave_out(loader, line, false, "a question seen before, with another answer");
    else loader->report.kept += problems_add(loader->set, question, answer, NULL, line);
    free(question);
    free(answer);
    cJSON_Delete(row);
    return good;
}

static bool load_lines(Loader *loader) {
    for (const char *at = loader->text; at < loader->end;) {
        const char *newline = memchr(at, '\n', (size_t)(loader->end - at)), *end = newline ? newline : loader->end;
        const char *start = skip_space(at, end), *parsed = NULL;
        at = newline ? newline + 1 : end;
        if (start == end) continue;
        bool fits = end - start <= ROW_BYTES_MAX;
        cJSON *row = fits ? cJSON_ParseWithLengthOpts(start, (size_t)(end - start), &parsed, false) : NULL;
        bool alone = row && skip_space(parsed, end) == end;
        if (!alone) cJSON_Delete(row);
        if (!load_row(loader, alone ? row : NULL, start, end)) return false;
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
    return fail(loader->err, "%.200s:%d: syntax error in the JSON array", loader->source.path, line_of(loader, at));
}

bool problems_from_memory(const char *text, size_t size, const char *source, bool strict, ProblemSet *set,
                          ProblemReport *report, Error *err) {
    Loader loader = {text, text + size, text, .line = 1, .strict = strict, .set = set, .err = err};
    *set = (ProblemSet){0};
    if (report) *report = (ProblemReport){0};
    if (!parse_source(source, &loader.source, err)) return false;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) loader.text += 3; // a byte-order mark
    const char *start = skip_space(loader.text, loader.end), *path = loader.source.path;
    if (size >= 4 && memcmp(text, "PAR1", 4) == 0)
        return fail(err,
                    "%.200s: a Parquet file; this line writes it as JSON lines: python3 -c \"import pandas; "
                    "pandas.read_parquet('%.200s').to_json('%.200s.jsonl',orient='records',lines=True)\"",
                    path, path, path);
    bool good = start < loader.end && *start == '[' ? load_array(&loader, start + 1) : load_lines(&loader);
    if (good && set->count == 0) {
        bool any = loader.report.listed > 0;
        good = fail(err, "%.200s: %s%s", loader.source.path, any ? "no usable row; the first: " : "no rows",
                    any ? loader.report.row[0].what : "");
    }
    if (report) *report = loader.report;
    if (!good) problems_free(set);
    return good;
}

bool problems_from_file(const char *source, bool strict, ProblemSet *set, ProblemReport *report, Error *err) {
    RowSource parsed;
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
