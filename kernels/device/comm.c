// Optional (ranks): MPI, or one rank. MPI's own error handler aborts; a rank that dies or stops is noticed by
// rendezvous.h, whose connections are set up beside MPI's.
#include "kernels/device/comm.h"
#include "kernels/device/rendezvous.h"
#include <stdlib.h>
#include <string.h>

struct Comm {
    int rank, size, local_rank;
    float *gathered; // (size, PIECE): all ranks' values of a piece that this rank sums
    Rendezvous *rendezvous;
};
enum { CONNECT_SECONDS = 60 };

int comm_rank(const Comm *comm) { return comm->rank; }
int comm_size(const Comm *comm) { return comm->size; }
int comm_local_rank(const Comm *comm) { return comm->local_rank; }

#ifdef HAVE_MPI
#include <mpi.h>

enum { COUNT_MAX = 1 << 28, PIECE = 1 << 18 }; // MPI's counts are int; PIECE values are summed at a time

static bool connect_ranks(Comm *comm, int *argc, char ***argv, Error *err) {
    MPI_Comm node;
    // Without mpirun's environment there is one rank and no need for MPI_Init, which takes half a second.
    if (!getenv("OMPI_COMM_WORLD_SIZE") && !getenv("PMI_SIZE") && !getenv("PMI_RANK") && !getenv("PMIX_RANK"))
        return true;
    if (MPI_Init(argc, argv) != MPI_SUCCESS)
        return fail(err, "MPI_Init failed: run without mpirun, or repair the MPI installation");
    MPI_Comm_rank(MPI_COMM_WORLD, &comm->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &comm->size);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    MPI_Comm_rank(node, &comm->local_rank);
    MPI_Comm_free(&node);
    comm->gathered = malloc((size_t)comm->size * PIECE * sizeof *comm->gathered);
    REQUIRE(comm->gathered, "out of memory");
    return true;
}

static void disconnect_ranks(void) {
    int started = 0;
    MPI_Initialized(&started);
    if (started) MPI_Finalize();
}

static void broadcast(Comm *comm, int from, void *bytes, size_t n) {
    for (size_t at = 0; comm->size > 1 && at < n; at += COUNT_MAX)
        MPI_Bcast((char *)bytes + at, n - at < COUNT_MAX ? (int)(n - at) : COUNT_MAX, MPI_BYTE, from, MPI_COMM_WORLD);
}

// Reduces on rank 0 and broadcasts, so all ranks get the same bits whatever algorithm MPI chooses.
static void reduce(Comm *comm, double *x, size_t n, bool maximum) {
    for (size_t at = 0; comm->size > 1 && at < n; at += COUNT_MAX) {
        int count = n - at < COUNT_MAX ? (int)(n - at) : COUNT_MAX;
        MPI_Reduce(comm->rank == 0 ? MPI_IN_PLACE : x + at, x + at, count, MPI_DOUBLE, maximum ? MPI_MAX : MPI_SUM, 0,
                   MPI_COMM_WORLD);
        MPI_Bcast(x + at, count, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    }
}

// Leaves the sums on rank `to`, each summed in rank order.
static void sum_at(Comm *comm, int to, float *x, size_t n) {
    for (size_t at = 0; at < n; at += PIECE) {
        int count = n - at < PIECE ? (int)(n - at) : PIECE;
        MPI_Gather(x + at, count, MPI_FLOAT, comm->gathered, count, MPI_FLOAT, to, MPI_COMM_WORLD);
        if (comm->rank != to) continue;
        memcpy(x + at, comm->gathered, (size_t)count * sizeof *x);
        for (int r = 1; r < comm->size; r++)
            for (int i = 0; i < count; i++) x[at + (size_t)i] += comm->gathered[(size_t)r * (size_t)count + (size_t)i];
    }
}
#else
static bool connect_ranks(UNUSED Comm *comm, UNUSED int *argc, UNUSED char ***argv, Error *err) {
    const char *size = getenv("OMPI_COMM_WORLD_SIZE");
    if (!size) size = getenv("PMI_SIZE");
    if (!size || atoi(size) <= 1) return true;
    return fail(err, "started with %s ranks, but built without MPI: install libopenmpi-dev, `make clean`, `make`",
                size);
}
static void disconnect_ranks(void) {}
static void broadcast(UNUSED Comm *comm, UNUSED int from, UNUSED void *bytes, UNUSED size_t n) {}
static void reduce(UNUSED Comm *comm, UNUSED double *x, UNUSED size_t n, UNUSED bool maximum) {}
static void sum_at(UNUSED Comm *comm, UNUSED int to, UNUSED float *x, UNUSED size_t n) {}
#endif

Comm *comm_open(int *argc, char ***argv, Error *err) {
    Comm *comm = calloc(1, sizeof *comm);
    REQUIRE(comm, "out of memory");
    comm->size = 1;
    if (connect_ranks(comm, argc, argv, err)) return comm;
    free(comm);
    return NULL;
}

void comm_close(Comm *comm) {
    disconnect_ranks();
    free(comm->gathered);
    free(comm);
}

static void send_address(void *comm, void *bytes, size_t n) { broadcast(comm, 0, bytes, n); }

bool comm_attach(Comm *comm, UNUSED Device *dev, Error *err) {
    Launch launch = {comm->rank, comm->size, comm->local_rank};
    if (comm->size == 1) return true;
    comm->rendezvous = rendezvous_open(&launch, &(Broadcast){send_address, comm}, NULL, 0, CONNECT_SECONDS, err);
    return comm->rendezvous != NULL;
}

void comm_detach(Comm *comm) {
    if (!comm->rendezvous) return;
    comm_barrier(comm);
    rendezvous_close(comm->rendezvous);
    comm->rendezvous = NULL;
}

void comm_broadcast(Comm *comm, void *h_bytes, size_t n) { broadcast(comm, 0, h_bytes, n); }
void comm_sum(Comm *comm, double *h_x, size_t n) { reduce(comm, h_x, n, false); }
void comm_max(Comm *comm, double *h_x, size_t n) { reduce(comm, h_x, n, true); }
void comm_barrier(Comm *comm) { comm_sum(comm, &(double){0}, 1); }

void comm_sum_device_begin(Comm *comm, UNUSED Device *dev, float *x, size_t n, bool scatter) {
    size_t shard = n / (size_t)comm->size;
    if (comm->size == 1) return;
    if (scatter) {
        for (int r = 0; r < comm->size; r++) sum_at(comm, r, x + (size_t)r * shard, shard);
    } else {
        sum_at(comm, 0, x, n);
        broadcast(comm, 0, x, n * sizeof *x);
    }
}
void comm_sum_device_end(UNUSED Comm *comm, UNUSED Device *dev) {}

void comm_gather_device(Comm *comm, UNUSED Device *dev, void *x, size_t bytes) {
    for (int r = 0; r < comm->size; r++) broadcast(comm, r, (char *)x + (size_t)r * bytes, bytes);
}
