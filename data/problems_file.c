// Problem files: JSON lines or one JSON array, by the rules in data/problems.h.
//
// Rows are cut out of the text one by one and handed to cJSON separately: a bad line costs only itself, every row
// has a line number, and the file is never held as one tree. cJSON ends a string at an escaped NUL without a word, so
// rows that hold one are refused before they are parsed.
#define _GNU_SOURCE // memmem
#include "data/problems.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <string.h>

enum { PATH_MAX_BYTES = 4096, KEY_MAX = 64 };

typedef enum Rule { RULE_PLAIN, RULE_GSM8K, RULE_BOXED } Rule;

typedef struct Source {
    char path[PATH_MAX_BYTES], question[2][KEY_MAX], answer[KEY_MAX]; // keys empty: the defaults
    Rule rule;
} Source;

typedef struct Loader {
    const char *text, *end; // the file, terminated by a zero at end
    const char *counted;    // lines are counted up to here
    int line;
    Source source;
    bool strict;
    ProblemSet *set;
    ProblemIndex seen;
    ProblemReport report;
    Error *err;
} Loader;

static bool parse_setting(const char *piece, size_t length, Source *source, Error *err) {
    static const char *const rules[] = {"plain", "gsm8k", "boxed"};
    const char *equals = memchr(piece, '=', length);
    size_t name = equals ? (size_t)(equals - piece) : 0, size = equals ? length - name - 1 : 0;
    if (size == 0 || size >= KEY_MAX)
        return fail(err, "%.*s: expected question=KEY, answer=KEY or rule=RULE", (int)length, piece);
    char value[KEY_MAX] = {0};
    memcpy(value, equals + 1, size);
    if (name == 8 && memcmp(piece, "question", 8) == 0) {
        char *plus = strchr(value, '+');
        if (plus) *plus = 0;
        memcpy(source->question[0], value, KEY_MAX);
        if (plus) strcpy(source->question[1], plus + 1);
        return true;
    }
    if (name == 6 && memcmp(piece, "answer", 6) == 0) return memcpy(source->answer, value, KEY_MAX);
    for (int rule = 0; rule < 3 && name == 4 && memcmp(piece, "rule", 4) == 0; rule++) {
        source->rule = (Rule)rule;
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
        if (!parse_setting(piece, size, source, err)) return false;
        colon = piece + size;
    }
    return true;
}

static char *read_file(const char *path, size_t *size, Error *err) {
    FILE *file = fopen(path, "rb");
    if (!file) return fail(err, "%s: %s", path, strerror(errno)), NULL;
    size_t capacity = 1 << 16, used = 0, limit = (size_t)1 << 30;
    char *text = malloc(capacity);
    while (text && used <= limit) {
        used += fread(text + used, 1, capacity - used - 1, file);
        if (used < capacity - 1) break;
        char *larger = realloc(text, capacity *= 2);
        if (!larger) free(text);
        text = larger;
    }
    bool broken = ferror(file) != 0;
    fclose(file);
    if (text && !broken && used <= limit) {
        text[used] = 0;
        *size = used;
        return text;
    }
    free(text);
    return fail(err, "%s: cannot be read, or is larger than 1 GiB", path), NULL;
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

static char *copy_text(const char *text, size_t length) {
    char *copy = malloc(length + 1);
    REQUIRE(copy, "out of memory for a text of %zu bytes", length);
    memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

static char *field_text(const cJSON *field);

// The last user message of [{"role":..,"content":..}, ..], or of a string that holds such a list; else NULL.
static char *chat_text(const cJSON *field) {
    if (cJSON_IsString(field)) {
        if (strncmp(field->valuestring, "[{", 2) != 0) return NULL;
        cJSON *inner = cJSON_Parse(field->valuestring);
        char *text = cJSON_IsArray(inner) ? chat_text(inner) : NULL;
        cJSON_Delete(inner);
        return text;
    }
    const cJSON *message, *content, *last = NULL;
    cJSON_ArrayForEach(message, field) {
        const cJSON *role = cJSON_GetObjectItemCaseSensitive(message, "role");
        content = cJSON_GetObjectItemCaseSensitive(message, "content");
        if (cJSON_IsString(role) && strcmp(role->valuestring, "user") == 0 && cJSON_IsString(content)) last = content;
    }
    return last ? copy_text(last->valuestring, strlen(last->valuestring)) : NULL;
}

// The text of a string, number, list or chat, to be freed; NULL where there is none or it is blank.
static char *field_text(const cJSON *field) {
    char number[32], *chat = cJSON_IsString(field) || cJSON_IsArray(field) ? chat_text(field) : NULL;
    if (chat) return chat;
    if (cJSON_IsArray(field)) return cJSON_IsArray(field->child) ? NULL : field_text(field->child);
    if (cJSON_IsNumber(field)) { // a double holds whole numbers exactly only below 2^53
        double value = field->valuedouble;
        if (!(fabs(value) < 0x1p53)) return NULL;
        if (value == floor(value))
            snprintf(number, sizeof number, "%.0f", value + 0.0);
        else
            for (int digits = 1; digits <= 17; digits++) {
                snprintf(number, sizeof number, "%.*g", digits, value);
                if (strtod(number, NULL) == value) break;
            }
        return copy_text(number, strlen(number));
    }
    if (!cJSON_IsString(field)) return NULL;
    const char *text = field->valuestring, *end = text + strlen(text);
    return skip_space(text, end) == end ? NULL : copy_text(text, (size_t)(end - text));
}

static char *first_of(const cJSON *row, const char *key, const char *const *defaults) {
    if (*key) return field_text(cJSON_GetObjectItemCaseSensitive(row, key));
    for (int i = 0; i < 4; i++) {
        const cJSON *field = cJSON_GetObjectItemCaseSensitive(row, defaults[i]);
        if (field) return field_text(field);
    }
    return NULL;
}

static char *question_text(const cJSON *row, const Source *source) {
    static const char *const defaults[] = {"question", "problem", "prompt", "input"};
    char *first = first_of(row, source->question[0], defaults);
    if (!first || !source->question[1][0]) return first;
    char *second = field_text(cJSON_GetObjectItemCaseSensitive(row, source->question[1]));
    size_t size = strlen(first) + (second ? strlen(second) : 0) + 2;
    char *both = second ? malloc(size) : NULL;
    if (both) snprintf(both, size, "%s %s", first, second);
    free(first);
    free(second);
    return both;
}

// GSM8K ends its solutions by "#### 1,234". NULL where no decimal number stands there.
static char *gsm8k_number(const char *text) {
    const char *mark = NULL;
    for (const char *next = text; (next = strstr(next, "#### ")); next += 5) mark = next + 5;
    if (!mark) return NULL;
    char *number = copy_text(mark, strcspn(mark, "\n")), *to = number;
    int digits = 0, points = 0, others = 0;
    for (const char *from = number; *from; from++) {
        bool digit = *from >= '0' && *from <= '9', sign = *from == '-' && to == number;
        digits += digit;
        points += *from == '.';
        others += !digit && !sign && !strchr("., \r\t", *from);
        if (digit || sign || *from == '.') *to++ = *from;
    }
    *to = 0;
    if (digits > 0 && points <= 1 && others == 0) return number;
    free(number);
    return NULL;
}

// What stands in the last \boxed{...}, braces balanced.
static char *boxed_text(const char *text) {
    const char *start = NULL, *at;
    for (const char *next = text; (next = strstr(next, "\\boxed{")); next += 7) start = next + 7;
    int depth = 1;
    for (at = start; at && *at; at++) {
        if (*at == '\\' && (at[1] == '{' || at[1] == '}'))
            at++;
        else if (*at == '{')
            depth++;
        else if (*at == '}' && --depth == 0)
            return at > start ? copy_text(start, (size_t)(at - start)) : NULL;
    }
    return NULL;
}

static char *answer_text(const cJSON *row, const Source *source) {
    static const char *const defaults[] = {"answer", "gold", "ground_truth", "target"};
    char *field = first_of(row, source->answer, defaults);
    if (!field || source->rule == RULE_PLAIN) return field;
    char *answer = source->rule == RULE_GSM8K ? gsm8k_number(field) : boxed_text(field);
    free(field);
    return answer;
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

// One row of text at..end, already parsed to `row` (NULL: bad JSON). Takes over `row`.
static bool load_row(Loader *loader, cJSON *row, const char *at, const char *end) {
    int line = line_of(loader, at);
    size_t size = (size_t)(end - at);
    bool nul = memchr(at, 0, size) || memmem(at, size, "\\u0000", 6);
    char *question = cJSON_IsObject(row) && !nul ? question_text(row, &loader->source) : NULL;
    char *answer = question ? answer_text(row, &loader->source) : NULL;
    bool going = true;
    loader->report.rows++;
    if (!cJSON_IsObject(row))
        going = turn_down(loader, line, true, "not a JSON object");
    else if (nul)
        going = turn_down(loader, line, true, "holds a NUL character");
    else if (!question)
        going = turn_down(loader, line, true, "no question (question=KEY names its field)");
    else if (!answer)
        going = turn_down(loader, line, true, "no answer (answer=KEY names its field, rule=RULE its form)");
    else if (loader->source.rule == RULE_PLAIN && strstr(answer, "\n#### ")) {
        going = turn_down(loader, line, true, "the answer is a GSM8K solution: add rule=gsm8k");
    } else if (problems_add(loader->set, &loader->seen, question, answer, NULL, line))
        loader->report.kept++;
    else
        going = turn_down(loader, line, false, "its question was there before");
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
        cJSON *row = cJSON_ParseWithLengthOpts(start, (size_t)(end - start), &parsed, false);
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

bool problems_from_file(const char *source, bool strict, ProblemSet *set, ProblemReport *report, Error *err) {
    *set = (ProblemSet){0};
    if (report) *report = (ProblemReport){0};
    Loader loader = {.line = 1, .strict = strict, .set = set, .err = err};
    size_t size;
    if (!parse_source(source, &loader.source, err)) return false;
    char *text = read_file(loader.source.path, &size, err);
    if (!text) return false;
    loader.text = loader.counted = text;
    loader.end = text + size;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) loader.text += 3; // a byte-order mark
    const char *start = skip_space(loader.text, loader.end);
    bool good = start < loader.end && *start == '[' ? load_array(&loader, start + 1) : load_lines(&loader);
    if (good && set->count == 0) {
        bool listed = loader.report.listed > 0;
        good = fail(err, "%.200s: no usable row%s%s", loader.source.path, listed ? "; the first: " : "",
                    listed ? loader.report.row[0].what : "");
    }
    free(text);
    problem_index_free(&loader.seen);
    if (report) *report = loader.report;
    if (!good) problems_free(set);
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
