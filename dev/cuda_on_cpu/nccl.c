// Optional (CUDA on a CPU): NCCL's API between processes of one machine, over a POSIX shared memory segment.
//
// A collective goes piece by piece: every rank copies its piece into the segment, all meet, every rank reads what it
// needs (sums in rank order, so all ranks get the same bits), all meet again. All ranks must issue the same operation,
// type, count, reduction and root, on device memory of that size. If a peer dies, the collective never ends, as on a
// GPU: cudaStreamQuery returns cudaErrorNotReady, ncclCommGetAsyncError gives ncclRemoteError, and
// cudaStreamSynchronize aborts with a message instead of hanging.
#include "dev/cuda_on_cpu/runtime.h"
#include <errno.h>
#include <fcntl.h>
#include <nccl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { RANKS_MAX = 16, PIECE = 64 << 10, GROUP_MAX = 256 };
typedef enum Kind { ALL_REDUCE, REDUCE_SCATTER, ALL_GATHER, BROADCAST } Kind;
static const char *const kind_names[] = {"ncclAllReduce", "ncclReduceScatter", "ncclAllGather", "ncclBroadcast"};

typedef struct Signature { // what all ranks must agree on
    Kind kind;
    ncclDataType_t type;
    ncclRedOp_t reduction;
    int root;
    size_t count;
} Signature;

typedef struct Slot {
    pthread_mutex_t alive; // robust, held by the rank while it lives: a lock that succeeds means that it died
    atomic_int present;
    Signature signature;
    _Alignas(16) char piece[PIECE];
} Slot;

typedef struct Segment {
    atomic_int ranks, arrived, phase;
    Slot slots[RANKS_MAX];
} Segment;

struct ncclComm {
    Segment *segment;
    int rank, ranks;
    ncclResult_t error; // ncclRemoteError once a peer has died
    cudaEvent_t last;   // the latest collective: those of one communicator run in order, whatever their streams
};

typedef struct Collective { // as work on a stream
    Signature signature;
    const char *send;
    char *receive;
    struct ncclComm *comm;
    cudaStream_t stream;
} Collective;

static int group_depth, group_count;
static Collective group[GROUP_MAX];

// ---- Meeting -------------------------------------------------------------------------------------------------------
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double timeout(void) {
    const char *text = getenv("CUDA_ON_CPU_TIMEOUT");
    return text ? atof(text) : 120;
}

static bool is_gone(Slot *slot) {                  // the rank had joined
    if (!atomic_load(&slot->present)) return true; // it left in good order
    int status = pthread_mutex_trylock(&slot->alive);
    if (status == EBUSY) return false;
    if (status == EOWNERDEAD) pthread_mutex_consistent(&slot->alive);
    pthread_mutex_unlock(&slot->alive);
    return true;
}

static bool lost_a_peer(struct ncclComm *comm) {
    for (int r = 0; r < comm->ranks; r++)
        if (r != comm->rank && is_gone(&comm->segment->slots[r])) comm->error = ncclRemoteError;
    return comm->error != ncclSuccess;
}

static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL); }

static bool meet(struct ncclComm *comm, const char *what) { // false: a peer has died
    Segment *s = comm->segment;
    int phase = atomic_load(&s->phase);
    if (atomic_fetch_add(&s->arrived, 1) + 1 == comm->ranks) {
        atomic_store(&s->arrived, 0);
        atomic_fetch_add(&s->phase, 1);
        return true;
    }
    double start = now();
    for (int i = 0; atomic_load(&s->phase) == phase; i++) {
        if (i < 100) continue;
        nap();
        if (i % 100) continue;
        if (lost_a_peer(comm)) return atomic_load(&s->phase) != phase;
        if (now() - start > timeout())
            sim_die("rank %d waits in %s; its peers are alive but issue fewer collectives", comm->rank, what);
    }
    return true;
}

// ---- Arithmetic ----------------------------------------------------------------------------------------------------
static size_t type_bytes(ncclDataType_t type) {
    switch ((int)type) {
    case ncclInt8: case ncclUint8: return 1;
    case ncclBfloat16: return 2;
    case ncclInt32: case ncclUint32: case ncclFloat32: return 4;
    case ncclInt64: case ncclUint64: case ncclFloat64: return 8;
    default: return 0;
    }
}

static float bf16_load(uint16_t half) {
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
static uint16_t bf16_store(float value) { // to nearest, ties to even
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return value == value ? (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16) : 0x7fff;
}

#define IDENTITY(x) (x)
#define FOLD(name, T, Wide, LOAD, STORE)                                                                               \
    static void name(char *to, const Segment *s, int ranks, size_t first, size_t n, ncclRedOp_t reduction) {           \
        for (size_t i = 0; i < n; i++) {                                                                               \
            Wide total = LOAD(((const T *)(const void *)s->slots[0].piece)[first + i]);                                \
            for (int r = 1; r < ranks; r++) {                                                                          \
                Wide x = LOAD(((const T *)(const void *)s->slots[r].piece)[first + i]);                                \
                if (reduction == ncclMax)                                                                              \
                    total = x > total || x != x ? x : total;                                                           \
                else if (reduction == ncclMin)                                                                         \
                    total = x < total || x != x ? x : total;                                                           \
                else                                                                                                   \
                    total += x;                                                                                        \
            }                                                                                                          \
            if (reduction == ncclAvg) total /= (Wide)ranks;                                                            \
            ((T *)(void *)to)[i] = (T)STORE(total);                                                                    \
        }                                                                                                              \
    }
FOLD(fold_float, float, float, IDENTITY, IDENTITY)
FOLD(fold_double, double, double, IDENTITY, IDENTITY)
FOLD(fold_bf16, uint16_t, float, bf16_load, bf16_store)
FOLD(fold_int, int32_t, int32_t, IDENTITY, IDENTITY)
FOLD(fold_long, int64_t, int64_t, IDENTITY, IDENTITY)

static void fold(char *to, const Segment *s, int ranks, size_t first, size_t n, const Signature *what) {
    switch ((int)what->type) {
    case ncclFloat32: fold_float(to, s, ranks, first, n, what->reduction); break;
    case ncclFloat64: fold_double(to, s, ranks, first, n, what->reduction); break;
    case ncclBfloat16: fold_bf16(to, s, ranks, first, n, what->reduction); break;
    case ncclInt32: fold_int(to, s, ranks, first, n, what->reduction); break;
    case ncclInt64: fold_long(to, s, ranks, first, n, what->reduction); break;
    default:
        sim_die("%s of type %d: the harness sums fp32, fp64, bf16, int32 and int64", kind_names[what->kind],
                (int)what->type);
    }
}

// ---- A collective --------------------------------------------------------------------------------------------------
static void check_agreement(const struct ncclComm *comm) {
    const Signature *first = &comm->segment->slots[0].signature;
    for (int r = 1; r < comm->ranks; r++) {
        const Signature *other = &comm->segment->slots[r].signature;
        if (other->kind != first->kind || other->type != first->type || other->count != first->count ||
            other->reduction != first->reduction || other->root != first->root)
            sim_die("the ranks issue different collectives: rank 0 %s of %zu values of type %d, reduction %d, root %d; "
                    "rank %d %s of %zu values of type %d, reduction %d, root %d",
                    kind_names[first->kind], first->count, (int)first->type, (int)first->reduction, first->root, r,
                    kind_names[other->kind], other->count, (int)other->type, (int)other->reduction, other->root);
    }
}

// Copies or sums what this rank needs of the values at .. at+n that are now in the slots.
static void take_piece(const Collective *c, size_t at, size_t n) {
    const Segment *s = c->comm->segment;
    const Signature *what = &c->signature;
    size_t bytes = type_bytes(what->type), mine = (size_t)c->comm->rank * what->count;
    size_t first = at > mine ? at : mine, end = at + n < mine + what->count ? at + n : mine + what->count;
    switch (what->kind) {
    case ALL_REDUCE: fold(c->receive + at * bytes, s, c->comm->ranks, 0, n, what); break;
    case REDUCE_SCATTER:
        if (first < end) fold(c->receive + (first - mine) * bytes, s, c->comm->ranks, first - at, end - first, what);
        break;
    case ALL_GATHER:
        for (int r = 0; r < c->comm->ranks; r++)
            memcpy(c->receive + ((size_t)r * what->count + at) * bytes, s->slots[r].piece, n * bytes);
        break;
    case BROADCAST: memcpy(c->receive + at * bytes, s->slots[what->root].piece, n * bytes); break;
    }
}

static void run_collective(const void *work) {
    const Collective *c = work;
    const char *name = kind_names[c->signature.kind];
    Slot *mine = &c->comm->segment->slots[c->comm->rank];
    size_t bytes = type_bytes(c->signature.type), total = c->signature.count;
    if (c->signature.kind == REDUCE_SCATTER) total *= (size_t)c->comm->ranks;
    bool sends = c->signature.kind != BROADCAST || c->signature.root == c->comm->rank, alive = !lost_a_peer(c->comm);
    mine->signature = c->signature;
    if (alive) alive = meet(c->comm, name);
    if (alive) check_agreement(c->comm);
    sim_device_open();
    for (size_t at = 0, n; alive && at < total; at += n) {
        n = total - at < PIECE / bytes ? total - at : PIECE / bytes;
        if (sends) memcpy(mine->piece, c->send + at * bytes, n * bytes);
        alive = meet(c->comm, name);
        if (!alive) break;
        take_piece(c, at, n);
        alive = meet(c->comm, name);
    }
    sim_device_close();
    if (!alive) sim_stream_stuck(c->stream, c->comm);
}

static void submit(const Collective *c) {
    cudaStreamWaitEvent(c->stream, c->comm->last, 0);
    sim_submit(c->stream, run_collective, c, sizeof *c);
    cudaEventRecord(c->comm->last, c->stream);
}

static ncclResult_t issue(Kind kind, const void *send, void *receive, size_t count, ncclDataType_t type,
                          ncclRedOp_t reduction, int root, ncclComm_t comm, cudaStream_t stream) {
    size_t bytes = type_bytes(type);
    if (!comm || !bytes || root < 0 || root >= comm->ranks || reduction == ncclProd) return ncclInvalidArgument;
    if (comm->error) return comm->error;
    size_t ranks = (size_t)comm->ranks;
    if (count && (kind != BROADCAST || root == comm->rank))
        sim_require_device(send, count * bytes * (kind == REDUCE_SCATTER ? ranks : 1), kind_names[kind]);
    if (count) sim_require_device(receive, count * bytes * (kind == ALL_GATHER ? ranks : 1), kind_names[kind]);
    Collective c = {{kind, type, reduction, root, count}, send, receive, comm, stream};
    if (group_depth == 0) submit(&c);
    else if (group_count == GROUP_MAX) sim_die("more than %d collectives in a group", GROUP_MAX);
    else group[group_count++] = c;
    return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void *send, void *receive, size_t count, ncclDataType_t type, ncclRedOp_t reduction,
                           ncclComm_t comm, cudaStream_t stream) {
    return issue(ALL_REDUCE, send, receive, count, type, reduction, 0, comm, stream);
}
ncclResult_t ncclReduceScatter(const void *send, void *receive, size_t count, ncclDataType_t type,
                               ncclRedOp_t reduction, ncclComm_t comm, cudaStream_t stream) {
    return issue(REDUCE_SCATTER, send, receive, count, type, reduction, 0, comm, stream);
}
ncclResult_t ncclAllGather(const void *send, void *receive, size_t count, ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t stream) {
    return issue(ALL_GATHER, send, receive, count, type, ncclSum, 0, comm, stream);
}
ncclResult_t ncclBroadcast(const void *send, void *receive, size_t count, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t stream) {
    return issue(BROADCAST, send, receive, count, type, ncclSum, root, comm, stream);
}
ncclResult_t ncclGroupStart(void); // nccl.h's declarations of these two are not prototypes in C
ncclResult_t ncclGroupEnd(void);
ncclResult_t ncclGroupStart(void) {
    group_depth++;
    return ncclSuccess;
}
ncclResult_t ncclGroupEnd(void) {
    if (group_depth == 0) return ncclInvalidUsage;
    if (--group_depth > 0) return ncclSuccess;
    for (int i = 0; i < group_count; i++) submit(&group[i]);
    group_count = 0;
    return ncclSuccess;
}

// ---- Communicators -------------------------------------------------------------------------------------------------
static Segment *open_segment(const char *name, int flags) {
    int file = shm_open(name, flags, 0600);
    if (file < 0) return NULL;
    bool sized = !(flags & O_CREAT) || ftruncate(file, sizeof(Segment)) == 0;
    void *memory = sized ? mmap(NULL, sizeof(Segment), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;
    close(file);
    return memory == MAP_FAILED ? NULL : memory;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id) { // creates the segment; the last rank to join removes its name
    memset(id, 0, sizeof *id);
    snprintf(id->internal, sizeof id->internal, "/cuda_on_cpu.%ld.%lld", (long)getpid(), (long long)(1e9 * now()));
    Segment *s = open_segment(id->internal, O_CREAT | O_EXCL | O_RDWR);
    if (!s) return ncclSystemError;
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    for (int r = 0; r < RANKS_MAX; r++) pthread_mutex_init(&s->slots[r].alive, &attributes);
    munmap(s, sizeof *s);
    return ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank) {
    id.internal[sizeof id.internal - 1] = 0;
    if (ranks < 1 || ranks > RANKS_MAX || rank < 0 || rank >= ranks) return ncclInvalidArgument;
    Segment *s = open_segment(id.internal, O_RDWR);
    struct ncclComm *c = calloc(1, sizeof *c);
    if (!s || !c) return ncclSystemError;
    *c = (struct ncclComm){s, rank, ranks, ncclSuccess, NULL};
    cudaEventCreateWithFlags(&c->last, cudaEventDisableTiming);
    if (pthread_mutex_trylock(&s->slots[rank].alive) != 0) return ncclInvalidUsage; // two processes of one rank
    atomic_store(&s->slots[rank].present, 1);
    double start = now();
    for (int r = 0; r < ranks;) {
        if (atomic_load(&s->slots[r].present)) r++;
        else nap();
        if (now() - start > timeout()) sim_die("ncclCommInitRank: rank %d of %d did not join", r, ranks);
    }
    if (atomic_fetch_add(&s->ranks, 1) + 1 == ranks) shm_unlink(id.internal);
    if (!meet(c, "ncclCommInitRank")) return ncclRemoteError;
    *comm = c;
    return ncclSuccess;
}
ncclResult_t ncclCommInitRankConfig(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t *config) {
    if (config && config->magic != ((ncclConfig_t)NCCL_CONFIG_INITIALIZER).magic) return ncclInvalidArgument;
    return ncclCommInitRank(comm, ranks, id, rank);
}

static ncclResult_t leave(ncclComm_t comm) {
    Slot *mine = &comm->segment->slots[comm->rank];
    atomic_store(&mine->present, 0);
    pthread_mutex_unlock(&mine->alive);
    munmap(comm->segment, sizeof *comm->segment);
    cudaEventDestroy(comm->last);
    sim_unstick(comm);
    free(comm);
    return ncclSuccess;
}
ncclResult_t ncclCommFinalize(ncclComm_t comm) {
    cudaDeviceSynchronize();
    return comm->error;
}
ncclResult_t ncclCommDestroy(ncclComm_t comm) {
    cudaDeviceSynchronize();
    return leave(comm);
}
ncclResult_t ncclCommAbort(ncclComm_t comm) { return leave(comm); }

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *error) {
    *error = comm->error;
    return ncclSuccess;
}
ncclResult_t ncclCommCount(const ncclComm_t comm, int *count) {
    *count = comm->ranks;
    return ncclSuccess;
}
ncclResult_t ncclCommUserRank(const ncclComm_t comm, int *rank) {
    *rank = comm->rank;
    return ncclSuccess;
}
ncclResult_t ncclGetVersion(int *version) {
    *version = NCCL_VERSION_CODE;
    return ncclSuccess;
}
const char *ncclGetErrorString(ncclResult_t result) {
    static const char *const texts[] = {
        "no error",         "unhandled cuda error", "unhandled system error", "internal error",
        "invalid argument", "invalid usage",        "remote process exited",  "operation in progress"};
    return (unsigned)result < sizeof texts / sizeof *texts ? texts[result] : "unknown result code";
}
const char *ncclGetLastError(ncclComm_t comm) { return comm ? ncclGetErrorString(comm->error) : ""; }
