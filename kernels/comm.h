// Collectives between ranks: one process a device, data parallel. comm.c is MPI (or one rank, where the build found no
// MPI); comm.cu is NCCL. Every rank must make the same calls in the same order.
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
void comm_attach(Comm *comm, Device *dev); // after device_open; the CUDA build needs the device for its collectives

// In place, over all ranks. Host arrays; the sum is taken in rank order, so every rank has the same bits.
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
