// Optional (CUDA): see comm.h. Collectives by NCCL; rendezvous.h connects the ranks and notices a death.
//
// NCCL is loaded only if the job has more than one rank, unless the program is already linked with it. Host values are
// copied to the device, gathered from all ranks, and summed on the host in rank order: the same bits everywhere,
// whatever algorithm NCCL chooses. Gradients are summed on a second stream, bucket by bucket, beside the backward pass.
// Communicators are non-blocking; while the host waits it polls NCCL's asynchronous error and a deadline.
#include "kernels/device/comm.h"
#include "base/clock.h"
#include "kernels/device/device_cuda.cuh"
#include "kernels/device/rendezvous.h"
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>
#if __has_include(<nccl.h>)
#include <nccl.h>
#define HAVE_NCCL 1
#endif

#ifdef HAVE_NCCL
#define NCCL_FUNCTIONS(_)                                                                                              \
    _(GetUniqueId) _(CommInitRankConfig) _(CommGetAsyncError) _(CommAbort) _(CommDestroy) _(AllReduce) _(AllGather)    \
    _(ReduceScatter) _(Broadcast) _(GetErrorString)
struct Nccl {
#define MEMBER(name) decltype(&nccl##name) name;
    NCCL_FUNCTIONS(MEMBER)
};
typedef ncclComm_t Group;
#else
struct Nccl {};
typedef void *Group;
#endif

struct Comm {
    Launch launch;
    Nccl nccl;
    Device *dev;
    Rendezvous *rendezvous;
    Group group;
    cudaStream_t stream; // of the gradients' sums
    cudaEvent_t ready;   // the device's stream has reached the place where a sum begins
    double *staged;      // device: (1 + ranks, STAGED), this rank's values, then all ranks'
    double *h_staged;    // (ranks, STAGED)
};

enum { STAGED = 1 << 14, CONNECT_SECONDS = 120, WAIT_SECONDS = 3600 };

extern "C" int comm_rank(const Comm *comm) { return comm->launch.rank; }
extern "C" int comm_size(const Comm *comm) { return comm->launch.size; }
extern "C" int comm_local_rank(const Comm *comm) { return comm->launch.local_rank; }

#ifdef HAVE_NCCL
static bool load_nccl(Nccl *nccl, Error *err) {
    bool linked_in = dlsym(RTLD_DEFAULT, "ncclGetUniqueId") != NULL;
    void *library = linked_in ? RTLD_DEFAULT : dlopen("libnccl.so.2", RTLD_NOW | RTLD_GLOBAL);
    if (!linked_in && !library)
        return fail(err, "several ranks need NCCL, which does not load (%s): install libnccl2 or set LD_LIBRARY_PATH",
                    dlerror());
#define FIND(name)                                                                                                     \
    nccl->name = reinterpret_cast<decltype(nccl->name)>(dlsym(library, "nccl" #name));                                 \
    if (!nccl->name) return fail(err, "libnccl.so.2 has no nccl" #name ": NCCL 2.14 or later is needed");
    NCCL_FUNCTIONS(FIND)
    return true;
}

// ---- Waiting --------------------------------------------------------------------------------------------------------
// If a rank has died, the rendezvous ends this process with a message that names it, during the sleep.
__attribute__((noreturn)) static void give_up(Comm *comm, const char *what, const char *why) {
    sleep(1);
    fprintf(stderr, "rank %d: %s: %s; this rank ends. --resume continues from the newest checkpoint\n",
            comm->launch.rank, what, why);
    alarm(10); // ends this process if the abort hangs too
    if (comm->group) comm->nccl.CommAbort(comm->group);
    end_process();
}

static void pause_a_little(int round) {
    timespec t = {0, round < 1000 ? 1000 : 50000};
    nanosleep(&t, NULL);
}

// Waits until NCCL has accepted the call that returned `result`.
static void settle(Comm *comm, ncclResult_t result, const char *what, double seconds) {
    double end = seconds_now() + seconds;
    for (int i = 0; result == ncclInProgress; i++) {
        if (seconds_now() > end) give_up(comm, what, "NCCL was not ready in time");
        pause_a_little(i);
        if (comm->nccl.CommGetAsyncError(comm->group, &result) != ncclSuccess) result = ncclInternalError;
    }
    if (result != ncclSuccess) give_up(comm, what, comm->nccl.GetErrorString(result));
}

// Waits until the stream has finished its work.
static void wait(Comm *comm, cudaStream_t stream, const char *what) {
    double end = seconds_now() + WAIT_SECONDS;
    for (int i = 0;; i++) {
        cudaError_t state = cudaStreamQuery(stream);
        ncclResult_t error = ncclSuccess;
        if (state == cudaSuccess) return;
        if (state != cudaErrorNotReady) CUDA_CHECK(state);
        cudaGetLastError(); // clears "not ready", which the check after the next launch would report
        comm->nccl.CommGetAsyncError(comm->group, &error);
        if (error != ncclSuccess && error != ncclInProgress) give_up(comm, what, comm->nccl.GetErrorString(error));
        if (seconds_now() > end) give_up(comm, what, "the other ranks did not arrive within an hour");
        pause_a_little(i);
    }
}

static void run(Comm *comm, ncclResult_t result, const char *what) {
    settle(comm, result, what, WAIT_SECONDS);
    wait(comm, comm->dev->stream, what);
}

// ---- Opening and closing --------------------------------------------------------------------------------------------
extern "C" bool comm_attach(Comm *comm, Device *dev, Error *err) {
    int ranks = comm->launch.size;
    ncclUniqueId id = {};
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    comm->dev = dev;
    if (ranks == 1) return true;
    config.blocking = 0;
    if (comm->launch.rank == 0 && comm->nccl.GetUniqueId(&id) != ncclSuccess)
        return fail(err, "NCCL finds no network interface: set NCCL_SOCKET_IFNAME, and NCCL_DEBUG=INFO to see why");
    comm->rendezvous = rendezvous_open(&comm->launch, NULL, &id, sizeof id, CONNECT_SECONDS, err);
    if (!comm->rendezvous) return false;
    ncclResult_t started = comm->nccl.CommInitRankConfig(&comm->group, ranks, id, comm->launch.rank, &config);
    settle(comm, started, "starting NCCL", CONNECT_SECONDS);
    CUDA_CHECK(cudaStreamCreateWithFlags(&comm->stream, cudaStreamNonBlocking));
    CUDA_CHECK(cudaEventCreateWithFlags(&comm->ready, cudaEventDisableTiming));
    comm->staged = static_cast<double *>(device_alloc(dev, (1 + size_t(ranks)) * STAGED * sizeof(double)));
    comm->h_staged = static_cast<double *>(malloc(size_t(ranks) * STAGED * sizeof(double)));
    REQUIRE(comm->h_staged, "out of memory");
    return true;
}

extern "C" void comm_detach(Comm *comm) {
    if (!comm->group) return;
    comm_barrier(comm);
    rendezvous_close(comm->rendezvous);
    comm->nccl.CommDestroy(comm->group);
    CUDA_CHECK(cudaStreamDestroy(comm->stream));
    CUDA_CHECK(cudaEventDestroy(comm->ready));
    device_free(comm->dev, comm->staged);
    free(comm->h_staged);
    comm->group = NULL;
}

// ---- Collectives ----------------------------------------------------------------------------------------------------
// Writes h_staged (ranks, n): n <= STAGED values of every rank, in rank order.
static void gather(Comm *comm, const double *h_x, size_t n, const char *what) {
    double *all = comm->staged + STAGED;
    device_upload(comm->dev, comm->staged, h_x, n * sizeof *h_x);
    run(comm, comm->nccl.AllGather(comm->staged, all, n, ncclFloat64, comm->group, comm->dev->stream), what);
    device_download(comm->dev, comm->h_staged, all, size_t(comm->launch.size) * n * sizeof *h_x);
}

static void reduce(Comm *comm, double *h_x, size_t n, bool maximum) {
    for (size_t at = 0, piece; comm->launch.size > 1 && at < n; at += piece) {
        piece = n - at < STAGED ? n - at : size_t(STAGED);
        gather(comm, h_x + at, piece, maximum ? "comm_max" : "comm_sum");
        for (size_t i = 0; i < piece; i++) {
            double total = comm->h_staged[i];
            for (int r = 1; r < comm->launch.size; r++) {
                double x = comm->h_staged[size_t(r) * piece + i];
                total = !maximum ? total + x : x > total || x != x ? x : total;
            }
            h_x[at + i] = total;
        }
    }
}

extern "C" void comm_sum(Comm *comm, double *h_x, size_t n) { reduce(comm, h_x, n, false); }
extern "C" void comm_max(Comm *comm, double *h_x, size_t n) { reduce(comm, h_x, n, true); }

extern "C" void comm_barrier(Comm *comm) {
    double nothing = 0;
    reduce(comm, &nothing, 1, false);
}

extern "C" void comm_broadcast(Comm *comm, void *h_bytes, size_t n) {
    for (size_t at = 0, piece; comm->launch.size > 1 && at < n; at += piece) {
        char *part = static_cast<char *>(h_bytes) + at;
        piece = n - at < STAGED * sizeof(double) ? n - at : STAGED * sizeof(double);
        device_upload(comm->dev, comm->staged, part, piece);
        ncclResult_t started =
            comm->nccl.Broadcast(comm->staged, comm->staged, piece, ncclUint8, 0, comm->group, comm->dev->stream);
        run(comm, started, "comm_broadcast");
        device_download(comm->dev, part, comm->staged, piece);
    }
}

extern "C" void comm_sum_device_begin(Comm *comm, Device *dev, float *x, size_t n, bool scatter) {
    OP_RANGE();
    size_t shard = n / size_t(comm->launch.size);
    float *mine = x + size_t(comm->launch.rank) * shard;
    if (comm->launch.size == 1) return;
    CUDA_CHECK(cudaEventRecord(comm->ready, dev->stream));
    CUDA_CHECK(cudaStreamWaitEvent(comm->stream, comm->ready, 0));
    ncclResult_t started =
        scatter ? comm->nccl.ReduceScatter(x, mine, shard, ncclFloat32, ncclSum, comm->group, comm->stream)
                : comm->nccl.AllReduce(x, x, n, ncclFloat32, ncclSum, comm->group, comm->stream);
    settle(comm, started, "comm_sum_device_begin", WAIT_SECONDS);
}

extern "C" void comm_sum_device_end(Comm *comm, Device *) {
    OP_RANGE();
    if (comm->launch.size > 1) wait(comm, comm->stream, "comm_sum_device_end");
}

extern "C" void comm_gather_device(Comm *comm, Device *dev, void *x, size_t bytes) {
    OP_RANGE();
    const char *mine = static_cast<char *>(x) + size_t(comm->launch.rank) * bytes;
    if (comm->launch.size == 1) return;
    run(comm, comm->nccl.AllGather(mine, x, bytes, ncclUint8, comm->group, dev->stream), "comm_gather_device");
}
#else
static bool load_nccl(Nccl *, Error *err) {
    return fail(err, "more than one rank needs NCCL, but this program was built without nccl.h: install libnccl-dev, "
                     "`make clean`, `make cuda`");
}
extern "C" bool comm_attach(Comm *comm, Device *dev, Error *) {
    comm->dev = dev;
    return true;
}
extern "C" void comm_detach(Comm *) {}
extern "C" void comm_sum(Comm *, double *, size_t) {}
extern "C" void comm_max(Comm *, double *, size_t) {}
extern "C" void comm_barrier(Comm *) {}
extern "C" void comm_broadcast(Comm *, void *, size_t) {}
extern "C" void comm_sum_device_begin(Comm *, Device *, float *, size_t, bool) {}
extern "C" void comm_sum_device_end(Comm *, Device *) {}
extern "C" void comm_gather_device(Comm *, Device *, void *, size_t) {}
#endif

extern "C" void comm_close(Comm *comm) { free(comm); }

extern "C" Comm *comm_open(int *, char ***, Error *err) {
    Comm *comm = static_cast<Comm *>(calloc(1, sizeof *comm));
    REQUIRE(comm, "out of memory");
    if (launch_read(&comm->launch, err) && (comm->launch.size == 1 || load_nccl(&comm->nccl, err))) return comm;
    free(comm);
    return NULL;
}
