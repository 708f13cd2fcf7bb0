// Fields of a row: strings, numbers, lists and chats become text, and a gold is cut out of a solution by its rule.
#include "data/problems_row.h"
#include "base/json.h"
#include "base/check.h"
#include <math.h>
#include <string.h>

static const char *skip_space(const char *at) { return at + strspn(at, " \t\r\n"); }

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
        const cJSON *role = json_get(message, "role");
        content = json_get(message, "content");
        if (cJSON_IsString(role) && strcmp(role->valuestring, "user") == 0 && cJSON_IsString(content)) last = content;
    }
    return last ? copy_text(last->valuestring, strlen(last->valuestring)) : NULL;
}

// The text of a string, number, list or chat, to be freed; NULL where there is none or it is blank.
static char *field_text(const cJSON *field) {
    char number[32], *chat = cJSON_IsString(field) || cJSON_IsArray(field) ? chat_text(field) : NULL;
    if (chat && *skip_space(chat)) return chat;
    if (chat) return free(chat), NULL;
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
    const char *text = field->valuestring;
    return *skip_space(text) ? copy_text(text, strlen(text)) : NULL;
}

static char *first_of(const cJSON *row, const char *key, const char *const *defaults) {
    if (*key) return field_text(json_get(row, key));
    for (int i = 0; i < 4; i++) {
        const cJSON *field = json_get(row, defaults[i]);
        if (field) return field_text(field);
    }
    return NULL;
}

// Drops white space at both ends, in place.
static char *trimmed(char *text) {
    size_t length = text ? strlen(text) : 0, start = text ? (size_t)(skip_space(text) - text) : 0;
    while (length > start && strchr(" \t\r\n", text[length - 1])) length--;
    if (text) memmove(text, text + start, length - start), text[length - start] = 0;
    return text;
}

char *row_question(const cJSON *row, const RowKeys *keys) {
    static const char *const defaults[] = {"question", "problem", "prompt", "input"};
    char *first = trimmed(first_of(row, keys->question[0], defaults));
    if (!first || !keys->question[1][0]) return first;
    char *second = trimmed(field_text(json_get(row, keys->question[1])));
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
            return skip_space(start) < at ? copy_text(start, (size_t)(at - start)) : NULL;
    }
    return NULL;
}

char *row_gold(const cJSON *row, const RowKeys *keys) {
    static const char *const defaults[] = {"answer", "gold", "ground_truth", "target"};
    char *field = first_of(row, keys->answer, defaults);
    if (!field || keys->rule == GOLD_PLAIN) return field;
    char *answer = keys->rule == GOLD_GSM8K ? gsm8k_number(field) : boxed_text(field);
    free(field);
    return answer;
}
