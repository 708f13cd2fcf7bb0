// Optional (checkpoints): OUT/checkpoints/step-NNNNNNN holds the model as Hugging Face writes one (config.json,
// model.safetensors, tokenizer.json, ...) and trainer.safetensors: optimizer state, history, and in its metadata the
// counters and flags of the run. model.safetensors is always fp32, so it also holds the master weights of a bf16 run.
// The position in the data and all random numbers follow from the counters. A checkpoint is written into a folder with
// a temporary name, flushed, and renamed.
#ifndef RL_CHECKPOINT_H
#define RL_CHECKPOINT_H
#include "rl/trainer.h"

// All ranks call, rank 0 writes. The files are the same for any number of ranks, with --zero or without, so a run may
// resume on another number. Keeps the latest --keep checkpoints. A failure is reported on stderr; the run can continue.
bool checkpoint_save(Trainer *trainer);

// Loads the latest checkpoint of --out. A checkpoint that is damaged, or of a run with other flags, is refused with its
// reason and, if there is an older one, how to resume from that. No checkpoint: a fresh start, reported on stderr.
bool checkpoint_load(Trainer *trainer, Error *err);

// Ends a run: writes the model alone to OUT/model if the run is complete, else a checkpoint; prints the summary, writes
// the report. False where model or checkpoint could not be written.
bool checkpoint_finish(Trainer *trainer, bool complete);

#endif
