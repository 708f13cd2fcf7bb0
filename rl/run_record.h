// Optional (run.json): OUT/run.json, the record of what ran: enough to say what a result comes from, and to run it
// again (./train --config OUT/run.json).
//
//   flags        every flag as it was resolved: the model's real sizes, the threads in use, the data's folder, ...
//   model        sizes and number of parameters
//   version, compiler, device, host, cpu, ranks
//   data         of each file of --data and --heldout-data: path, bytes and hash (base/files.h); prompts and their hash
//   reward       with --reward-command: each word of it that is a file, likewise
//   sessions     one object per process: when it started and ended (UTC), how ("complete", "interrupted", "failed";
//                missing: it was killed, or still runs), its command line, folder and process id, its version and host,
//                and the steps that were done at its start
//
// A resumed run adds a session and describes itself in the fields above, which its first session may not share.
#ifndef RL_RUN_RECORD_H
#define RL_RUN_RECORD_H
#include "rl/trainer.h"

// On rank 0, once everything else is open: writes OUT/run.json and opens the log. False with the reason in err.
bool run_record_open(Trainer *trainer, Error *err);

// Records the end of this process. A failure is a warning.
void run_record_end(const Trainer *trainer, const char *outcome);

extern const char build_version[]; // `git describe` when the program was built (base/version.c)

#endif
