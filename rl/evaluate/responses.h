// Optional (./eval): the responses of an evaluation as JSON lines, kept in a partial file while it runs, from which an
// interrupted evaluation resumes.
//
//   FILE.partial   first line: the evaluation's identity (model, data, seed, sampling flags); then the rows so far
//   FILE           the rows alone, written at the end and moved into place at once
//
// A row: {"set", "prompt_id", "sample", "prompt", "gold", "response", "response_hex"?, "verdict", "reward", "span":
// [begin, end], "tokens"}, ordered by set, problem and sample. JSON holds text: if the response contains a NUL or is
// not UTF-8 (a character cut by the length limit), "response" shows those bytes as U+FFFD and "response_hex" holds all
// of them exactly. ./eval --score reads both.
//
// Only problems with all of their rows are resumed; whatever follows the last of them (a row cut short by a power
// failure, say) is cut off and generated again.
#ifndef RL_EVALUATE_RESPONSES_H
#define RL_EVALUATE_RESPONSES_H
#include "rl/evaluate/vote.h"
#include <cjson/cJSON.h>

typedef struct ResponseFile ResponseFile;

// Opens or creates the partial file at `path`, for this process alone. An existing one must have the same identity; if
// not, err names the first difference. With `fresh` an existing one is discarded. NULL with the reason in err.
ResponseFile *responses_open(const char *path, const cJSON *identity, bool fresh, Error *err);

// writes responses (n), all but start and length, as saved for this problem; the caller frees every text, whatever is
// returned: 1; 0 if the file has no more whole problems, after which it takes rows; -1 with the reason in err if a row
// belongs to another problem.
int responses_read(ResponseFile *file, const Problem *problem, int n, Response *responses, Error *err);

// Sets err to the file, the number of the last line read and `what`; returns false.
bool responses_refuse(const ResponseFile *file, const char *what, Error *err);

// Appends a row. A full disk ends the program with a message; what was flushed before can be resumed.
void responses_write(ResponseFile *file, const char *set, const Problem *problem, int sample, const Response *response);
void responses_flush(ResponseFile *file);

// Ends the evaluation: writes the rows to `to` (NULL: nowhere) and removes the partial file.
bool responses_finish(ResponseFile *file, const char *to, Error *err);
void responses_close(ResponseFile *file); // leaves the partial file as it is; NULL is allowed

#endif
