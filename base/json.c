// Optional (files).
#include "base/json.h"
#include "base/files.h"
#include <math.h>
#include <string.h>

cJSON *json_read(const char *path, Error *err) {
    size_t n;
    char *text = file_read(path, (size_t)64 << 20, &n, err);
    if (!text) return NULL;
    const char *end = text;
    cJSON *json = cJSON_ParseWithLengthOpts(text, n, &end, 0);
    if (!json) fail(err, "%s: not valid JSON (at byte %td)", path, end - text);
    free(text);
    return json;
}

bool json_replace(const char *path, const cJSON *json, Error *err) {
    char *text = cJSON_Print(json);
    if (!text) return fail(err, "%s: out of memory", path);
    bool ok = file_replace(path, text, strlen(text), err);
    cJSON_free(text);
    return ok;
}

const cJSON *json_get(const cJSON *object, const char *key) { return cJSON_GetObjectItemCaseSensitive(object, key); }

int json_whole(const cJSON *item) {
    bool fits =
        cJSON_IsNumber(item) && fabs(item->valuedouble) < 2147483648.0 && item->valuedouble == (int)item->valuedouble;
    return fits ? (int)item->valuedouble : -1;
}

int json_int(const cJSON *object, const char *key, int fallback) {
    const cJSON *item = json_get(object, key);
    return !item || cJSON_IsNull(item) ? fallback : json_whole(item);
}

double json_double(const cJSON *object, const char *key, double fallback) {
    const cJSON *item = json_get(object, key);
    if (!item || cJSON_IsNull(item)) return fallback;
    return cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
}

bool json_bool(const cJSON *object, const char *key, bool fallback) {
    const cJSON *item = json_get(object, key);
    return cJSON_IsBool(item) ? cJSON_IsTrue(item) : fallback;
}

const char *json_string(const cJSON *object, const char *key, const char *fallback) {
    const cJSON *item = json_get(object, key);
    return cJSON_IsString(item) ? item->valuestring : fallback;
}

static void print_value(char *to, size_t size, const cJSON *item) {
    char *text = item ? cJSON_PrintUnformatted(item) : NULL;
    snprintf(to, size, "%s", text ? text : "(none)");
    cJSON_free(text);
}

bool json_same(const cJSON *wanted, const cJSON *saved, JsonDifference *d) {
    char *text = cJSON_PrintUnformatted(wanted);
    cJSON *parsed = cJSON_Parse(text); // a raw number, as flags_to_json adds them, equals no parsed one
    const cJSON *now = parsed ? parsed->child : NULL;
    while (now && cJSON_Compare(now, json_get(saved, now->string), true)) now = now->next;
    bool same = parsed && !now;
    if (now) {
        snprintf(d->key, sizeof d->key, "%s", now->string);
        print_value(d->wanted, sizeof d->wanted, now);
        print_value(d->saved, sizeof d->saved, json_get(saved, now->string));
    }
    cJSON_Delete(parsed);
    cJSON_free(text);
    return same;
}
