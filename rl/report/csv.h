// Optional (report): figures of one or more runs as a table for spreadsheets and plotting programs.
#ifndef RL_REPORT_CSV_H
#define RL_REPORT_CSV_H
#include "base/check.h"

// Writes to `out` a line `run,phase,step,global_step,NAME,...` with the names in `list` (comma-separated figures of
// metrics.jsonl), then a line for each row of each run's log that has one of them, in the log's order; a cell is empty
// where the row has no such number. False with the reason in err: a metrics.jsonl that cannot be opened, a name that no
// run has, too many names.
bool report_csv(FILE *out, const char *list, const char *const *dirs, int runs, Error *err);

#endif
