// Checkpoints: OUT/checkpoints/step-NNNNNNN holds the model as Hugging Face writes one (config.json, model.safetensors,
// tokenizer.json, ...) and trainer.safetensors: optimizer state, fp32 master weights where the model's are not, history, and
// in its metadata the counters and the flags of the run. Position in the data and random numbers follow from the
// counters alone. A checkpoint is written into a folder with a temporary name, flushed, and renamed.
#ifndef RL_CHECKPOINT_H
#define RL_CHECKPOINT_H
#include "rl/trainer.h"

// All ranks call, rank 0 writes: the same files however many there are and whether they share out the state (--zero), so any
// number of ranks may go on. Keeps the newest --keep checkpoints. A failure is reported and the run goes on without.
bool checkpoint_save(Trainer *trainer, Error *err);

// The newest checkpoint of --out; refused with its reason where it was made with other flags or is damaged, and then, where
// there is an older one, with how to go on from that. No checkpoint at all: a fresh start, said on stderr.
bool checkpoint_load(Trainer *trainer, Error *err);

// The model alone, for users of it: OUT/model.
bool checkpoint_save_model(Trainer *trainer, Error *err);

#endif
