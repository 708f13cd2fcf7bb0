// The harness's NCCL: collectives of 1 to 4 processes against their definition, and two errors that must end with a
// message: ranks that disagree, and a peer that dies. On a machine with GPUs (nvcc, -lnccl) the first test runs with as
// many ranks as there are GPUs; the tests of errors are for the harness only and are skipped.
#include "kernels/device/launch.cuh" // before cmocka, whose `fail` is a macro
extern "C" {
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
}
#include <nccl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COUNT = 20011, RANKS_MAX = 4 }; // more than a piece of the harness, and odd

typedef struct Shared { // between the forked ranks
    ncclUniqueId id;
    volatile int ready;
} Shared;

#define NCCL_REQUIRE(call)                                                                                             \
    do {                                                                                                               \
        ncclResult_t result = (call);                                                                                  \
        if (result != ncclSuccess) {                                                                                   \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, ncclGetErrorString(result));                 \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)
#define RANK_REQUIRE(cond)                                                                                             \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                                                 \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

typedef void Body(int rank, int ranks, ncclComm_t comm, cudaStream_t stream);

static void rank_main(Body *body, int rank, int ranks, Shared *shared) {
    ncclComm_t comm;
    cudaStream_t stream;
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    int devices;
    CUDA_CHECK(cudaGetDeviceCount(&devices));
    CUDA_CHECK(cudaSetDevice(rank % devices));
    if (rank == 0) {
        NCCL_REQUIRE(ncclGetUniqueId(&shared->id));
        shared->ready = 1;
    }
    while (!shared->ready) usleep(100);
    NCCL_REQUIRE(ncclCommInitRankConfig(&comm, ranks, shared->id, rank, &config));
    CUDA_CHECK(cudaStreamCreate(&stream));
    body(rank, ranks, comm, stream);
    NCCL_REQUIRE(ncclCommDestroy(comm));
    CUDA_CHECK(cudaStreamDestroy(stream));
    _exit(0);
}

// Forks the ranks before any CUDA call of this process; writes how each ended (wait's status) and what they printed.
static void run_ranks(Body *body, int ranks, int status[RANKS_MAX], char *text, size_t text_bytes) {
    Shared *shared =
        static_cast<Shared *>(mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t children[RANKS_MAX];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    for (int r = 0; r < ranks; r++) {
        children[r] = fork();
        if (children[r] == 0) {
            dup2(ends[1], 2);
            close(ends[0]), close(ends[1]);
            signal(SIGABRT, SIG_DFL);
            rank_main(body, r, ranks, shared);
        }
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t n; (n = read(ends[0], text + length, text_bytes - 1 - length)) > 0;) length += static_cast<size_t>(n);
    text[length] = 0;
    close(ends[0]);
    for (int r = 0; r < ranks; r++) waitpid(children[r], &status[r], 0);
    munmap(shared, sizeof *shared);
}

// ---- Definitions --------------------------------------------------------------------------------------------------
static float value(int rank, size_t i) {
    return static_cast<float>((i * 7 + static_cast<size_t>(rank) * 13) % 101) - 50;
}

template <class T> static T *upload(int rank, size_t n) {
    T *h_x = static_cast<T *>(malloc(n * sizeof(T))), *x;
    for (size_t i = 0; i < n; i++) h_x[i] = static_cast<T>(value(rank, i));
    CUDA_CHECK(cudaMalloc(&x, n * sizeof(T)));
    CUDA_CHECK(cudaMemcpy(x, h_x, n * sizeof(T), cudaMemcpyHostToDevice));
    free(h_x);
    return x;
}
template <class T> static T *download(T *x, size_t n, cudaStream_t stream) {
    T *h_x = static_cast<T *>(malloc(n * sizeof(T)));
    CUDA_CHECK(cudaMemcpyAsync(h_x, x, n * sizeof(T), cudaMemcpyDeviceToHost, stream));
    CUDA_CHECK(cudaStreamSynchronize(stream));
    CUDA_CHECK(cudaFree(x));
    return h_x;
}

template <class T>
static void check_reductions(ncclDataType_t type, int rank, int ranks, ncclComm_t comm, cudaStream_t stream) {
    size_t n = COUNT;
    T *sum = upload<T>(rank, n), *peak = upload<T>(rank, n), *all = upload<T>(rank, n * static_cast<size_t>(ranks)),
      *part = upload<T>(rank, n);
    NCCL_REQUIRE(ncclGroupStart());
    NCCL_REQUIRE(ncclAllReduce(sum, sum, n, type, ncclSum, comm, stream));
    NCCL_REQUIRE(ncclAllReduce(peak, peak, n, type, ncclMax, comm, stream));
    NCCL_REQUIRE(ncclReduceScatter(all, part, n, type, ncclSum, comm, stream));
    NCCL_REQUIRE(ncclGroupEnd());
    T *h_sum = download(sum, n, stream), *h_peak = download(peak, n, stream), *h_part = download(part, n, stream);
    CUDA_CHECK(cudaFree(all));
    for (size_t i = 0; i < n; i++) {
        float want_sum = 0, want_peak = -1e9f, want_part = 0;
        for (int r = 0; r < ranks; r++) {
            want_sum += value(r, i);
            want_peak = fmaxf(want_peak, value(r, i));
            want_part += value(r, static_cast<size_t>(rank) * n + i);
        }
        RANK_REQUIRE(static_cast<float>(h_sum[i]) == want_sum); // whole numbers up to 200: exact, in bf16 too
        RANK_REQUIRE(static_cast<float>(h_peak[i]) == want_peak);
        RANK_REQUIRE(static_cast<float>(h_part[i]) == want_part);
    }
    free(h_sum), free(h_peak), free(h_part);
}

static void collectives(int rank, int ranks, ncclComm_t comm, cudaStream_t stream) {
    check_reductions<float>(ncclFloat32, rank, ranks, comm, stream);
    check_reductions<__nv_bfloat16>(ncclBfloat16, rank, ranks, comm, stream);
    check_reductions<double>(ncclFloat64, rank, ranks, comm, stream);
    check_reductions<int>(ncclInt32, rank, ranks, comm, stream);
    size_t n = COUNT, last = static_cast<size_t>(ranks - 1);
    float *mine = upload<float>(rank, n), *gathered = upload<float>(rank, n * static_cast<size_t>(ranks)),
          *root = upload<float>(rank, n);
    NCCL_REQUIRE(ncclAllGather(mine, gathered, n, ncclFloat32, comm, stream));
    NCCL_REQUIRE(ncclBroadcast(root, root, n, ncclFloat32, ranks - 1, comm, stream));
    float *h_gathered = download(gathered, n * static_cast<size_t>(ranks), stream), *h_root = download(root, n, stream);
    for (size_t i = 0; i < n; i++) {
        for (int r = 0; r < ranks; r++) RANK_REQUIRE(h_gathered[static_cast<size_t>(r) * n + i] == value(r, i));
        RANK_REQUIRE(h_root[i] == value(static_cast<int>(last), i));
    }
    free(h_gathered), free(h_root);
    CUDA_CHECK(cudaFree(mine));
}

// Asks in a child process: CUDA does not allow a fork after its first call.
static int probe(bool *harness) {
    int *answer =
        static_cast<int *>(mmap(NULL, 2 * sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t child = fork();
    if (child == 0) {
        cudaDeviceProp properties;
        if (cudaGetDeviceCount(&answer[0]) != cudaSuccess) answer[0] = 0;
        if (answer[0] && cudaGetDeviceProperties(&properties, 0) == cudaSuccess)
            answer[1] = !strcmp(properties.name, "CUDA on CPU");
        _exit(0);
    }
    waitpid(child, NULL, 0);
    *harness = answer[1] != 0;
    return answer[0];
}

static void test_collectives(void **) {
    bool harness;
    int devices = probe(&harness);
    for (int ranks = 1; ranks <= (harness ? static_cast<int>(RANKS_MAX) : devices) && ranks <= RANKS_MAX; ranks++) {
        int status[RANKS_MAX];
        static char text[1 << 14];
        run_ranks(collectives, ranks, status, text, sizeof text);
        for (int r = 0; r < ranks; r++)
            if (status[r]) fail_msg("rank %d of %d ended with %d: %s", r, ranks, status[r], text);
    }
}

// ---- Errors -------------------------------------------------------------------------------------------------------
static void disagree(int rank, int, ncclComm_t comm, cudaStream_t stream) {
    float *x = upload<float>(rank, COUNT);
    NCCL_REQUIRE(ncclAllReduce(x, x, rank == 1 ? COUNT - 1 : COUNT, ncclFloat32, ncclSum, comm, stream));
}

static void too_short(int rank, int, ncclComm_t comm, cudaStream_t stream) {
    float *x = upload<float>(rank, COUNT);
    NCCL_REQUIRE(ncclAllReduce(x, x, COUNT + 1, ncclFloat32, ncclSum, comm, stream));
}

// Rank 1 dies between two collectives. The others must notice by polling, and leave by ncclCommAbort.
static void die_early(int rank, int, ncclComm_t comm, cudaStream_t stream) {
    float *x = upload<float>(rank, COUNT);
    NCCL_REQUIRE(ncclAllReduce(x, x, COUNT, ncclFloat32, ncclSum, comm, stream));
    CUDA_CHECK(cudaStreamSynchronize(stream));
    if (rank == 1) kill(getpid(), SIGKILL);
    ncclResult_t error = ncclAllReduce(x, x, COUNT, ncclFloat32, ncclSum, comm, stream); // may know already
    while (cudaStreamQuery(stream) == cudaErrorNotReady && error == ncclSuccess)
        NCCL_REQUIRE(ncclCommGetAsyncError(comm, &error));
    RANK_REQUIRE(error == ncclRemoteError);
    NCCL_REQUIRE(ncclCommAbort(comm));
    CUDA_CHECK(cudaStreamSynchronize(stream)); // released by the abort
    _exit(7);
}

// The same, but rank 0 never polls: on a GPU it would hang. Rank 1 dies late, so rank 0's call does not know of it yet.
static void die_unnoticed(int rank, int, ncclComm_t comm, cudaStream_t stream) {
    float *x = upload<float>(rank, COUNT);
    if (rank == 1) usleep(300000), kill(getpid(), SIGKILL);
    NCCL_REQUIRE(ncclAllReduce(x, x, COUNT, ncclFloat32, ncclSum, comm, stream));
    CUDA_CHECK(cudaStreamSynchronize(stream));
}

static bool ended_badly(int status) { return WIFSIGNALED(status) || WEXITSTATUS(status) == 1; }

static void test_errors(void **) {
    bool harness;
    int status[RANKS_MAX];
    static char text[1 << 14];
    probe(&harness);
    if (!harness) skip();
    run_ranks(disagree, 2, status, text, sizeof text);
    assert_true(ended_badly(status[0]) && ended_badly(status[1]));
    assert_non_null(strstr(text, "the ranks issue different collectives"));
    run_ranks(too_short, 2, status, text, sizeof text);
    assert_true(ended_badly(status[0]) && ended_badly(status[1]));
    assert_non_null(strstr(text, "out of bounds: ncclAllReduce"));
    run_ranks(die_early, 3, status, text, sizeof text);
    assert_int_equal(WEXITSTATUS(status[0]), 7);
    assert_int_equal(WEXITSTATUS(status[2]), 7);
    // If rank 0 is so slow that its call already knows of the death, it tries again.
    for (int attempt = 0; attempt == 0 || (attempt < 5 && strstr(text, "ncclAllReduce")); attempt++) {
        run_ranks(die_unnoticed, 2, status, text, sizeof text);
        assert_true(ended_badly(status[0]));
    }
    assert_non_null(strstr(text, "would wait for ever"));
}

int main() {
    const CMUnitTest tests[] = {cmocka_unit_test(test_collectives), cmocka_unit_test(test_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
