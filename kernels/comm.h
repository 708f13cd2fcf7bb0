// Collectives between ranks: one process a device, data parallel. comm.c is MPI (or one rank, where the build found no
// MPI); comm.cu is NCCL, whoever started the ranks (lifeline.h). Every rank must make the same calls in the same order.
#ifndef KERNELS_COMM_H
#define KERNELS_COMM_H
#include "kernels/device.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef struct Comm Comm;

Comm *comm_open(int *argc, char ***argv, Error *err); // NULL with the reason in err
void comm_close(Comm *comm);
int comm_rank(const Comm *comm);
int comm_size(const Comm *comm);
int comm_local_rank(const Comm *comm); // on this machine: which GPU to open

// After device_open, before any call below: here the ranks of the CUDA build meet, and a rank that dies from here on ends
// all others with a message. comm_detach before device_close, by all ranks.
bool comm_attach(Comm *comm, Device *dev, Error *err);
void comm_detach(Comm *comm);

// In place, over all ranks. Host arrays; reduced in one place (comm.c) or in one order (comm.cu): every rank has the same bits.
void comm_sum(Comm *comm, double *h_x, size_t n);
void comm_max(Comm *comm, double *h_x, size_t n);
void comm_broadcast(Comm *comm, void *h_bytes, size_t n); // from rank 0
void comm_barrier(Comm *comm);

// In place sum of n fp32 values on the device (gradients).
void comm_sum_device(Comm *comm, Device *dev, float *x, size_t n);

#ifdef __cplusplus
}
#endif
#endif
