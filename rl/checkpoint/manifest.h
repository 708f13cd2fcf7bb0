// Optional (checkpoints): DIR/manifest.json: size and hash (base/files.h) of every file in the folder of a checkpoint.
//
//   {"format": 1, "step": 50, "flags": {...}, "files": [{"name", "bytes", "hash"}, ...]}
//
// It is written last and checked before anything of the checkpoint is believed. It protects against accidents: flipped
// bits, short files, files of another step or run. Who can write files can also write a manifest to match.
#ifndef RL_CHECKPOINT_MANIFEST_H
#define RL_CHECKPOINT_MANIFEST_H
#include "base/check.h"
#include <cjson/cJSON.h>

bool manifest_write(const char *dir, int step, const cJSON *flags, Error *err); // of all files in dir

// False where a file is missing or differs, with its name in err, and where the manifest is missing or of another step.
bool manifest_check(const char *dir, int step, Error *err);

#endif
