#include "base/files.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *file_read(const char *path, size_t limit, size_t *n, Error *err) {
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (!file) {
        fail(err, "%s: %s", path, strerror(errno));
        return NULL;
    }
    char *bytes = NULL;
    if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) fail(err, "%s: not a regular file", path);
    else if ((size_t)info.st_size > limit) fail(err, "%s: %lld bytes; at most %zu are read", path, (long long)info.st_size, limit);
    else if (!(bytes = malloc((size_t)info.st_size + 1))) fail(err, "%s: out of memory", path);
    if (bytes) {
        *n = fread(bytes, 1, (size_t)info.st_size, file);
        bytes[*n] = 0;
    }
    fclose(file);
    return bytes;
}

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

bool file_replace(const char *path, const void *bytes, size_t n, Error *err) {
    char temporary[4200];
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    FILE *file = fopen(temporary, "wb");
    if (!file) return fail(err, "%s: %s", temporary, strerror(errno));
    bool ok = fwrite(bytes, 1, n, file) == n && fflush(file) == 0 && fsync(fileno(file)) == 0;
    ok = fclose(file) == 0 && ok;
    if (ok && rename(temporary, path) == 0) return true;
    fail(err, "%s: %s", path, strerror(errno));
    unlink(temporary);
    return false;
}

bool json_replace(const char *path, const cJSON *json, Error *err) {
    char *text = cJSON_Print(json);
    if (!text) return fail(err, "%s: out of memory", path);
    bool ok = file_replace(path, text, strlen(text), err);
    cJSON_free(text);
    return ok;
}
