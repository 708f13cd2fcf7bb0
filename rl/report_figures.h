// The body of the report: curves of learning, stability, modulation and speed, and the bars of allocation.
#ifndef RL_REPORT_FIGURES_H
#define RL_REPORT_FIGURES_H
#include <stdio.h>
#include "rl/report_log.h"

// Tables (allocation, pass rates, verdicts) come from `run`, curves are drawn from `thin`. A figure without data, and a
// section without figures, is left out.
void figures_write(FILE *out, const Run *run, const Run *thin);

#endif
