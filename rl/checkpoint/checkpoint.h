// Optional (checkpoints): OUT/checkpoints/step-NNNNNNN holds the model as Hugging Face writes one (config.json,
// model.safetensors, tokenizer.json, ...) and trainer.safetensors: optimizer state, history, and in its metadata the
// counters and flags of the run. With --kl-coef, once RL has begun, it also holds the weights that RL began with
// ("reference", 4 bytes a parameter), so a checkpoint needs nothing outside its folder. model.safetensors is always
// fp32, so it also holds the master weights of a bf16 run. The position in the data and all random numbers follow from
// the counters. A checkpoint is written into a folder with a temporary name, flushed, and renamed; its manifest
// (rl/checkpoint/manifest.h) is checked before it is loaded.
// docs/trust.md says what is promised.
#ifndef RL_CHECKPOINT_CHECKPOINT_H
#define RL_CHECKPOINT_CHECKPOINT_H
#include "rl/trainer.h"

// Before anything is written to --out: makes and locks the folder (rl/checkpoint/run_folder.h) until trainer->log is
// closed.
bool checkpoint_begin(Trainer *trainer, Error *err);

// With --resume loads the latest checkpoint of --out. One that is damaged, impossible, or of a run with other flags or
// data is refused with its reason and, if there is an older one, how to resume from that. A run that ended before its
// first checkpoint starts again, reported on stderr. With --overwrite removes the run in --out.
bool checkpoint_load(Trainer *trainer, Error *err);

// All ranks call, rank 0 writes. The files are the same for any number of ranks, with --zero or without, so a run may
// resume on another number. Keeps the latest --keep checkpoints; after a failure all. A failure is reported on stderr;
// the run can continue.
bool checkpoint_save(Trainer *trainer);

// Ends a run: writes the model alone to OUT/model if the run is complete, else a checkpoint; prints the summary, writes
// the report. False where model, checkpoint or stdout could not be written, or no gradient of the run was finite.
bool checkpoint_finish(Trainer *trainer, bool complete);

#endif
