// Optional (math answers from data sets): see score.h. The only file of verify/ that reads JSON.
#include "verify/score.h"

#include "verify/ascii.h"
#include "verify/unicode.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 120, ROW_MAX = 16 << 20 }; // bytes of a span or an answer in the output, and of a row

typedef struct Score {
    FILE *rows, *summary; // either may be NULL
    const VerifyPolicy *policy;
    VerifyScratch *scratch;
    size_t count, errors, first_error, verdicts[VERIFY_VERDICTS]; // first_error: its line
    size_t judged, true_positive, false_positive, false_negative;
} Score;

typedef struct ScoreRow {
    char *gold, *response;
    size_t gold_len, response_len;
    int expected; // 1, 0, or -1 when the row does not say
    const char *category;
} ScoreRow;

// cJSON ends strings at U+0000, which answers may hold: reads the JSON string at text (after its quote) into bytes.
static char *json_bytes(const char *text, size_t *len) {
    char *out = malloc(strlen(text) + 1);
    size_t n = 0;
    for (const char *p = text; out && *p && *p != '"'; p++) {
        unsigned code;
        if (*p != '\\') out[n++] = *p;
        else if (*++p == 'u' && sscanf(p + 1, "%4x", &code) == 1) {
            p += 4;
            unsigned low;
            if (code >= 0xD800 && code < 0xDC00 && p[1] == '\\' && p[2] == 'u' && sscanf(p + 3, "%4x", &low) == 1)
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00), p += 6;
            static const unsigned char LEAD[4] = {0, 0xC0, 0xE0, 0xF0};
            int extra = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
            out[n++] = (char)(LEAD[extra] | code >> (6 * extra));
            while (extra--) out[n++] = (char)(0x80 | (code >> (6 * extra) & 0x3F));
        } else {
            static const char FROM[] = "bfnrt", TO[] = "\b\f\n\r\t";
            const char *at = *p ? strchr(FROM, *p) : NULL;
            if (!*p) break;
            out[n++] = at ? TO[at - FROM] : *p;
        }
    }
    if (out) out[n] = 0;
    *len = n;
    return out;
}

// Where the value of a top-level member begins in the line, or NULL.
static const char *member(const char *line, const char *key) {
    int depth = 0;
    size_t key_len = strlen(key);
    for (const char *p = line; *p; p++) {
        if (*p == '{' || *p == '[') depth++;
        else if (*p == '}' || *p == ']') depth--;
        else if (*p == '"') {
            const char *name = ++p;
            while (*p && *p != '"') p += *p == '\\' && p[1] ? 2 : 1;
            if (!*p) return NULL;
            const char *value = p + 1 + strspn(p + 1, " \t");
            bool match = depth == 1 && (size_t)(p - name) == key_len && !memcmp(name, key, key_len);
            if (match && *value == ':') return value + 1 + strspn(value + 1, " \t");
        }
    }
    return NULL;
}

// A string's bytes, or a number as it is written (a double would keep 15 digits of it); NULL for other values.
static char *value_bytes(const char *value, size_t *len) {
    if (value && *value == '"') return json_bytes(value + 1, len);
    *len = value ? strspn(value, "+-.0123456789eE") : 0;
    return *len ? strndup(value, *len) : NULL;
}

static char *hex_bytes(const char *hex, size_t *len) {
    size_t n = strlen(hex) / 2;
    char *out = malloc(n + 1);
    for (size_t i = 0; out && i < n; i++) {
        unsigned byte;
        bool digits = is_xdigit(hex[2 * i]) && is_xdigit(hex[2 * i + 1]);
        if (!digits || sscanf(hex + 2 * i, "%2x", &byte) != 1) return free(out), NULL;
        out[i] = (char)byte;
    }
    *len = n;
    return out;
}

static bool read_row(const char *line, const cJSON *json, ScoreRow *row) {
    const char *hex = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "response_hex"));
    const char *response = member(line, "response");
    const cJSON *expected = cJSON_GetObjectItemCaseSensitive(json, "expected");
    row->gold = value_bytes(member(line, "gold"), &row->gold_len);
    if (hex) row->response = hex_bytes(hex, &row->response_len);
    else if (response && *response == '"') row->response = json_bytes(response + 1, &row->response_len);
    row->expected = cJSON_IsBool(expected) ? cJSON_IsTrue(expected) : -1;
    row->category = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "category"));
    return row->gold && row->response;
}

// Bytes as a JSON string: valid UTF-8 as it is, control and invalid bytes escaped.
static void print_bytes(FILE *out, const char *bytes, size_t len) {
    fputc('"', out);
    for (size_t i = 0; i < len && i < SHOWN; i++) {
        unsigned char c = (unsigned char)bytes[i];
        unsigned code;
        size_t wide = c < 0x80 ? 0 : utf8_decode(bytes + i, len - i, &code);
        if (wide) {
            fwrite(bytes + i, 1, wide, out);
            i += wide - 1;
        } else if (c == '"' || c == '\\') fprintf(out, "\\%c", c);
        else if (c < 0x20 || c >= 0x7F) fprintf(out, "\\u%04x", c);
        else fputc(c, out);
    }
    fputs(len > SHOWN ? "...\"" : "\"", out);
}

static void count(Score *score, const ScoreRow *row, VerifyVerdict verdict) {
    bool paid = verdict == VERIFY_EQUAL;
    score->verdicts[verdict]++;
    if (row->expected < 0) return;
    score->judged++;
    score->true_positive += paid && row->expected;
    score->false_positive += paid && !row->expected;
    score->false_negative += !paid && row->expected;
}

static void report_row(const Score *score, size_t line, const ScoreRow *row, VerifyResult result) {
    FILE *rows = score->rows, *summary = score->summary;
    const char *verdict = verify_verdict_name(result.verdict), *span = row->response + result.begin;
    if (rows) {
        fprintf(rows, "{\"row\": %zu, \"verdict\": \"%s\", \"reason\": \"%s\", ", line, verdict, result.reason);
        fprintf(rows, "\"begin\": %zu, \"end\": %zu, \"span\": ", result.begin, result.end);
        print_bytes(rows, span, result.end - result.begin);
        fputs("}\n", rows);
    }
    bool wrong = row->expected >= 0 && (result.verdict == VERIFY_EQUAL) != row->expected;
    if (!summary || !wrong) return;
    fprintf(summary, "disagree, row %zu", line);
    if (row->category) fputs(", ", summary), print_bytes(summary, row->category, strlen(row->category));
    fprintf(summary, ": expected %s, judged %s (%s): gold ", row->expected ? "true" : "false", verdict, result.reason);
    print_bytes(summary, row->gold, row->gold_len);
    fputs(" answer ", summary);
    print_bytes(summary, span, result.end - result.begin);
    fputc('\n', summary);
}

static double share(size_t part, size_t whole) { return whole ? (double)part / (double)whole : 1.0; }

static void report_total(const Score *score) {
    FILE *out = score->summary;
    fprintf(out, "%zu rows", score->count);
    for (int v = 0; v < VERIFY_VERDICTS; v++)
        if (score->verdicts[v]) fprintf(out, ", %s %zu", verify_verdict_name((VerifyVerdict)v), score->verdicts[v]);
    if (score->errors) fprintf(out, ", unreadable %zu", score->errors);
    fputc('\n', out);
    if (!score->judged) return;
    size_t right = score->true_positive, wrong = score->false_positive + score->false_negative;
    fprintf(out, "accuracy %.4f, precision %.4f, recall %.4f over %zu rows with an expected verdict\n",
            share(score->judged - wrong, score->judged), share(right, right + score->false_positive),
            share(right, right + score->false_negative), score->judged);
}

// False when memory runs out.
static bool score_line(Score *score, const char *line, size_t number) {
    ScoreRow row = {0};
    cJSON *json = cJSON_Parse(line);
    bool ok = cJSON_IsObject(json) && read_row(line, json, &row);
    VerifyPolicy chosen = *score->policy;
    const cJSON *digits = ok ? cJSON_GetObjectItemCaseSensitive(json, "approx_digits") : NULL;
    if (cJSON_IsNumber(digits)) chosen.approx_digits = digits->valueint;
    VerifyGold *gold = ok ? verify_compile(row.gold, row.gold_len, &chosen) : NULL;
    score->count++;
    if (gold) {
        VerifyResult result = verify_check(score->scratch, gold, row.response, row.response_len);
        count(score, &row, result.verdict);
        report_row(score, number, &row, result);
    } else {
        if (score->errors++ == 0) score->first_error = number;
        if (score->summary)
            fprintf(score->summary, "line %zu: expected an object with \"gold\" and \"response\"%s\n", number,
                    cJSON_IsArray(json) ? ", one a line, not an array" : "");
    }
    verify_gold_free(gold);
    free(row.gold);
    free(row.response);
    cJSON_Delete(json);
    return !ok || gold;
}

// Writes the next line without its newline, and a zero. Returns its length; -1 at the end; ROW_MAX where it is longer.
static ssize_t next_line(FILE *file, char *line) {
    ssize_t n = 0;
    int byte;
    while ((byte = getc_unlocked(file)) != EOF && byte != '\n' && n < ROW_MAX) line[n++] = (char)byte;
    line[n < ROW_MAX ? n : 0] = 0;
    return n > 0 || byte == '\n' ? n : -1;
}

int score_file(FILE *file, const char *path, FILE *rows_out, FILE *summary_out, const VerifyPolicy *policy, char *err,
               size_t err_size) {
    Score score = {.rows = rows_out, .summary = summary_out, .policy = policy, .scratch = verify_scratch_new()};
    char *line = malloc(ROW_MAX);
    size_t number = 0;
    bool memory = score.scratch && line;
    ssize_t len;
    while (memory && (len = next_line(file, line)) >= 0 && len < ROW_MAX) {
        number++;
        if (strspn(line, " \t\r\n") == (size_t)len) continue;
        memory = score_line(&score, line, number);
    }
    bool broken = ferror(file) != 0;
    free(line);
    verify_scratch_free(score.scratch);
    if (!memory) return snprintf(err, err_size, "%s:%zu: out of memory", path, number), -1;
    if (len == ROW_MAX) return snprintf(err, err_size, "%s:%zu: a row of 16 MiB or more", path, number + 1), -1;
    if (broken) return snprintf(err, err_size, "%s:%zu: read error", path, number), -1;
    if (summary_out) report_total(&score);
    if (score.errors == 0) return 0;
    snprintf(err, err_size,
             "%s: %zu of %zu rows could not be read, the first at line %zu: each needs \"gold\" and "
             "\"response\"",
             path, score.errors, score.count, score.first_error);
    return 1;
}
