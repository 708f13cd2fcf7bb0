// Optional (terminal): what a run shows while it runs: a line a step, of at most 80 columns, and below it, where stdout
// is a terminal, a status line that is rewritten: what is being done now, and when the run will be done.
#ifndef RL_TERMINAL_H
#define RL_TERMINAL_H
#include "rl/trainer.h"

enum { TERMINAL_COLUMNS = 80 };

int train_help(void); // ./train --help; returns the exit status

// Before the first step, on rank 0: the status line follows the trainer's generator from now on.
void terminal_open(Trainer *trainer);

// After a step. show: its line is printed; otherwise only the status line follows.
void terminal_step(MetricsLog *log, const StepMetrics *metrics, bool show);

// writes about how long `seconds` are: "40 s", "12 min 05 s", "3 h 20 min", "2 d 04 h"
void terminal_duration(double seconds, char text[32]);

#endif
