// Reads a file of one JSON object a line, as a run leaves it behind: the last line may be cut off in the middle (the
// run was killed), any line may be damaged. Such lines are passed over and counted; nothing here fails but the opening.
#ifndef RL_REPORT_LINES_H
#define RL_REPORT_LINES_H
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include "base/check.h"

typedef struct Lines {
    FILE *file;
    char *line; // owned
    size_t capacity;
    long long offset;  // byte offset of the line returned last
    size_t unreadable; // complete lines that are not one JSON object
    bool cut_off;      // the last line has no newline and does not parse
} Lines;

// False with a message if dir/name cannot be opened; `lines` is then closed.
bool lines_open(Lines *lines, const char *dir, const char *name, Error *err);

// The next line that holds an object, owned by the caller (cJSON_Delete); NULL at the end of the file.
cJSON *lines_next(Lines *lines);

// The object on the line at `offset`, as lines_next once reported it; NULL if there is none.
cJSON *lines_at(Lines *lines, long long offset);

void lines_close(Lines *lines);

// Number under `name`: NaN where it is missing, no number, or not finite. true and false count as 1 and 0.
double json_number(const cJSON *object, const char *name);

// String under `name`; NULL where it is missing or no string. Owned by the object.
const char *report_json_string(const cJSON *object, const char *name);

#endif
