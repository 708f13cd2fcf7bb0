// Optional (checkpoints): the flags that determine the bits of a run. A run resumes only under those it was started
// with.
#ifndef RL_CHECKPOINT_IDENTITY_H
#define RL_CHECKPOINT_IDENTITY_H
#include "rl/config.h"
#include <cjson/cJSON.h>

// All flags except where and how the run runs, what is shown of it, the sizes that --model DIR says itself, and the
// number of steps where no learning rate depends on it. Free with cJSON_Delete.
cJSON *identity_of_run(const TrainConfig *config);

// Whether `saved`, the identity in the checkpoint `dir`, is that of this run; flags that its version did not have are
// added to it. If not, err names the first difference.
bool identity_same(const TrainConfig *config, cJSON *saved, const char *dir, Error *err);

#endif
