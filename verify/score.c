// Optional (math answers from data sets): see score.h. The only file of verify/ that reads JSON.
#include "verify/score.h"

#include "verify/ascii.h"
#include "verify/unicode.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 120 }; // bytes of a span or an answer in the output

typedef struct Tally {
    size_t rows, errors, verdicts[VERIFY_VERDICTS];
    size_t judged, true_positive, false_positive, false_negative;
} Tally;

typedef struct ScoreRow {
    char *gold, *response;
    size_t gold_len, response_len;
    int expected; // 1, 0, or -1 when the row does not say
    const char *category;
} ScoreRow;

// cJSON ends strings at U+0000, which answers may hold: reads the JSON string at *text (after its quote) into bytes.
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

// Where the value of a top-level string member begins in the line (after the quote), or NULL.
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
            bool match = depth == 1 && (size_t)(p - name) == key_len && !memcmp(name, key, key_len);
            const char *value = p + 1 + strspn(p + 1, " \t");
            if (*value != ':' || !match) continue;
            value += 1 + strspn(value + 1, " \t");
            return *value == '"' ? value + 1 : NULL;
        }
    }
    return NULL;
}

static char *hex_bytes(const char *hex, size_t *len) {
    size_t n = strlen(hex) / 2;
    char *out = malloc(n + 1);
    for (size_t i = 0; out && i < n; i++) {
        unsigned byte;
        if (!is_xdigit(hex[2 * i]) || !is_xdigit(hex[2 * i + 1]) || sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return free(out), NULL;
        out[i] = (char)byte;
    }
    *len = n;
    return out;
}

static bool read_row(const char *line, const cJSON *json, ScoreRow *row) {
    const cJSON *gold = cJSON_GetObjectItemCaseSensitive(json, "gold"), *hex = cJSON_GetObjectItemCaseSensitive(json, "response_hex");
    const cJSON *expected = cJSON_GetObjectItemCaseSensitive(json, "expected");
    const char *gold_at = member(line, "gold"), *response_at = member(line, "response");
    if (gold_at) row->gold = json_bytes(gold_at, &row->gold_len);
    else if (cJSON_IsNumber(gold)) {
        row->gold = cJSON_PrintUnformatted(gold);
        row->gold_len = row->gold ? strlen(row->gold) : 0;
    }
    if (cJSON_IsString(hex)) row->response = hex_bytes(hex->valuestring, &row->response_len);
    else if (response_at) row->response = json_bytes(response_at, &row->response_len);
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

static void count(Tally *tally, const ScoreRow *row, VerifyVerdict verdict) {
    bool paid = verdict == VERIFY_EQUAL;
    tally->verdicts[verdict]++;
    if (row->expected < 0) return;
    tally->judged++;
    tally->true_positive += paid && row->expected;
    tally->false_positive += paid && !row->expected;
    tally->false_negative += !paid && row->expected;
}

static void report_row(FILE *rows, FILE *summary, size_t line, const ScoreRow *row, VerifyResult result) {
    if (rows) {
        fprintf(rows, "{\"row\": %zu, \"verdict\": \"%s\", \"reason\": \"%s\", \"begin\": %zu, \"end\": %zu, \"span\": ", line,
                verify_verdict_name(result.verdict), result.reason, result.begin, result.end);
        print_bytes(rows, row->response + result.begin, result.end - result.begin);
        fputs("}\n", rows);
    }
    bool wrong = row->expected >= 0 && (result.verdict == VERIFY_EQUAL) != row->expected;
    if (!summary || !wrong) return;
    fprintf(summary, "disagree, row %zu%s%s: expected %s, judged %s (%s): gold ", line, row->category ? ", " : "", row->category ? row->category : "",
            row->expected ? "true" : "false", verify_verdict_name(result.verdict), result.reason);
    print_bytes(summary, row->gold, row->gold_len);
    fputs(" answer ", summary);
    print_bytes(summary, row->response + result.begin, result.end - result.begin);
    fputc('\n', summary);
}

static void report_total(FILE *summary, const Tally *tally) {
    fprintf(summary, "%zu rows", tally->rows);
    for (int v = 0; v < VERIFY_VERDICTS; v++)
        if (tally->verdicts[v]) fprintf(summary, ", %s %zu", verify_verdict_name((VerifyVerdict)v), tally->verdicts[v]);
    if (tally->errors) fprintf(summary, ", unreadable %zu", tally->errors);
    fputc('\n', summary);
    if (!tally->judged) return;
    size_t paid = tally->true_positive + tally->false_positive, right = tally->true_positive + tally->false_negative;
    fprintf(summary, "accuracy %.4f, precision %.4f, recall %.4f over %zu rows with an expected verdict\n",
            1.0 - (double)(tally->false_positive + tally->false_negative) / (double)tally->judged,
            paid ? (double)tally->true_positive / (double)paid : 1.0, right ? (double)tally->true_positive / (double)right : 1.0, tally->judged);
}

static bool score_line(const char *line, size_t number, VerifyScratch *scratch, const VerifyPolicy *policy, FILE *rows, FILE *summary, Tally *tally) {
    ScoreRow row = {0};
    cJSON *json = cJSON_Parse(line);
    bool ok = cJSON_IsObject(json) && read_row(line, json, &row);
    VerifyPolicy chosen = *policy;
    const cJSON *digits = ok ? cJSON_GetObjectItemCaseSensitive(json, "approx_digits") : NULL;
    if (cJSON_IsNumber(digits)) chosen.approx_digits = digits->valueint;
    VerifyGold *gold = ok ? verify_compile(row.gold, row.gold_len, &chosen) : NULL;
    tally->rows++;
    if (gold) {
        VerifyResult result = verify_check(scratch, gold, row.response, row.response_len);
        count(tally, &row, result.verdict);
        report_row(rows, summary, number, &row, result);
    } else {
        tally->errors++;
        if (summary) fprintf(summary, "line %zu: expected an object with \"gold\" and \"response\"\n", number);
    }
    verify_gold_free(gold);
    free(row.gold);
    free(row.response);
    cJSON_Delete(json);
    return !ok || gold;
}

int score_file(const char *path, FILE *rows_out, FILE *summary_out, const VerifyPolicy *policy, char *err, size_t err_size) {
    FILE *file = fopen(path, "rb");
    if (!file) return snprintf(err, err_size, "%s: cannot open; give a file of JSON lines", path), -1;
    VerifyScratch *scratch = verify_scratch_new();
    Tally tally = {0};
    char *line = NULL;
    size_t room = 0, number = 0;
    bool memory = scratch != NULL;
    ssize_t len;
    while (memory && (len = getline(&line, &room, file)) >= 0) {
        number++;
        if (strspn(line, " \t\r\n") == (size_t)len) continue;
        memory = score_line(line, number, scratch, policy, rows_out, summary_out, &tally);
    }
    bool broken = ferror(file) != 0;
    free(line);
    fclose(file);
    verify_scratch_free(scratch);
    if (!memory) return snprintf(err, err_size, "%s:%zu: out of memory", path, number), -1;
    if (broken) return snprintf(err, err_size, "%s:%zu: read error", path, number), -1;
    if (summary_out) report_total(summary_out, &tally);
    return 0;
}
