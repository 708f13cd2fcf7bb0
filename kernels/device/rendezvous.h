// host only: what holds the ranks of a CUDA job together, whoever started them (mpirun, srun, torchrun, a shell loop).
//
// Every launcher tells a process its rank in the environment; that is all that is needed of it. Rank 0 listens on a port
// and writes "host port secret" into the rendezvous file; the others read it, connect, and get rank 0's message (the id
// that NCCL starts from). The connections stay open for the life of the job and carry nothing but goodbyes: when a process
// dies, however it dies, the kernel closes its socket, and a thread of every other rank then ends that rank with a
// message, at once. NCCL alone would leave them hanging: between GPUs of one machine it does not notice.
#ifndef KERNELS_DEVICE_RENDEZVOUS_H
#define KERNELS_DEVICE_RENDEZVOUS_H
#include "base/check.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef struct Launch {
    int rank, size;
    int local_rank; // on this machine: which GPU
} Launch;

// Reads who this process is: RANK, WORLD_SIZE, LOCAL_RANK (torchrun), OMPI_COMM_WORLD_* (Open MPI's mpirun), PMI_* and
// MPI_LOCALRANKID (MPICH's, Intel's), SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_LOCALID (srun). None of them: rank 0 of 1.
// Where CUDA_VISIBLE_DEVICES names one GPU, local_rank is 0.
bool launch_read(Launch *launch, Error *err);

typedef struct Rendezvous Rendezvous;

// Meets the other ranks; all call it. message (bytes) is rank 0's, and is written on the others. The file is
// $DYNAMO_RENDEZVOUS, which several machines must share; without it one in /tmp that only this launcher's processes find.
// NULL with the reason in err, after at most `seconds`. From its return on, a rank that dies ends this process too.
Rendezvous *rendezvous_open(const Launch *launch, void *message, size_t bytes, double seconds, Error *err);
void rendezvous_close(Rendezvous *rendezvous); // in good order, by all ranks: nobody takes it for a death

#ifdef __cplusplus
}
#endif
#endif
