// Optional (data from files): text from the fields of a row.
// Strings, numbers, lists and chats become text; a rule cuts the gold out of a solution.
#define _GNU_SOURCE // asprintf
#include "data/problems_row.h"
#include "base/json.h"
#include "base/text.h"
#include <math.h>
#include <string.h>

static const char *skip_space(const char *at) { return at + strspn(at, " \t\r\n"); }

// The last user message of [{"role":..,"content":..}, ..], or of a string that holds such a list; otherwise NULL.
static char *chat_text(const cJSON *field) {
    if (cJSON_IsString(field)) {
        cJSON *inner = begins(field->valuestring, "[{") ? cJSON_Parse(field->valuestring) : NULL;
        char *text = cJSON_IsArray(inner) ? chat_text(inner) : NULL;
        cJSON_Delete(inner);
        return text;
    }
    const cJSON *message;
    const char *last = NULL;
    cJSON_ArrayForEach(message, field) {
        bool user = strcmp(json_string(message, "role", ""), "user") == 0;
        if (user) last = json_string(message, "content", last);
    }
    return last ? text_copy(last, strlen(last)) : NULL;
}

// The shortest decimal form that reads back as the same double; NULL from 2^53 on, where whole numbers are inexact.
static char *number_text(double value) {
    char number[32];
    if (!(fabs(value) < 0x1p53)) return NULL;
    if (value == floor(value)) snprintf(number, sizeof number, "%.0f", value + 0.0);
    else
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(number, sizeof number, "%.*g", digits, value);
            if (strtod(number, NULL) == value) break;
        }
    return text_copy(number, strlen(number));
}

// The text of a string, number, list or chat, to be freed; NULL if there is none or it is blank.
static char *field_text(const cJSON *field) {
    char *text = cJSON_IsString(field) || cJSON_IsArray(field) ? chat_text(field) : NULL;
    if (!text && cJSON_IsArray(field)) return cJSON_IsArray(field->child) ? NULL : field_text(field->child);
    if (cJSON_IsNumber(field)) return number_text(field->valuedouble);
    if (!text && cJSON_IsString(field)) text = text_copy(field->valuestring, strlen(field->valuestring));
    if (text && *skip_space(text)) return text;
    free(text);
    return NULL;
}

static char *first_of(const cJSON *row, const char *key, const char *const *defaults) {
    if (*key) return field_text(json_get(row, key));
    int i = 0;
    while (i < 4 && !json_get(row, defaults[i])) i++;
    return i < 4 ? field_text(json_get(row, defaults[i])) : NULL;
}

// Removes white space at both ends, in place. text may be NULL.
static char *trimmed(char *text) {
    if (!text) return NULL;
    const char *start = skip_space(text);
    size_t length = strlen(start);
    while (length > 0 && strchr(" \t\r\n", start[length - 1])) length--;
    memmove(text, start, length);
    text[length] = 0;
    return text;
}

char *row_question(const cJSON *row, const RowSource *source) {
    static const char *const defaults[] = {"question", "problem", "prompt", "input"};
    char *first = trimmed(first_of(row, source->question[0], defaults));
    if (!first || !source->question[1][0]) return first;
    char *second = trimmed(field_text(json_get(row, source->question[1])));
    char *both = NULL;
    if (second) REQUIRE(asprintf(&both, "%s %s", first, second) > 0, "out of memory");
    free(first);
    free(second);
    return both;
}

// The number of the last "#### 1,234", with which GSM8K ends its solutions; NULL if no decimal number follows.
static char *gsm8k_number(const char *text) {
    const char *mark = after_last(text, "#### ");
    if (!mark) return NULL;
    char *number = text_copy(mark, strcspn(mark, "\n")), *to = number;
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

// The contents of the last \boxed{...} with balanced braces, or NULL.
static char *boxed_text(const char *text) {
    const char *start = after_last(text, "\\boxed{");
    int depth = 1;
    for (const char *at = start; at && *at; at++) {
        if (*at == '\\' && (at[1] == '{' || at[1] == '}')) at++;
        else if (*at == '{') depth++;
        else if (*at == '}' && --depth == 0)
            return skip_space(start) < at ? text_copy(start, (size_t)(at - start)) : NULL;
    }
    return NULL;
}

char *row_gold(const cJSON *row, const RowSource *source) {
    static const char *const defaults[] = {"answer", "gold", "ground_truth", "target"};
    char *field = first_of(row, source->answer, defaults);
    if (!field || source->rule == GOLD_PLAIN) return field;
    char *answer = source->rule == GOLD_GSM8K ? gsm8k_number(field) : boxed_text(field);
    free(field);
    return answer;
}
