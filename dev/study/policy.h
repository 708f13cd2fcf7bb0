// Optional (study): a trained policy, opened for measurement with the parts of the trainer that made it.
#ifndef DEV_STUDY_POLICY_H
#define DEV_STUDY_POLICY_H
#include "rl/trainer.h"

typedef struct Policy {
    Trainer trainer; // of the policy's model
    long long step;  // RL steps that the policy has had; -1: the model folder does not say
    bool moments;    // the optimizer has the moments of that step; else it starts as training does, from zero
    bool history;    // the history is that step's
} Policy;

// Opens `checkpoint`, a folder of OUT/checkpoints or any model folder, with the configuration of the run that made it,
// of which model, out, resume and overwrite do not count. A trainer needs a folder to write in: it gets one in TMPDIR,
// which is removed again before this returns. Errors: what trainer_open refuses; a history of other prompts
// than config->data gives. False with one line in err. Close with policy_close in either case.
bool policy_open(Policy *policy, const char *checkpoint, const TrainConfig *config, Error *err);
void policy_close(Policy *policy);

// Random streams of measurements (SampleConfig.step), apart from those of training and evaluation.
enum { STREAM_SURVEY = 0x48000000, STREAM_SCORES, STREAM_BATCH };

// Room for `count` rollouts of this policy, outside any step; rollout_batch_free frees it.
void policy_room(Policy *policy, RolloutBatch *batch, int count);

// Samples `each` rollouts of each of the P prompts into batch and grades them, as a training step does. Reward 1 is a
// correct one. Rollout j of prompt i is batch->rollouts[i * each + j]. Its tokens depend on seed, stream, prompt and j
// alone.
void policy_sample(Policy *policy, RolloutBatch *batch, const Prompt *prompts, int P, int each, uint32_t stream);

// The batch of training step number `step`: its prompts, --rollouts of each, with rewards, and the advantages of GRPO.
// Left in trainer.batch and, with the weights of the token mean, in trainer.sequences; returns the sequences, all
// rollouts in the batch's order.
int policy_batch(Policy *policy, int step);

// The objective of plain GRPO at the sampler's temperature, with clips but without modulation.
PolicyObjective policy_objective(const Policy *policy);

#endif
