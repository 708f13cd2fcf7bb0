// Optional (files): JSON files and the fields of JSON objects, over cJSON.
#ifndef BASE_JSON_H
#define BASE_JSON_H
#include "base/check.h"
#include <cjson/cJSON.h>

// Reads a file of at most 64 MiB. NULL with the reason (file, and the byte where parsing stopped) in err. Free with
// cJSON_Delete.
cJSON *json_read(const char *path, Error *err);
bool json_replace(const char *path, const cJSON *json, Error *err); // as file_replace

// The field `key` of an object, or NULL (no object, no such field). Keys are case-sensitive.
const cJSON *json_get(const cJSON *object, const char *key);

// The field's value; `fallback` where it is missing or null. A field of another type, or an integer of 2^31 or more,
// yields -1 (json_int) or NAN (json_double), which no check of a size lets pass; json_bool and json_string then yield
// the fallback.
int json_int(const cJSON *object, const char *key, int fallback);
double json_double(const cJSON *object, const char *key, double fallback);
bool json_bool(const cJSON *object, const char *key, bool fallback);
const char *json_string(const cJSON *object, const char *key, const char *fallback);
int json_whole(const cJSON *item); // the item itself as json_int reads one; -1 where it is none

// The first field of `wanted` whose value `saved` (may be NULL) does not have, as text. Numbers compare as printed.
typedef struct JsonDifference {
    char key[64], wanted[128], saved[128];
} JsonDifference;
bool json_same(const cJSON *wanted, const cJSON *saved, JsonDifference *difference);

#endif
