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
    bool fits = cJSON_IsNumber(item) && fabs(item->valuedouble) < 2147483648.0 && item->valuedouble == (int)item->valuedouble;
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
