// The responses of an evaluation as JSON lines, kept in a partial file while it runs, so that an interrupted one goes on.
//
//   FILE.partial   first line: the evaluation's identity (model, data, seed, flags of sampling); then the rows so far
//   FILE           the rows alone, put there in one piece when all is done
//
// A row: {"set", "prompt_id", "sample", "prompt", "gold", "response", "response_hex"?, "verdict", "span": [begin, end],
// "tokens"}. Rows stand set by set, problem by problem, sample by sample. JSON holds text: where the response has a NUL or
// is not UTF-8 (a character cut by the length limit), "response" shows those bytes as U+FFFD and "response_hex" has all of
// them as they are. ./eval --score reads both.
//
// Only problems with all of their rows are taken back; what stands behind the last of them (a row cut short by a power
// failure, say) is cut off and generated again.
#ifndef RL_EVALUATE_RESPONSES_H
#define RL_EVALUATE_RESPONSES_H
#include "rl/evaluate/vote.h"
#include <cjson/cJSON.h>

typedef struct ResponseFile ResponseFile;

// Opens or begins the partial file at `path`. One that is there must carry the same identity: if not, it is refused with the
// first difference; `fresh` begins anew whatever is there. NULL with the reason in err. *resumed (may be NULL): whether rows
// may be there.
ResponseFile *responses_open(const char *path, const cJSON *identity, bool fresh, bool *resumed, Error *err);

// The name that rows carry from here on.
void responses_begin_set(ResponseFile *file, const char *name);

// writes responses (n) with malloc'd texts, as saved for this problem; start and length are not read. Returns 1; 0 where
// the file has no more whole problems, after which it takes rows; -1 with the reason in err (texts are then NULL or set,
// all the same to be freed) where a row is not this problem's.
int responses_read(ResponseFile *file, const Problem *problem, int n, Response *responses, Error *err);

// Fills err with the file, the line read last and `what`; returns false.
bool responses_refuse(const ResponseFile *file, const char *what, Error *err);

// Appends a row. A disk that is full ends the program with a message; what was flushed before stays usable.
void responses_write(ResponseFile *file, const Problem *problem, int sample, const Response *response);
void responses_flush(ResponseFile *file);

// Ends the evaluation: writes the rows to `to` (NULL: nowhere) and removes the partial file. False with the reason in err.
bool responses_finish(ResponseFile *file, const char *to, Error *err);
void responses_close(ResponseFile *file); // NULL is fine; leaves the partial file as it is

#endif
