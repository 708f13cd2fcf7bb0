// Optional (--config): flags from a file. It is either text,
//
//   # a comment, up to the end of its line
//   method = grpo          # one flag a line, its name without the dashes
//   resume = yes           # a switch: yes or no
//
// or JSON: the flags as an object, or an object whose "flags" are one, such as the run.json of a run.
#include "base/files.h"
#include "base/flags_text.h"
#include "base/json.h"
#include <ctype.h>
#include <string.h>

enum { FILE_LIMIT = 1 << 20 };

// What a run does once; a file that says how a run is set up cannot ask for it by being a run's own record.
static bool is_action(const char *name) {
    return strcmp(name, "resume") == 0 || strcmp(name, "overwrite") == 0 || strcmp(name, "plan") == 0 ||
           strcmp(name, "fresh") == 0;
}

static bool set_flag(const FlagTable *table, void *config, const char *name, const char *value, Error *err) {
    char typed[80];
    const Flag *f = flags_find(table, name, strlen(name));
    if (strcmp(name, "config") == 0) return fail(err, "a file cannot name another by --config");
    snprintf(typed, sizeof typed, "--%s", name);
    return f ? flag_set(f, config, value, err) : flags_refuse_name(table, typed, err);
}

// Removes white space at both ends.
static char *trim(char *text) {
    while (isspace((unsigned char)*text)) text++;
    size_t n = strlen(text);
    while (n && isspace((unsigned char)text[n - 1])) n--;
    text[n] = 0;
    return text;
}

// Cuts off a comment: # at the start of the line or after white space, so that a value may contain one.
static void cut_comment(char *line) {
    for (char *at = line; (at = strchr(at, '#')); at++)
        if (at == line || isspace((unsigned char)at[-1])) {
            *at = 0;
            return;
        }
}

static bool read_line(const FlagTable *table, void *config, char *line, Error *err) {
    cut_comment(line);
    char *name = trim(line), *equals = strchr(name, '=');
    if (!*name) return true;
    if (!equals) return fail(err, "\"%.60s\": must be name = value", name);
    *equals = 0;
    name = trim(name);
    if (strncmp(name, "--", 2) == 0) name += 2;
    return set_flag(table, config, name, trim(equals + 1), err);
}

static bool read_text(const FlagTable *table, void *config, char *text, const char *path, Error *err) {
    Error why;
    int number = 1;
    for (char *line = text, *next; line; line = next, number++) {
        if ((next = strchr(line, '\n'))) *next++ = 0;
        if (!read_line(table, config, line, &why)) return fail(err, "%.200s:%d: %.280s", path, number, why.text);
    }
    return true;
}

static bool read_value(const FlagTable *table, void *config, const cJSON *item, Error *err) {
    if (is_action(item->string) || strcmp(item->string, "config") == 0) return true;
    if (cJSON_IsString(item)) return set_flag(table, config, item->string, item->valuestring, err);
    if (cJSON_IsBool(item)) return set_flag(table, config, item->string, cJSON_IsTrue(item) ? "yes" : "no", err);
    char *text = cJSON_IsNumber(item) ? cJSON_PrintUnformatted(item) : NULL;
    bool ok = text ? set_flag(table, config, item->string, text, err)
                   : fail(err, "\"%.60s\": must be a number, a text, true or false", item->string);
    cJSON_free(text);
    return ok;
}

static bool read_json(const FlagTable *table, void *config, const char *path, Error *err) {
    cJSON *json = json_read(path, err);
    const cJSON *flags = json_get(json, "flags"), *from = cJSON_IsObject(flags) ? flags : json, *item;
    Error why;
    bool ok = json != NULL;
    cJSON_ArrayForEach(item, from) {
        if (ok && !read_value(table, config, item, &why)) ok = fail(err, "%.200s: %.280s", path, why.text);
    }
    cJSON_Delete(json);
    return ok;
}

bool flags_read_file(const FlagTable *table, void *config, const char *path, Error *err) {
    size_t n;
    char *text = file_read(path, FILE_LIMIT, &n, err);
    if (!text) return false;
    bool json = text[strspn(text, " \t\r\n")] == '{', zero = strlen(text) != n;
    bool ok = json   ? read_json(table, config, path, err)
              : zero ? fail(err, "%.300s: holds a zero byte: not a text of flags", path)
                     : read_text(table, config, text, path, err);
    free(text);
    return ok;
}

bool flags_read_files(const FlagTable *table, void *config, int argc, char **argv, Error *err) {
    for (int a = 1; a < argc; a++) {
        const char *path = strncmp(argv[a], "--config=", 9) == 0 ? argv[a] + 9 : NULL;
        if (strcmp(argv[a], "--config") == 0 && a + 1 < argc) path = argv[++a];
        if (path && !flags_read_file(table, config, path, err)) return false;
    }
    return true;
}
