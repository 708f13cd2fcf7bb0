// host only; optional (ranks): connects the ranks of a job and ends them all when one dies or stops. Any launcher
// (mpirun, srun, torchrun, a shell loop) may start them: it has to tell each process its rank, in the environment.
//
// Rank 0 listens on a port; the others connect and receive its message (the id that NCCL starts from). Where it listens
// they learn from a broadcast of MPI's, or from the rendezvous file, which holds "host port secret". The connections
// stay open for the life of the job. When a process dies, for whatever reason, the operating system closes its socket;
// every rank also sends a beat twice a second, from a thread of its own, so a process that is stopped, or whose machine
// is gone, falls silent. Either ends every other rank with a message that names the rank. MPI and NCCL alone would
// leave them waiting. A rank that computes for ever still beats: it is not noticed.
#ifndef KERNELS_DEVICE_RENDEZVOUS_H
#define KERNELS_DEVICE_RENDEZVOUS_H
#include "base/check.h"
#include "kernels/twin.h"
EXTERN_C_BEGIN

typedef struct Launch {
    int rank, size;
    int local_rank; // rank within this machine: which GPU to open
} Launch;

// Writes this process's ranks, read from the environment: RANK, WORLD_SIZE, LOCAL_RANK (torchrun), OMPI_COMM_WORLD_*
// (Open MPI), PMI_* and MPI_LOCALRANKID (MPICH, Intel MPI), SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_LOCALID (srun).
// If none is set, this is rank 0 of 1. local_rank is 0 where CUDA_VISIBLE_DEVICES names one GPU.
bool launch_read(Launch *launch, Error *err); // false with the reason in err

typedef struct Rendezvous Rendezvous;

// How the ranks learn where rank 0 listens, if not from the file: `send` copies rank 0's bytes to all ranks.
typedef struct Broadcast {
    void (*send)(void *context, void *bytes, size_t n);
    void *context;
} Broadcast;

// Connects all ranks; each calls it. Reads message (bytes) on rank 0 and writes it on the others. With `by` NULL there
// is a rendezvous file: $DYNAMO_RENDEZVOUS, which all machines of the job must see; without that variable a file in
// dynamo-UID, a folder in $TMPDIR or /tmp of this user's alone, found by the processes of one launcher. A file of
// another user, or that others may read, is ignored. Returns NULL with the reason in err after at most `seconds`. Once
// it has returned, a rank that dies, or is silent for $DYNAMO_SILENCE seconds (20), ends this process too.
Rendezvous *rendezvous_open(const Launch *launch, const Broadcast *by, void *message, size_t bytes, double seconds,
                            Error *err);
void rendezvous_close(Rendezvous *rendezvous); // all ranks call it, and leave together; this is not a death
EXTERN_C_END
#endif
