// Optional (chat templates): Jinja's values: operators, tests, filters and methods, as Python's.
#include "base/json.h"
#include "base/text.h"
#include "data/jinja_parts.h"
#include <string.h>

static const cJSON undefined; // of type cJSON_Invalid

Value jinja_undefined(void) { return &undefined; }
bool jinja_is_defined(Value v) { return v->type != cJSON_Invalid; }

Value jinja_bool(Jinja *j, bool b) { return jinja_own(j, cJSON_CreateBool(b)); }

Value jinja_number(Jinja *j, long n) {
    if (n < -1000000000 || n > 1000000000) return jinja_fail(j, "a number above 10^9");
    return jinja_own(j, cJSON_CreateNumber((double)n));
}

Value jinja_text(Jinja *j, const char *text, size_t n) {
    char *copy = text_copy(text, n);
    Value v = jinja_own(j, cJSON_CreateString(copy));
    free(copy);
    return v;
}

static bool is(const char *name, size_t n, const char *word) { return strlen(word) == n && memcmp(name, word, n) == 0; }

bool jinja_true(Value v) {
    if (cJSON_IsString(v)) return *v->valuestring != 0;
    if (cJSON_IsNumber(v)) return v->valueint != 0;
    if (cJSON_IsArray(v) || (cJSON_IsObject(v) && v->valueint != JINJA_NAMESPACE)) return v->child != NULL;
    return cJSON_IsTrue(v) || cJSON_IsObject(v);
}

static bool is_number(Value v) { return cJSON_IsNumber(v) || cJSON_IsBool(v); } // True is 1
static long number_of(Value v) { return cJSON_IsNumber(v) ? v->valueint : cJSON_IsTrue(v); }

bool jinja_equal(Value a, Value b) {
    if (is_number(a) && is_number(b)) return number_of(a) == number_of(b);
    return (!jinja_is_defined(a) && !jinja_is_defined(b)) || cJSON_Compare(a, b, true);
}

const char *jinja_printed(Jinja *j, Value v) {
    char number[32];
    if (cJSON_IsString(v)) return v->valuestring;
    if (cJSON_IsBool(v)) return cJSON_IsTrue(v) ? "True" : "False";
    if (cJSON_IsNull(v)) return "None";
    if (!jinja_is_defined(v)) return "";
    if (!cJSON_IsNumber(v)) return jinja_fail(j, "a list or dict is printed"), "";
    snprintf(number, sizeof number, "%d", v->valueint);
    return jinja_text(j, number, strlen(number))->valuestring;
}

bool jinja_less(Jinja *j, Value a, Value b) {
    if (is_number(a) && is_number(b)) return number_of(a) < number_of(b);
    if (cJSON_IsString(a) && cJSON_IsString(b)) return strcmp(a->valuestring, b->valuestring) < 0;
    return jinja_fail(j, "values without an order are compared"), false;
}

bool jinja_in(Jinja *j, Value needle, Value in) {
    Value item;
    if (cJSON_IsString(in) && cJSON_IsString(needle)) return strstr(in->valuestring, needle->valuestring) != NULL;
    if (cJSON_IsObject(in) && in->valueint != JINJA_NAMESPACE)
        return cJSON_IsString(needle) && json_get(in, needle->valuestring);
    if (!cJSON_IsArray(in) && jinja_is_defined(in)) return jinja_fail(j, "\"in\" of something without elements"), false;
    cJSON_ArrayForEach(item, in) if (jinja_equal(item, needle)) return true;
    return false;
}

static Value arithmetic(Jinja *j, char operator, long a, long b) {
    if (operator== '+') return jinja_number(j, a + b);
    if (operator== '-') return jinja_number(j, a - b);
    if (operator== '*') return jinja_number(j, a * b);
    if (b == 0) return jinja_fail(j, "a division by zero");
    long quotient = a / b - (a % b && (a < 0) != (b < 0)); // rounded down
    return jinja_number(j, operator== '%' ? a - quotient * b : quotient);
}

static Value joined(Jinja *j, const char *a, const char *between, const char *b) {
    size_t n = strlen(a) + strlen(between) + strlen(b);
    if (n > 1 << 22) return jinja_fail(j, "a text of more than 4 MiB");
    char *text = malloc(n + 1);
    REQUIRE(text, "out of memory");
    snprintf(text, n + 1, "%s%s%s", a, between, b);
    Value v = jinja_text(j, text, n);
    free(text);
    return v;
}

Value jinja_binary(Jinja *j, const char *operator, Value a, Value b) {
    if (*operator== '~') return joined(j, jinja_printed(j, a), "", jinja_printed(j, b));
    if (is_number(a) && is_number(b)) return arithmetic(j, *operator, number_of(a), number_of(b));
    if (*operator== '+' && cJSON_IsString(a) && cJSON_IsString(b)) return joined(j, a->valuestring, "", b->valuestring);
    if (*operator!= '+' || !cJSON_IsArray(a) || !cJSON_IsArray(b))
        return jinja_fail(j, "\"%s\" of values that do not go together", operator);
    cJSON *both = cJSON_Duplicate(a, true);
    Value item;
    cJSON_ArrayForEach(item, b) cJSON_AddItemToArray(both, cJSON_Duplicate(item, true));
    return jinja_own(j, both);
}

// ---- Parts of values ----------------------------------------------------------------------------------------------
Value jinja_attribute(Jinja *j, Value of, const char *name, size_t n) {
    static const char *const methods[] = {"items", "keys", "values", "get", "copy", "pop", "update"};
    char key[64];
    if (!jinja_is_defined(of)) return jinja_fail(j, "%.*s of something undefined", (int)n, name);
    if (cJSON_IsString(of) || n >= sizeof key) return jinja_fail(j, "the attribute %.*s", (int)n, name);
    snprintf(key, sizeof key, "%.*s", (int)n, name);
    for (size_t i = 0; i < sizeof methods / sizeof *methods && of->valueint != JINJA_NAMESPACE; i++)
        if (cJSON_IsObject(of) && strcmp(key, methods[i]) == 0) return jinja_fail(j, "a method that is not called");
    Value found = json_get(of, key);
    return found ? found : &undefined;
}

// Where the characters of a text begin, and its end: (count + 1) offsets, to be freed.
static size_t *characters(const char *text, long *count) {
    size_t n = strlen(text), *start = malloc((n + 1) * sizeof *start), at = 0;
    bool valid;
    REQUIRE(start, "out of memory");
    for (*count = 0; at < n; at += utf8_next(text + at, n - at, &valid)) start[(*count)++] = at;
    start[*count] = n;
    return start;
}

static Value part_of_text(Jinja *j, const char *text, long from, long to) {
    long count;
    size_t *start = characters(text, &count);
    Value v = &undefined;
    if (from >= 0 && from < to && to <= count) v = jinja_text(j, text + start[from], start[to] - start[from]);
    free(start);
    return v;
}

static long length_of(Value v) {
    long count;
    if (!cJSON_IsString(v)) return cJSON_GetArraySize(v);
    free(characters(v->valuestring, &count));
    return count;
}

Value jinja_item(Jinja *j, Value of, Value key) {
    if (!jinja_is_defined(of)) return jinja_fail(j, "an element of something undefined");
    bool list = cJSON_IsArray(of) || cJSON_IsString(of);
    if (list && is_number(key)) {
        long i = number_of(key), count = length_of(of);
        if (i < 0) i += count;
        if (cJSON_IsString(of)) return part_of_text(j, of->valuestring, i, i + 1);
        return i >= 0 && i < count ? cJSON_GetArrayItem(of, (int)i) : &undefined;
    }
    Value found = cJSON_IsObject(of) && cJSON_IsString(key) ? json_get(of, key->valuestring) : NULL;
    return found ? found : &undefined;
}

// One end of a slice, as Python's slice.indices; `otherwise` where it is left out.
static long slice_end(Jinja *j, Value v, long otherwise, long low, long high, long count) {
    if (!jinja_is_defined(v) || cJSON_IsNull(v)) return otherwise;
    if (!is_number(v)) return jinja_fail(j, "a slice by something else than numbers"), otherwise;
    long i = number_of(v) < 0 ? number_of(v) + count : number_of(v);
    return i < low ? low : i > high ? high : i;
}

Value jinja_slice(Jinja *j, Value of, Value from, Value to, Value step) {
    bool left_out = !jinja_is_defined(step) || cJSON_IsNull(step);
    long by = left_out ? 1 : number_of(step), count = length_of(of);
    if ((!cJSON_IsArray(of) && !cJSON_IsString(of)) || by == 0 || !(left_out || is_number(step)))
        return jinja_fail(j, "a slice of something else than a list or text");
    long low = by > 0 ? 0 : -1, high = by > 0 ? count : count - 1;
    long i = slice_end(j, from, by > 0 ? 0 : count - 1, low, high, count);
    long end = slice_end(j, to, by > 0 ? count : -1, low, high, count);
    if (cJSON_IsString(of)) {
        if (by != 1) return jinja_fail(j, "a slice of a text with a step");
        return i < end ? part_of_text(j, of->valuestring, i, end) : jinja_text(j, "", 0);
    }
    cJSON *list = cJSON_CreateArray();
    for (; by > 0 ? i < end : i > end; i += by)
        cJSON_AddItemToArray(list, cJSON_Duplicate(cJSON_GetArrayItem(of, (int)i), true));
    return jinja_own(j, list);
}

// ---- Tests ---------------------------------------------------------------------------------------------------------
bool jinja_test(Jinja *j, const char *name, size_t n, Value v) {
    bool list = cJSON_IsString(v) || cJSON_IsArray(v) || (cJSON_IsObject(v) && v->valueint != JINJA_NAMESPACE);
    if (is(name, n, "defined")) return jinja_is_defined(v);
    if (is(name, n, "undefined")) return !jinja_is_defined(v);
    if (is(name, n, "none")) return cJSON_IsNull(v);
    if (is(name, n, "string")) return cJSON_IsString(v);
    if (is(name, n, "boolean")) return cJSON_IsBool(v);
    if (is(name, n, "true")) return cJSON_IsTrue(v);
    if (is(name, n, "false")) return cJSON_IsFalse(v);
    if (is(name, n, "integer")) return cJSON_IsNumber(v);
    if (is(name, n, "number")) return is_number(v);
    if (is(name, n, "mapping")) return cJSON_IsObject(v) && list;
    if (is(name, n, "iterable")) return list || !jinja_is_defined(v);
    if (is(name, n, "sequence") && jinja_is_defined(v)) return list;
    return jinja_fail(j, "the test %.*s", (int)n, name), false;
}

// ---- Filters and methods -------------------------------------------------------------------------------------------
static bool ascii(const char *text) {
    for (; *text; text++)
        if (*text & 0x80) return false;
    return true;
}

// The length of the white space at text, as Python's strip knows it: U+001C to U+001F count.
static size_t space_at(const char *text, size_t n) {
    return n && *text >= 0x1c && *text <= 0x1f ? 1 : utf8_space(text, n);
}

// Without white space, or the characters of `set`, at its left, right end.
static Value stripped(Jinja *j, const char *text, Value set, bool left, bool right) {
    size_t n = strlen(text), step, end = 0;
    const char *chars = cJSON_IsString(set) ? set->valuestring : NULL;
    if ((jinja_is_defined(set) && !chars && !cJSON_IsNull(set)) || (chars && !ascii(chars)))
        return jinja_fail(j, "strip of other than ASCII characters");
    for (size_t at = 0; at < n; at += step) { // `end`: of the last character that stays
        step = chars ? strchr(chars, text[at]) != NULL : space_at(text + at, n - at);
        if (step == 0)
            step = 1, end = at + 1;
        else if (left && end == 0)
            text += step, n -= step, step = 0;
    }
    return jinja_text(j, text, right ? end : n);
}

// Letters in the other case.
static Value cased(Jinja *j, const char *text, bool upper) {
    if (!ascii(text)) return jinja_fail(j, "upper or lower of a text that is not ASCII");
    char *copy = text_copy(text, strlen(text));
    for (char *c = copy; *c; c++) {
        bool other = upper ? *c >= 'a' && *c <= 'z' : *c >= 'A' && *c <= 'Z';
        if (other) *c ^= 0x20;
    }
    Value v = jinja_text(j, copy, strlen(copy));
    free(copy);
    return v;
}

static Value split(Jinja *j, const char *text, const char *by, long most) {
    cJSON *list = cJSON_CreateArray();
    for (const char *next; *by && most-- != 0 && (next = strstr(text, by)); text = next + strlen(by)) {
        char *piece = text_copy(text, (size_t)(next - text));
        cJSON_AddItemToArray(list, cJSON_CreateString(piece));
        free(piece);
    }
    cJSON_AddItemToArray(list, cJSON_CreateString(text));
    return *by ? jinja_own(j, list) : (jinja_own(j, list), jinja_fail(j, "split without a separator"));
}

static Value join(Jinja *j, Value list, Value by) {
    Value item, sum = jinja_text(j, "", 0);
    if (!cJSON_IsArray(list)) return jinja_fail(j, "join of something else than a list");
    cJSON_ArrayForEach(item, list) {
        const char *between = item == list->child || !jinja_is_defined(by) ? "" : jinja_printed(j, by);
        sum = joined(j, sum->valuestring, between, jinja_printed(j, item));
        if (j->failed) break;
    }
    return sum;
}

// What filters and methods of texts have in common. NULL: none of this name.
static Value of_text(Jinja *j, const char *name, size_t n, const char *text, const Value *args, int count) {
    if (is(name, n, "upper") && count == 0) return cased(j, text, true);
    if (is(name, n, "lower") && count == 0) return cased(j, text, false);
    if (!is(name, n, "replace") || count != 2 || !cJSON_IsString(args[0]) || !cJSON_IsString(args[1])) return NULL;
    if (!*args[0]->valuestring) return jinja_fail(j, "replace of an empty text");
    return join(j, split(j, text, args[0]->valuestring, -1), args[1]);
}

static Value default_of(Value v, const Value *args, int count) {
    bool falsy = count > 1 && jinja_true(args[1]);
    return (falsy ? jinja_true(v) : jinja_is_defined(v)) ? v : args[0];
}

Value jinja_call_filter(Jinja *j, const char *name, size_t n, Value v, const Value *args, int count) {
    Value none = &undefined;
    bool text = cJSON_IsString(v), list = cJSON_IsArray(v), dict = cJSON_IsObject(v) && v->valueint != JINJA_NAMESPACE;
    if ((is(name, n, "default") || is(name, n, "d")) && count > 0) return default_of(v, args, count);
    if (is(name, n, "trim") && text && count < 2)
        return stripped(j, v->valuestring, count ? args[0] : none, true, true);
    if ((is(name, n, "length") || is(name, n, "count")) && (text || list || dict || !v->type))
        return jinja_number(j, length_of(v));
    if (is(name, n, "string")) return text ? v : jinja_text(j, jinja_printed(j, v), strlen(jinja_printed(j, v)));
    if (is(name, n, "safe") && text) return v;
    if (is(name, n, "list") && list) return v;
    if (is(name, n, "first") && list) return v->child ? v->child : none;
    if (is(name, n, "last") && list) return v->child ? v->child->prev : none; // cJSON's first item knows the last
    if (is(name, n, "join") && count < 2) return join(j, v, count ? args[0] : none);
    Value result = text ? of_text(j, name, n, v->valuestring, args, count) : NULL;
    return result ? result : jinja_fail(j, "the filter %.*s, with this value", (int)n, name);
}

static bool starts(const char *text, const char *with) { return begins(text, with); }
static bool ends(const char *text, const char *with) {
    size_t n = strlen(text), n_with = strlen(with);
    return n >= n_with && strcmp(text + n - n_with, with) == 0;
}

static Value method_of_text(Jinja *j, const char *name, size_t n, const char *text, const Value *args, int count) {
    Value set = count ? args[0] : &undefined;
    bool by_text = cJSON_IsString(set);
    if (is(name, n, "strip") && count < 2) return stripped(j, text, set, true, true);
    if (is(name, n, "lstrip") && count < 2) return stripped(j, text, set, true, false);
    if (is(name, n, "rstrip") && count < 2) return stripped(j, text, set, false, true);
    if (is(name, n, "startswith") && count == 1 && by_text) return jinja_bool(j, starts(text, set->valuestring));
    if (is(name, n, "endswith") && count == 1 && by_text) return jinja_bool(j, ends(text, set->valuestring));
    if (is(name, n, "split") && by_text && (count == 1 || (count == 2 && cJSON_IsNumber(args[1]))))
        return split(j, text, set->valuestring, count == 2 ? args[1]->valueint : -1);
    return of_text(j, name, n, text, args, count);
}

static Value method_of_dict(Jinja *j, const char *name, size_t n, Value dict, const Value *args, int count) {
    bool keys = is(name, n, "keys"), values = is(name, n, "values");
    if (is(name, n, "get") && count > 0 && cJSON_IsString(args[0])) {
        Value found = json_get(dict, args[0]->valuestring);
        return found ? found : count > 1 ? args[1] : jinja_own(j, cJSON_CreateNull());
    }
    if (count || !(keys || values || is(name, n, "items"))) return NULL;
    cJSON *list = cJSON_CreateArray();
    for (Value item = dict->child; item; item = item->next) {
        cJSON *key = cJSON_CreateString(item->string), *value = cJSON_Duplicate(item, true), *pair = key;
        if (values)
            pair = value;
        else if (!keys) {
            pair = cJSON_CreateArray();
            cJSON_AddItemToArray(pair, key);
            cJSON_AddItemToArray(pair, value);
        }
        if (keys) cJSON_Delete(value);
        if (values) cJSON_Delete(key);
        cJSON_AddItemToArray(list, pair);
    }
    return jinja_own(j, list);
}

Value jinja_call_method(Jinja *j, const char *name, size_t n, Value v, const Value *args, int count) {
    Value result = NULL;
    if (cJSON_IsString(v)) result = method_of_text(j, name, n, v->valuestring, args, count);
    if (cJSON_IsObject(v) && v->valueint != JINJA_NAMESPACE) result = method_of_dict(j, name, n, v, args, count);
    return result ? result : jinja_fail(j, "the method %.*s, with these values", (int)n, name);
}
