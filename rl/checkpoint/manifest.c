// Optional (checkpoints).
#include "rl/checkpoint/manifest.h"
#include "base/files.h"
#include "base/json.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_SIZE = 2048, FORMAT = 1 };
static const char own_name[] = "manifest.json";

static int is_content(const struct dirent *entry) {
    return entry->d_name[0] != '.' && strcmp(entry->d_name, own_name) != 0;
}

static bool add_file(cJSON *files, const char *dir, const char *name, Error *err) {
    char path[PATH_SIZE];
    uint64_t hash = 0;
    size_t bytes;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (!file_hash(path, &hash, &bytes, err)) return false;
    cJSON *file = cJSON_CreateObject();
    cJSON_AddStringToObject(file, "name", name);
    cJSON_AddNumberToObject(file, "bytes", (double)bytes);
    snprintf(path, sizeof path, "%016" PRIx64, hash);
    cJSON_AddStringToObject(file, "hash", path);
    return cJSON_AddItemToArray(files, file);
}

bool manifest_write(const char *dir, int step, const cJSON *flags, Error *err) {
    char path[PATH_SIZE];
    struct dirent **entries;
    int count = scandir(dir, &entries, is_content, alphasort);
    if (count < 0) return fail(err, "%s: %s", dir, strerror(errno));
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "format", FORMAT);
    cJSON_AddNumberToObject(json, "step", step);
    cJSON_AddItemToObject(json, "flags", cJSON_Duplicate(flags, true));
    cJSON *files = cJSON_AddArrayToObject(json, "files");
    bool ok = true;
    for (int i = 0; i < count; i++) {
        ok = ok && add_file(files, dir, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    snprintf(path, sizeof path, "%s/%s", dir, own_name);
    ok = ok && json_replace(path, json, err);
    cJSON_Delete(json);
    return ok;
}

static bool check_file(const cJSON *file, const char *dir, Error *err) {
    char path[PATH_SIZE];
    const char *name = json_string(file, "name", "");
    uint64_t hash = 0;
    size_t bytes;
    if (!*name || strchr(name, '/')) return fail(err, "%s/%s: damaged: a file without a name", dir, own_name);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (!file_hash(path, &hash, &bytes, err)) return false;
    if (json_double(file, "bytes", -1) != (double)bytes)
        return fail(err, "%s: damaged: it has %zu bytes and was written with %.0f", path, bytes,
                    json_double(file, "bytes", -1));
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    return strcmp(json_string(file, "hash", ""), text) == 0 ||
           fail(err, "%s: damaged: its content is not what was written", path);
}

bool manifest_check(const char *dir, int step, Error *err) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", dir, own_name);
    cJSON *json = json_read(path, err);
    if (!json) return false;
    const cJSON *files = json_get(json, "files"), *file;
    bool ok = json_int(json, "format", -1) == FORMAT && json_int(json, "step", -1) == step && cJSON_IsArray(files);
    if (!ok) fail(err, "%s: damaged, or not of step %d", path, step);
    cJSON_ArrayForEach(file, files) ok = ok && check_file(file, dir, err);
    cJSON_Delete(json);
    return ok;
}
