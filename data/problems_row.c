// Optional (data from files): text from the fields of a row.
// Strings, numbers, lists and chats become text; a rule cuts the gold out of a solution.
#define _GNU_SOURCE // asprintf
#include "data/problems_row.h"
#include "base/json.h"
#include "base/text.h"
#include <math.h>
#include <string.h>

static const char *skip_space(const char *at) { return at + strspn(at, " \t\r\n"); }

static const cJSON *find_item(const cJSON *in, const char *key) {
    if (!cJSON_IsArray(in)) return json_get(in, key);
    char *end;
    long i = strtol(key, &end, 10);
    return *key >= '0' && *key <= '9' && !*end && i < 1 << 20 ? cJSON_GetArrayItem(in, (int)i) : NULL;
}

// The field of this name or, where there is none, a.b: field b of a, or element b of the list a.
static const cJSON *find_field(const cJSON *in, const char *key) {
    const cJSON *found = find_item(in, key);
    for (const char *dot = strchr(key, '.'); !found && dot; dot = strchr(dot + 1, '.')) {
        char *head = text_copy(key, (size_t)(dot - key));
        const cJSON *inner = find_item(in, head);
        free(head);
        if (inner) found = find_field(inner, dot + 1);
    }
    return found;
}

// The text of a chat, [{"role":..,"content":..}, ..] or a string that holds such a list, up to its last user message:
// that message if it is the first, else the list of them. What follows it is an answer. NULL: no chat.
static char *chat_text(const cJSON *field, const char **fault) {
    if (cJSON_IsString(field)) {
        cJSON *inner = begins(field->valuestring, "[{") ? cJSON_Parse(field->valuestring) : NULL;
        char *text = cJSON_IsArray(inner) ? chat_text(inner, fault) : NULL;
        cJSON_Delete(inner);
        return text;
    }
    const cJSON *message;
    int last = -1, i = 0;
    cJSON_ArrayForEach(message, field) {
        if (strcmp(json_string(message, "role", ""), "user") == 0) last = i;
        i++;
    }
    if (last < 0) return NULL;
    cJSON *list = cJSON_CreateArray();
    for (message = field->child, i = 0; i <= last; message = message->next, i++) {
        const char *role = json_string(message, "role", NULL), *content = json_string(message, "content", NULL);
        if (!role || !content) *fault = "a chat with a message that is not {role, content} with a text";
        cJSON *copy = cJSON_CreateObject();
        cJSON_AddStringToObject(copy, "role", role ? role : "");
        cJSON_AddStringToObject(copy, "content", content ? content : "");
        cJSON_AddItemToArray(list, copy);
    }
    char *printed = last ? cJSON_PrintUnformatted(list) : NULL;
    const char *text = printed ? printed : json_string(list->child, "content", "");
    char *copy = *fault ? NULL : text_copy(text, strlen(text));
    cJSON_free(printed);
    cJSON_Delete(list);
    return copy;
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

// Whether all elements of a list are the same.
static bool is_one(const cJSON *list) {
    const cJSON *item;
    cJSON_ArrayForEach(item, list) if (!cJSON_Compare(item, list->child, true)) return false;
    return list->child != NULL;
}

// The text of a list that is no chat: of its one element.
static char *list_text(const cJSON *list, const char **fault);

// The text of a string, number, list or chat, to be freed; NULL if there is none or it is blank.
static char *field_text(const cJSON *field, const char **fault) {
    char *text = cJSON_IsString(field) || cJSON_IsArray(field) ? chat_text(field, fault) : NULL;
    if (*fault) return NULL;
    if (!text && cJSON_IsArray(field)) return list_text(field, fault);
    if (cJSON_IsNumber(field)) return number_text(field->valuedouble);
    if (!text && cJSON_IsString(field)) {
        cJSON *list = begins(field->valuestring, "[\"") ? cJSON_Parse(field->valuestring) : NULL;
        text = cJSON_IsArray(list) ? list_text(list, fault) : NULL;
        if (!cJSON_IsArray(list)) text = text_copy(field->valuestring, strlen(field->valuestring));
        cJSON_Delete(list);
    }
    if (text && *skip_space(text)) return text;
    free(text);
    return NULL;
}

static char *list_text(const cJSON *list, const char **fault) {
    if (list->child && !is_one(list)) *fault = "a list of several texts (answer=KEY.0 takes the first)";
    return *fault || cJSON_IsArray(list->child) ? NULL : field_text(list->child, fault);
}

// The field `key` or, if that is empty, the first of `defaults` that is there, whose name goes to *found.
static char *first_of(const cJSON *row, const char *key, const char *const *defaults, const char **found,
                      const char **fault) {
    *found = key;
    while (!*key && *defaults && !find_field(row, *found = *defaults)) defaults++;
    return field_text(find_field(row, *found), fault);
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

char *row_question(const cJSON *row, const RowSource *source, const char **fault) {
    static const char *const defaults[] = {"question", "problem", "prompt", "input", NULL};
    const char *found;
    char *first = trimmed(first_of(row, source->question[0], defaults, &found, fault));
    if (!first || !source->question[1][0]) return first;
    char *second = trimmed(field_text(find_field(row, source->question[1]), fault));
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

char *row_gold(const cJSON *row, const RowSource *source, const char **fault) {
    static const char *const defaults[] = {"answer",   "gold", "ground_truth", "target", "reward_model.ground_truth",
                                           "solution", NULL};
    const char *found;
    char *field = first_of(row, source->answer, defaults, &found, fault), *answer = NULL;
    bool solution = !*source->answer && source->rule == GOLD_PLAIN && strcmp(found, "solution") == 0;
    if (!field || (source->rule == GOLD_PLAIN && !solution)) return field;
    answer = source->rule == GOLD_GSM8K ? gsm8k_number(field) : boxed_text(field);
    if (!answer && solution && !strstr(field, "\\boxed")) return field; // the answer alone
    free(field);
    return answer;
}

// Whether number_text writes the number (n bytes) with the digits that stand there.
static bool is_exact(const char *number, size_t n) {
    char copy[400];
    int digits = 0;
    bool exponent = false;
    if (n >= sizeof copy) return false;
    snprintf(copy, sizeof copy, "%.*s", (int)n, number);
    for (const char *c = copy; *c && !exponent; c++) {
        digits += *c >= '0' && *c <= '9';
        exponent = *c == 'e' || *c == 'E';
    }
    double value = strtod(copy, NULL);
    return (value == floor(value) && fabs(value) < 0x1p53) || (digits <= 15 && !exponent);
}

char *row_quote_numbers(const char *text, size_t n) {
    const char *end = text + n, *from = text;
    char *copy = NULL, *to = NULL;
    for (const char *at = text; at < end;) {
        if (*at == '"') { // a string
            for (at++; at < end && *at != '"'; at++) at += *at == '\\' && at + 1 < end;
            at += at < end;
            continue;
        }
        size_t size = 0;
        while (at + size < end && at[size] && strchr("+-.0123456789eE", at[size])) size++;
        bool number = *at == '-' || (*at >= '0' && *at <= '9');
        if (number && !is_exact(at, size)) {
            if (!copy) to = copy = malloc(3 * n + 1); // a digit becomes three bytes at most
            REQUIRE(copy, "out of memory");
            to += sprintf(to, "%.*s\"%.*s\"", (int)(at - from), from, (int)size, at);
            from = at + size;
        }
        at += size ? size : 1;
    }
    if (copy) sprintf(to, "%.*s", (int)(end - from), from);
    return copy;
}
