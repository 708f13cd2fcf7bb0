// Optional (ranks): collectives for data parallel training, one process per device. All ranks must make the same calls
// in the same order. comm.c uses MPI, or has one rank if built without; comm.cu uses NCCL, under any launcher.
#ifndef KERNELS_DEVICE_COMM_H
#define KERNELS_DEVICE_COMM_H
#include "kernels/device/device.h"
EXTERN_C_BEGIN

typedef struct Comm Comm;

Comm *comm_open(int *argc, char ***argv, Error *err); // NULL with the reason in err; free with comm_close
void comm_close(Comm *comm);
int comm_rank(const Comm *comm);
int comm_size(const Comm *comm);
int comm_local_rank(const Comm *comm); // rank within this machine: the GPU to open

// All ranks call comm_attach after device_open and before any collective, and comm_detach, together, before
// device_close. comm_attach connects them; from then on one that dies or stops ends all others with a message
// (rendezvous.h).
bool comm_attach(Comm *comm, Device *dev, Error *err); // false with the reason in err
void comm_detach(Comm *comm);

// All-reduce of a host array, in place. All ranks get the same bits: one rank reduces (comm.c), or each in rank order.
void comm_sum(Comm *comm, double *h_x, size_t n);
void comm_max(Comm *comm, double *h_x, size_t n);
void comm_broadcast(Comm *comm, void *h_bytes, size_t n); // a host array, from rank 0
void comm_barrier(Comm *comm);

// Sums x (n) fp32 on the device over all ranks, in place: gradients. The sum begins when dev has finished the work
// given to it so far and runs beside later work, which must not touch x. comm_sum_device_end waits for all sums begun.
// With `scatter` rank r gets only the r-th of `size` equal shards of the sums (reduce-scatter); n is a multiple of
// size, and the rest of x becomes undefined. C build: values are summed in rank order, however a buffer is cut.
void comm_sum_device_begin(Comm *comm, Device *dev, float *x, size_t n, bool scatter);
void comm_sum_device_end(Comm *comm, Device *dev);

// x (ranks, bytes) on the device: rank r supplies x[r] and receives all others (all-gather).
void comm_gather_device(Comm *comm, Device *dev, void *x, size_t bytes);
EXTERN_C_END
#endif
