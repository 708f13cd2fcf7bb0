// Optional (report): the report: one HTML page (page.html) with the logs of one or more runs embedded as JSON. It loads
// nothing else.
//
// Reads, from a run's folder,
//   run.json        the flags (rl/run_record.h); of older runs in a line {"phase": "config", ...} of metrics.jsonl
//   metrics.jsonl   one object a line, per step {"phase": "sft" | "rl", "step": ..., ...} with the figures of
//                   rl/metrics.h. Shares are in [0, 1]. Tables:
//                     n_hist         {"8": 12, "9": 3, ...}  prompts of this step that got 8, 9, ... rollouts
//                     alloc_by_pass  [[prompts, rollouts] x 11]  this step, by the prompt's pass rate in the history
//                     pass_hist      [11 counts]  held-out prompts by pass rate
//                     verdicts       {"correct": 70, ...}  rollouts of this step by verdict
//                   Of the 11 bins, 0 holds a rate of exactly 0 and 10 exactly 1; the others the nearest tenth.
//   rollouts.jsonl  {"step", "prompt_id", "rollout", "prompt", "gold", "reward", "verdict", "advantage" (A), "tokens":
//                   [{"text", "logp", "entropy", "b_comp", "b_stab", "advantage" (A b_comp b_stab)}, ...]}; optional
// Any field may be missing; a figure that the page does not know is drawn without an explanation. Damaged lines, and
// what is too large or not finite, are left out, and the notes of the page say how much.
#ifndef RL_REPORT_REPORT_H
#define RL_REPORT_REPORT_H
#include "base/check.h"

enum { REPORT_RUNS_MAX = 64 };

// Writes the page of the runs in dirs[0..runs) to `path`, replacing it atomically. The page's size is bounded whatever
// the logs hold. False with the reason in err if a metrics.jsonl cannot be opened, memory runs out, or the page cannot
// be written; an earlier page is then unchanged. The same files give the same page, byte for byte.
bool report_write_runs(const char *path, const char *const *dirs, int runs, Error *err);

// The same for one run, into dir/report.html.
bool report_write(const char *dir, Error *err);

#endif
