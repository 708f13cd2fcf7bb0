// One step of reinforcement learning: allocate, generate, verify, advantages, modulate, update. Departures from the
// paper's release stand at the top of step.c.
#ifndef RL_STEP_H
#define RL_STEP_H
#include "rl/trainer.h"

void rl_step(Trainer *trainer, StepMetrics *metrics);

#endif
