// Optional (report): reads a file of one JSON object a line, as a run leaves it behind: the last line may be cut off
// (the run was killed), any line may be damaged. Such lines are skipped and counted; only opening the file can fail.
#ifndef RL_REPORT_LINES_H
#define RL_REPORT_LINES_H
#include "base/json.h"

typedef struct Lines {
    FILE *file;
    char *line; // owned
    size_t capacity;
    long long offset;  // byte offset of the line returned last
    size_t unreadable; // complete lines that are not one JSON object
    bool cut_off;      // the last line has no newline and does not parse
} Lines;

// Opens dir/name. False with the reason in err if it cannot be opened; `lines` is then closed.
bool lines_open(Lines *lines, const char *dir, const char *name, Error *err);

// The next line that holds an object, owned by the caller (cJSON_Delete); NULL at the end of the file.
cJSON *lines_next(Lines *lines);

// The object on the line at `offset`, as lines_next reported it; NULL if there is none.
cJSON *lines_at(Lines *lines, long long offset);

void lines_close(Lines *lines);

// Number under `name`: NaN if it is missing, not a number, or not finite.
double json_number(const cJSON *object, const char *name);

#endif
