// Evaluation of a policy on a prompt set: samples of every prompt, judged. Kept apart from the training reward.
#ifndef RL_EVALUATE_H
#define RL_EVALUATE_H
#include "rl/trainer.h"

// The random streams of evaluation: never those of a training step, which are numbered from 0.
enum { EVALUATE_STREAM = 0x40000000 };

// Samples `samples` responses to every held-out prompt at the training temperature and fills heldout_pass1 with its
// 95 % interval (bootstrap over prompts), heldout_worked, heldout_length, and, with histogram, pass_hist.
void evaluate_heldout(Trainer *trainer, int samples, bool histogram, StepMetrics *metrics);

#endif
