// Collectives between ranks: one process a device, data parallel. comm.c is MPI (or one rank, where the build found no
// MPI); comm.cu is NCCL, whoever started the ranks (rendezvous.h). Every rank must make the same calls in the same order.
#ifndef KERNELS_DEVICE_COMM_H
#define KERNELS_DEVICE_COMM_H
#include "kernels/device/device.h"
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

// In place, over all ranks. Host arrays; reduced in one place (comm.c) or in one order (comm.cu), so every rank has the same bits.
void comm_sum(Comm *comm, double *h_x, size_t n);
void comm_max(Comm *comm, double *h_x, size_t n);
void comm_broadcast(Comm *comm, void *h_bytes, size_t n); // from rank 0
void comm_barrier(Comm *comm);

// Sums n fp32 values on the device over all ranks, in place (gradients). It begins when dev has done the work given to it so
// far, and goes on beside later work, which leaves x alone until comm_sum_device_end: then all sums begun are done.
// shares: rank r gets share r of the sums only, of n / ranks values (n a multiple of it), and the rest of its x becomes undefined
// (reduce-scatter). In the C build every value is summed in rank order: its bits do not depend on how a buffer is cut.
void comm_sum_device_begin(Comm *comm, Device *dev, float *x, size_t n, bool shares);
void comm_sum_device_end(Comm *comm, Device *dev);

// x (ranks, bytes) on the device: rank r brings x[r] and gets all others' (all-gather).
void comm_gather_device(Comm *comm, Device *dev, void *x, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
