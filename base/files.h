// Small JSON files of a model folder, whole in memory.
#ifndef BASE_FILES_H
#define BASE_FILES_H
#include "base/check.h"
#include <cjson/cJSON.h>

// Reads at most 64 MiB. NULL with the reason (file, and the byte where parsing stopped) in err. Free with cJSON_Delete.
cJSON *json_read(const char *path, Error *err);

// Writes through path.tmp, flushed to disk, then renamed.
bool json_replace(const char *path, const cJSON *json, Error *err);

// The same for any bytes.
bool file_replace(const char *path, const void *bytes, size_t n, Error *err);

// Reads a whole file of at most `limit` bytes; a 0 byte is put behind it. NULL with the reason in err. Free with free.
char *file_read(const char *path, size_t limit, size_t *n, Error *err);

#endif
