// See comm.h. A rank that dies takes the others with it: mpirun ends the job, and MPI's own error handler aborts.
#include "kernels/comm.h"
#include <stdlib.h>
#include <string.h>

struct Comm {
    int rank, size, local_rank;
};

int comm_rank(const Comm *comm) { return comm->rank; }
int comm_size(const Comm *comm) { return comm->size; }
int comm_local_rank(const Comm *comm) { return comm->local_rank; }

bool comm_attach(Comm *comm, Device *dev, Error *err) {
    (void)comm, (void)dev, (void)err;
    return true;
}
void comm_detach(Comm *comm) { (void)comm; }

#ifdef HAVE_MPI
#include <mpi.h>

enum { PIECE = 1 << 28 }; // counts of MPI are int

Comm *comm_open(int *argc, char ***argv, Error *err) {
    Comm *comm = calloc(1, sizeof *comm);
    REQUIRE(comm, "out of memory");
    MPI_Comm node;
    // Without mpirun's environment there is one rank, and MPI need not be woken (it takes half a second).
    if (!getenv("OMPI_COMM_WORLD_SIZE") && !getenv("PMI_SIZE") && !getenv("PMI_RANK") && !getenv("PMIX_RANK")) {
        comm->size = 1;
        return comm;
    }
    if (MPI_Init(argc, argv) != MPI_SUCCESS) {
        fail(err, "MPI did not start: run without mpirun, or mend the MPI installation");
        free(comm);
        return NULL;
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &comm->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &comm->size);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    MPI_Comm_rank(node, &comm->local_rank);
    MPI_Comm_free(&node);
    return comm;
}

void comm_close(Comm *comm) {
    int started = 0;
    MPI_Initialized(&started);
    if (started) MPI_Finalize();
    free(comm);
}

// Reduced at rank 0 and sent out again, so that all ranks hold the same bits whatever algorithm MPI would choose.
static void reduce(Comm *comm, void *x, size_t n, MPI_Datatype type, size_t width, MPI_Op op) {
    for (size_t at = 0; comm->size > 1 && at < n; at += PIECE) {
        int count = n - at < PIECE ? (int)(n - at) : PIECE;
        char *piece = (char *)x + at * width;
        MPI_Reduce(comm->rank == 0 ? MPI_IN_PLACE : piece, piece, count, type, op, 0, MPI_COMM_WORLD);
        MPI_Bcast(piece, count, type, 0, MPI_COMM_WORLD);
    }
}

void comm_sum(Comm *comm, double *h_x, size_t n) { reduce(comm, h_x, n, MPI_DOUBLE, sizeof *h_x, MPI_SUM); }
void comm_max(Comm *comm, double *h_x, size_t n) { reduce(comm, h_x, n, MPI_DOUBLE, sizeof *h_x, MPI_MAX); }

void comm_sum_device(Comm *comm, Device *dev, float *x, size_t n) {
    (void)dev;
    reduce(comm, x, n, MPI_FLOAT, sizeof *x, MPI_SUM);
}

void comm_broadcast(Comm *comm, void *h_bytes, size_t n) {
    for (size_t at = 0; comm->size > 1 && at < n; at += PIECE)
        MPI_Bcast((char *)h_bytes + at, n - at < PIECE ? (int)(n - at) : PIECE, MPI_BYTE, 0, MPI_COMM_WORLD);
}

void comm_barrier(Comm *comm) {
    if (comm->size > 1) MPI_Barrier(MPI_COMM_WORLD);
}
#else
Comm *comm_open(int *argc, char ***argv, Error *err) {
    (void)argc, (void)argv;
    const char *size = getenv("OMPI_COMM_WORLD_SIZE");
    if (!size) size = getenv("PMI_SIZE");
    if (size && atoi(size) > 1) {
        fail(err, "started with %s ranks, but built without MPI: install libopenmpi-dev, `make clean`, `make`", size);
        return NULL;
    }
    Comm *comm = calloc(1, sizeof *comm);
    REQUIRE(comm, "out of memory");
    comm->size = 1;
    return comm;
}
void comm_close(Comm *comm) { free(comm); }
void comm_sum(Comm *comm, double *h_x, size_t n) { (void)comm, (void)h_x, (void)n; }
void comm_max(Comm *comm, double *h_x, size_t n) { (void)comm, (void)h_x, (void)n; }
void comm_sum_device(Comm *comm, Device *dev, float *x, size_t n) { (void)comm, (void)dev, (void)x, (void)n; }
void comm_broadcast(Comm *comm, void *h_bytes, size_t n) { (void)comm, (void)h_bytes, (void)n; }
void comm_barrier(Comm *comm) { (void)comm; }
#endif
