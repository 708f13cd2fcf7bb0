// Optional (ranks): what the ranks of a job must agree on before they train together, and how a failure of one ends all
// of them with one message.
#ifndef RL_RANKS_H
#define RL_RANKS_H
#include "rl/trainer.h"

// Whether `ok` is true on every rank. If not, err holds on rank 0 the reason of the lowest rank that failed, and is
// empty on the others. All ranks call it at the same place, after comm_attach: it is a barrier too.
bool ranks_agree(Comm *comm, bool ok, Error *err);

// Whether all ranks hold the same flags, data, and weights with all else that a checkpoint restores. If not, err holds
// on rank 0 which rank differs in which of them, and is empty on the others. Flags that say how a machine works
// (threads, slots, ...) may differ. With --zero 1 the moments, of which every rank holds a part, are not compared.
bool ranks_same(Trainer *trainer, Error *err);

// Prints "PROGRAM: reason", once for all ranks where ranks_agree or the launcher ends them together, and leaves the job
// together with them. comm may be NULL. Returns 2, the status of bad use.
int ranks_refuse(Comm *comm, const char *program, const Error *err);

#endif
