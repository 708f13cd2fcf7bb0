// Optional (report): the result of a run on the terminal: the held-out prompts before and after reinforcement learning.
#ifndef RL_REPORT_SUMMARY_H
#define RL_REPORT_SUMMARY_H
#include "base/check.h"

// Reads dir/metrics.jsonl and prints the first and the last evaluation of the RL phase side by side; prints nothing if
// there were not two. False with the reason in err only if the file cannot be opened.
bool summary_print(const char *dir, FILE *out, Error *err);

#endif
