// Optional (report).
#include "rl/report/flags.h"
#include "base/files.h"
#include "base/json.h"
#include <unistd.h>

static void copy(cJSON *to, const char *name, const cJSON *item) {
    if (item) cJSON_AddItemToObject(to, name, cJSON_Duplicate(item, true));
}

cJSON *run_flags(const char *dir) {
    char path[FILE_PATH_SIZE];
    Error err;
    snprintf(path, sizeof path, "%s/run.json", dir);
    cJSON *json = access(path, F_OK) == 0 ? json_read(path, &err) : NULL;
    cJSON *flags = cJSON_DetachItemFromObjectCaseSensitive(json, "flags");
    if (flags && !cJSON_IsObject(flags)) cJSON_Delete(flags), flags = NULL;
    if (flags) {
        copy(flags, "parameters", json_get(json_get(json, "model"), "parameters"));
        copy(flags, "device", json_get(json, "device"));
        copy(flags, "ranks", json_get(json, "ranks"));
        copy(flags, "version", json_get(json, "version"));
        cJSON_DeleteItemFromObjectCaseSensitive(flags, "overwrite"); // two runs that differ in this alone are the same
    }
    cJSON_Delete(json);
    return flags;
}
