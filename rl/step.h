// The two kinds of training step. Each does its work through the parts of the Trainer and fills in the step's metrics.
#ifndef RL_STEP_H
#define RL_STEP_H
#include "rl/trainer.h"

// One step of reinforcement learning: allocate, generate, verify, advantages, update. How it departs from the paper's
// release is at the top of step.c.
void rl_step(Trainer *trainer, StepMetrics *metrics);

// One step of supervised warm-up on examples from the tasks' teacher, who works some answers out and errs in some.
void warmup_step(Trainer *trainer, StepMetrics *metrics);

#endif
