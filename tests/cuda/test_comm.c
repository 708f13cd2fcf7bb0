// Ranks of the CUDA build: collectives against their definition on 1 to 4 processes, and what the others do when one of
// them dies: end within seconds, with a message. On a machine with GPUs as many ranks as there are.
#include "kernels/device/comm.h"
#include "kernels/device/rendezvous.h"
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { RANKS_MAX = 4, LONG = 40001, GRADIENTS = 3 * 4 * 8 * 1001 }; // more than one piece, and odd

typedef void Body(Comm *comm, Device *dev);

#define RANK_REQUIRE(cond)                                                                                             \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            fprintf(stderr, "%s:%d: rank %d: %s\n", __FILE__, __LINE__, comm_rank(comm), #cond);                       \
            _exit(9);                                                                                                  \
        }                                                                                                              \
    } while (0)

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void set(const char *name, int value) {
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    setenv(name, text, 1);
}

static _Noreturn void rank_main(Body *body, int rank, int ranks, int said) {
    Error err = {""};
    set("RANK", rank), set("WORLD_SIZE", ranks), set("LOCAL_RANK", getenv("CUDA_RANKS") ? rank : 0);
    signal(SIGABRT, SIG_DFL);
    dup2(said, 2);
    Comm *comm = comm_open(NULL, NULL, &err);
    Device *dev = comm ? device_open(0, comm_local_rank(comm), &err) : NULL;
    if (!dev || !comm_attach(comm, dev, &err)) {
        fprintf(stderr, "%s\n", err.text);
        _exit(2);
    }
    body(comm, dev);
    comm_detach(comm);
    device_close(dev);
    comm_close(comm);
    _exit(0);
}

// Starts the ranks; writes how each ended (wait's status) and what they said on stderr. Returns the seconds it took.
static double run_ranks(Body *body, int ranks, int status[RANKS_MAX], char *text, size_t size) {
    pid_t children[RANKS_MAX];
    int ends[2];
    double start = now();
    size_t length = 0;
    assert_int_equal(pipe(ends), 0);
    for (int r = 0; r < ranks; r++) {
        children[r] = fork();
        if (children[r] == 0) rank_main(body, r, ranks, ends[1]);
    }
    close(ends[1]);
    for (ssize_t n; (n = read(ends[0], text + length, size - 1 - length)) > 0;) length += (size_t)n;
    text[length] = 0;
    close(ends[0]);
    for (int r = 0; r < ranks; r++) waitpid(children[r], &status[r], 0);
    return now() - start;
}

static double value(int rank, size_t i) { return ((double)((i * 7 + (size_t)rank * 13) % 101) - 50) * 0.1; }

static void collectives(Comm *comm, Device *dev) {
    int rank = comm_rank(comm), ranks = comm_size(comm);
    static double sums[LONG], most[LONG];
    static char bytes[8 * LONG + 3];
    (void)dev;
    for (size_t i = 0; i < LONG; i++) sums[i] = most[i] = value(rank, i);
    comm_sum(comm, sums, LONG);
    comm_max(comm, most, LONG);
    for (size_t i = 0; i < LONG; i++) {
        double sum = value(0, i), largest = value(0, i);
        for (int r = 1; r < ranks; r++) sum += value(r, i), largest = fmax(largest, value(r, i));
        RANK_REQUIRE(sums[i] == sum && most[i] == largest); // in rank order: to the bit
    }
    double one = rank == ranks - 1 ? NAN : 1;
    comm_max(comm, &one, 1);
    RANK_REQUIRE(isnan(one));
    memset(bytes, rank == 0 ? 'x' : 0, sizeof bytes);
    comm_broadcast(comm, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) RANK_REQUIRE(bytes[i] == 'x');
    comm_barrier(comm);
}

// What is summed with shares, and then gathered, is what is summed without; an odd first part is summed by itself.
static void gradients(Comm *comm, Device *dev) {
    int rank = comm_rank(comm), ranks = comm_size(comm);
    static float h_x[GRADIENTS];
    float *x = device_alloc(dev, sizeof h_x);
    size_t share = GRADIENTS / (size_t)ranks, odd = 1003;
    for (int shares = 0; shares < 2; shares++) {
        for (size_t i = 0; i < GRADIENTS; i++) h_x[i] = (float)value(rank, i);
        device_upload(dev, x, h_x, sizeof h_x);
        if (!shares) comm_sum_device_begin(comm, dev, x + odd, GRADIENTS - odd, false);
        comm_sum_device_begin(comm, dev, x, shares ? GRADIENTS : odd, shares);
        comm_sum_device_end(comm, dev);
        if (shares) comm_gather_device(comm, dev, x, share * sizeof *x);
        device_download(dev, h_x, x, sizeof h_x);
        for (size_t i = 0; i < GRADIENTS; i++) {
            double sum = 0, scale = 0;
            for (int r = 0; r < ranks; r++) sum += (float)value(r, i), scale += fabs(value(r, i));
            RANK_REQUIRE(fabs(h_x[i] - sum) <= ranks * 6e-8 * scale); // at most one rounding a rank
        }
    }
    device_free(dev, x);
    comm_barrier(comm);
}

static int most_ranks(void) { return getenv("CUDA_RANKS") ? atoi(getenv("CUDA_RANKS")) : RANKS_MAX; }

static void on_any_ranks(Body *body) {
    for (int ranks = 1; ranks <= most_ranks() && ranks <= RANKS_MAX; ranks++) {
        int status[RANKS_MAX];
        static char text[1 << 14];
        run_ranks(body, ranks, status, text, sizeof text);
        for (int r = 0; r < ranks; r++)
            if (status[r]) fail_msg("rank %d of %d ended with status %x: %s", r, ranks, (unsigned)status[r], text);
    }
}
static void test_collectives(void **state) { (void)state, on_any_ranks(collectives); }
static void test_gradients(void **state) { (void)state, on_any_ranks(gradients); }

static int victim;

static void die_early(Comm *comm, Device *dev) { // the others are at work, far from any collective
    double x = 1;
    (void)dev;
    comm_sum(comm, &x, 1);
    if (comm_rank(comm) == victim) kill(getpid(), SIGKILL);
    sleep(60);
}

static void die_in_a_collective(Comm *comm, Device *dev) { // the others wait for the dead one
    (void)dev;
    comm_barrier(comm);
    if (comm_rank(comm) == victim) kill(getpid(), SIGKILL);
    comm_barrier(comm);
    sleep(60);
}

static void exit_early(Comm *comm, Device *dev) { // an error's exit: no goodbye
    (void)dev;
    comm_barrier(comm);
    if (comm_rank(comm) == victim) exit(1);
    comm_barrier(comm);
    sleep(60);
}

static void test_a_death_ends_all(void **state) {
    (void)state;
    Body *const ways[] = {die_early, die_in_a_collective, exit_early};
    if (most_ranks() < 3) skip();
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
        for (victim = 0; victim < 3; victim++) {
            int status[RANKS_MAX];
            static char text[1 << 14];
            double seconds = run_ranks(ways[w], 3, status, text, sizeof text);
            assert_true(seconds < 30);
            for (int r = 0; r < 3; r++) {
                char says[32];
                snprintf(says, sizeof says, "rank %d: ", r);
                if (r == victim) continue;
                if (!WIFEXITED(status[r]) || WEXITSTATUS(status[r]) != 1 || !strstr(text, says))
                    fail_msg("way %zu, rank %d died, rank %d ended with status %x: %s", w, victim, r,
                             (unsigned)status[r], text);
            }
        }
}

// A rendezvous file that an earlier job left behind misleads nobody.
static void test_stale_rendezvous(void **state) {
    (void)state;
    char path[] = "/tmp/test-rendezvous-XXXXXX";
    static char text[1 << 14];
    int fd = mkstemp(path), status[RANKS_MAX];
    if (most_ranks() < 2) skip();
    assert_true(fd >= 0 && dprintf(fd, "localhost 9 12345\n") > 0);
    close(fd);
    setenv("DYNAMO_RENDEZVOUS", path, 1);
    run_ranks(collectives, 2, status, text, sizeof text);
    unsetenv("DYNAMO_RENDEZVOUS");
    if (status[0] || status[1]) fail_msg("%s", text);
    assert_int_equal(access(path, F_OK), -1);
}

static void test_environment(void **state) {
    (void)state;
    Error err = {""};
    setenv("WORLD_SIZE", "2", 1), setenv("LOCAL_RANK", "0", 1);
    setenv("RANK", "2", 1);
    assert_null(comm_open(NULL, NULL, &err));
    assert_non_null(strstr(err.text, "RANK=2 of WORLD_SIZE=2"));
    setenv("RANK", "one", 1);
    assert_null(comm_open(NULL, NULL, &err));
    assert_non_null(strstr(err.text, "RANK=one"));
    setenv("RANK", "1", 1), setenv("LOCAL_RANK", "1", 1);
    const char *const visible[] = {"0,1", "GPU-3f"}, *const before = getenv("CUDA_VISIBLE_DEVICES");
    for (int one = 0; one < 2; one++) { // a launcher that shows every process its own GPU alone
        setenv("CUDA_VISIBLE_DEVICES", visible[one], 1);
        Launch launch;
        assert_true(launch_read(&launch, &err));
        assert_int_equal(launch.local_rank, 1 - one);
    }
    if (before) setenv("CUDA_VISIBLE_DEVICES", before, 1);
    else unsetenv("CUDA_VISIBLE_DEVICES");
    unsetenv("RANK");
    Comm *comm = comm_open(NULL, NULL, &err); // RANK alone decides: a stray WORLD_SIZE starts nothing
    assert_non_null(comm);
    assert_int_equal(comm_size(comm), 1);
    comm_close(comm);
    unsetenv("WORLD_SIZE"), unsetenv("LOCAL_RANK");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_environment), cmocka_unit_test(test_collectives),
                                       cmocka_unit_test(test_gradients), cmocka_unit_test(test_a_death_ends_all),
                                       cmocka_unit_test(test_stale_rendezvous)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
