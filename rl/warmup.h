// Supervised warm-up: one step of learning from the tasks' teacher, who works some answers out and errs in some.
#ifndef RL_WARMUP_H
#define RL_WARMUP_H
#include "rl/trainer.h"

void warmup_step(Trainer *trainer, StepMetrics *metrics);

#endif
