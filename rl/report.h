// The report of a run: one HTML page that holds everything it shows (style, script, figures, samples) and loads
// nothing.
//
// Reads, from the run's folder,
//   metrics.jsonl   one object a line. {"phase": "config", ...} with flat fields (method, data, model, parameters,
//   seed,
//                   allocation, modulation, ...), and per step {"phase": "sft" | "rl", "step": ..., ...}; the numbers
//                   are named in report_log.c. Shares are in [0, 1]. Tables:
//                     n_hist         {"8": 12, "9": 3, ...}  prompts of this step that got 8, 9, ... rollouts
//                     alloc_by_pass  [[prompts, rollouts] x 11]  this step, by the prompt's pass rate in the history
//                     pass_hist      [11 counts]  held-out prompts by pass rate
//                     verdicts       {"correct": 70, ...}  rollouts of this step by verdict
//                   Of the 11 bins, 0 holds a rate of exactly 0 and 10 exactly 1; the others the nearest tenth, so that
//                   every rate strictly between 0 and 1 lies in bins 1..9.
//   rollouts.jsonl  {"step", "prompt_id", "rollout", "prompt", "gold", "reward", "verdict", "advantage" (A), "tokens":
//                   [{"text", "logp", "entropy", "b_comp", "b_stab", "advantage" (A b_comp b_stab)}, ...]}; may be
//                   absent
// and writes report.html there. Either file may end in the middle of a line or be damaged in places: such lines are
// left out, and the page says how many. Any field may be missing: what cannot be drawn is not drawn.
#ifndef RL_REPORT_H
#define RL_REPORT_H
#include <stdbool.h>
#include "base/check.h"

// Writes dir/report.html, under a temporary name first, so that a reader sees the old page or the new one and never
// half of one. False with a message if metrics.jsonl cannot be opened, memory runs out, or the page cannot be written;
// an earlier page then stays as it was. The same files give the same page, byte for byte.
bool report_write(const char *dir, Error *err);

#endif
