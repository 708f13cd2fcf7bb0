// The top of the report: what was trained, how well it did before and after, what it cost; and the configuration.
#ifndef RL_REPORT_HEADLINE_H
#define RL_REPORT_HEADLINE_H
#include <stdio.h>
#include "rl/report_log.h"

// "method on data, model", escaped; "Training run" where the log has no configuration.
void headline_title(FILE *out, const Run *run);

// Title line; held-out pass@1 at the first and the last evaluation of the RL phase (of the warm-up, if RL has none),
// each with the interval that the run logged; its curve, drawn from `thin`; steps, tokens, time and speed of `run`.
void headline_write(FILE *out, const Run *run, const Run *thin);

// The configuration's flat fields as a folded table. Nothing without one.
void headline_config(FILE *out, const Run *run);

#endif
