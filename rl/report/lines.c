// Optional (report).
#include "rl/report/lines.h"
#include "base/files.h"
#include <math.h>
#include <string.h>

bool lines_open(Lines *lines, const char *dir, const char *name, Error *err) {
    char path[FILE_PATH_SIZE]; // longer ones are too long for the system
    *lines = (Lines){0};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    Error why;
    lines->file = file_open(path, &why);
    return lines->file || fail(err, "%.400s; is this the folder of a run?", why.text);
}

// One object with nothing but white space after it.
static cJSON *parse_object(const char *line, size_t length) {
    const char *end = NULL;
    cJSON *object = cJSON_ParseWithLengthOpts(line, length, &end, false);
    if (object && cJSON_IsObject(object) && strspn(end, " \t\r\n") == length - (size_t)(end - line)) return object;
    cJSON_Delete(object);
    return NULL;
}

cJSON *lines_next(Lines *lines) {
    for (;;) {
        lines->offset = ftello(lines->file);
        const ssize_t length = getline(&lines->line, &lines->capacity, lines->file);
        if (length < 0) return NULL;
        cJSON *object = parse_object(lines->line, (size_t)length);
        if (object) return object;
        if (strspn(lines->line, " \t\r\n") == (size_t)length) continue;
        if (lines->line[length - 1] == '\n') lines->unreadable++;
        else lines->cut_off = true;
    }
}

cJSON *lines_at(Lines *lines, long long offset) {
    if (fseeko(lines->file, (off_t)offset, SEEK_SET) != 0) return NULL;
    const ssize_t length = getline(&lines->line, &lines->capacity, lines->file);
    return length < 0 ? NULL : parse_object(lines->line, (size_t)length);
}

void lines_close(Lines *lines) {
    if (lines->file) fclose(lines->file);
    free(lines->line);
    *lines = (Lines){0};
}

double json_number(const cJSON *object, const char *name) {
    double x = json_double(object, name, NAN);
    return isfinite(x) ? x : NAN;
}
