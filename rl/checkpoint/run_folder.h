// Optional (checkpoints): the files of a run in OUT. A process locks OUT while it writes there; what a run leaves is
// neither overwritten nor deleted unless --resume or --overwrite asks for it; deleting follows no symbolic link and
// removes only files that this program names.
#ifndef RL_CHECKPOINT_RUN_FOLDER_H
#define RL_CHECKPOINT_RUN_FOLDER_H
#include "rl/config.h"

enum { RUN_PATH_SIZE = FLAG_TEXT_SIZE + 64 }; // OUT and a folder's name below it

// Makes and locks OUT: the lock lasts until *lock is closed, or the process ends in whatever way. Completes or removes
// what a killed run left half-done. Errors: another process holds the lock; a run's files are there, without --resume
// or --overwrite; --resume where there is no folder; an input of this run is inside OUT; a name of ours is a link or
// not of its kind.
bool run_folder_open(const TrainConfig *config, FILE **lock, Error *err);

bool run_folder_clear(const TrainConfig *config, Error *err); // removes the run's files

// The steps of the checkpoints in OUT/checkpoints, ascending, malloc'd to *steps. Returns how many, or -1 with the
// reason in err if they cannot be listed.
int run_folder_steps(const char *out, int **steps, Error *err);

// Removes the model or checkpoint at `path`. Anything that is not ours stays, and with it the folder: an error.
bool run_folder_remove(const char *path, Error *err);

#endif
