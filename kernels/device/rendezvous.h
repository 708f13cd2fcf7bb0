// host only; optional (ranks): connects the ranks of a CUDA job and ends them all when one dies. Any launcher (mpirun,
// srun, torchrun, a shell loop) may start them: it has to tell each process its rank, in the environment.
//
// Rank 0 listens on a port and writes "host port secret" to the rendezvous file; the others read it, connect, and
// receive rank 0's message (the id that NCCL starts from). The connections stay open for the life of the job and carry
// only goodbyes. When a process dies, for whatever reason, the operating system closes its socket, and a thread of
// every other rank ends that rank at once with a message. NCCL alone would leave the others hanging: between GPUs of
// one machine it does not notice a death.
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

// Connects all ranks; each calls it. Reads message (bytes) on rank 0 and writes it on the others. The rendezvous file
// is $DYNAMO_RENDEZVOUS, which all machines of the job must see; without that variable it is a file in /tmp, found by
// the processes of one launcher. Returns NULL with the reason in err after at most `seconds`. Once it has returned, a
// rank that dies ends this process too.
Rendezvous *rendezvous_open(const Launch *launch, void *message, size_t bytes, double seconds, Error *err);
void rendezvous_close(Rendezvous *rendezvous); // all ranks call it; leaving this way is not a death
EXTERN_C_END
#endif
