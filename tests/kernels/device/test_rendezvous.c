// Tests of kernels/device/rendezvous.c: the file and its folder, and what the others do when a rank stops. (What they
// do when it dies: tests/cuda/test_comm.c.)
#include "kernels/device/rendezvous.h"
#include "base/clock.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { RANKS = 3 };
typedef void Body(int rank);
static char folder[] = "/tmp/test-rendezvous-XXXXXX", path[64], private[64];
static double *left; // (RANKS) when each was back from rendezvous_close

static void nap(double seconds) {
    struct timespec t = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
    nanosleep(&t, NULL);
}

static _Noreturn void rank_main(int rank, double seconds, Body *body, int said) {
    Error err = {""};
    char message[8] = "";
    dup2(said, 2);
    if (rank == 0) strcpy(message, "hello");
    Rendezvous *job = rendezvous_open(&(Launch){rank, RANKS, 0}, NULL, message, sizeof message, seconds, &err);
    if (!job) fprintf(stderr, "%s\n", err.text), _exit(2);
    if (strcmp(message, "hello") != 0) _exit(3);
    body(rank);
    rendezvous_close(job);
    left[rank] = seconds_now();
    _exit(0);
}

// Starts the ranks, stops all of them meanwhile for `stop` seconds, and writes how each ended and what they said.
static void run_ranks(Body *body, double seconds, double stop, int status[RANKS], char *text, size_t size) {
    pid_t children[RANKS];
    int ends[2];
    size_t length = 0;
    assert_int_equal(pipe(ends), 0);
    for (int r = 0; r < RANKS; r++)
        if ((children[r] = fork()) == 0) rank_main(r, seconds, body, ends[1]);
    close(ends[1]);
    for (int round = 0; stop > 0 && round < 2; round++) {
        nap(round == 0 ? 1 : stop);
        for (int r = 0; r < RANKS; r++) kill(children[r], round == 0 ? SIGSTOP : SIGCONT);
    }
    for (int r = 0; r < RANKS; r++) {
        waitpid(children[r], &status[r], WUNTRACED);
        if (!WIFSTOPPED(status[r])) continue;
        for (int other = r + 1; other < RANKS; other++) waitpid(children[other], &status[other], 0);
        kill(children[r], SIGKILL);
        waitpid(children[r], NULL, 0);
        break;
    }
    for (ssize_t n; (n = read(ends[0], text + length, size - 1 - length)) > 0;) length += (size_t)n;
    text[length] = 0;
    close(ends[0]);
}

static void nothing(int rank) { (void)rank; }
static void wait_a_while(int rank) { (void)rank, nap(8); }
static int victim;
static void stop_victim(int rank) {
    if (rank == victim) kill(getpid(), SIGSTOP);
    nap(30);
}

static void assert_all_end_well(Body *body, double stop) {
    int status[RANKS];
    char text[2000];
    run_ranks(body, 20, stop, status, text, sizeof text);
    for (int r = 0; r < RANKS; r++)
        if (status[r]) fail_msg("rank %d ended with status %x: %s", r, (unsigned)status[r], text);
}

static void test_connects(void **state) {
    (void)state;
    struct stat info;
    assert_all_end_well(nothing, 0);
    assert_int_equal(access(path, F_OK), -1); // the file is gone
    unsetenv("DYNAMO_RENDEZVOUS");
    assert_all_end_well(nothing, 0);
    setenv("DYNAMO_RENDEZVOUS", path, 1);
    assert_int_equal(lstat(private, &info), 0);
    assert_int_equal(info.st_mode, S_IFDIR | 0700);
}

static void assert_no_rendezvous(const char *why) {
    int status[RANKS];
    char text[2000];
    run_ranks(nothing, 0.5, 0, status, text, sizeof text);
    for (int r = 0; r < RANKS; r++) assert_int_equal(WEXITSTATUS(status[r]), 2);
    if (!strstr(text, why)) fail_msg("expected \"%s\": %s", why, text);
}

// Where another user was first: no file is made in a folder that they can enter, or that a link leads to.
static void test_folder_of_others(void **state) {
    (void)state;
    unsetenv("DYNAMO_RENDEZVOUS");
    assert_int_equal(chmod(private, 0755), 0);
    assert_no_rendezvous("is not a folder that this user alone can enter");
    assert_int_equal(rmdir(private), 0);
    assert_int_equal(symlink(folder, private), 0); // to one that is private
    assert_no_rendezvous("is not a folder that this user alone can enter");
    assert_int_equal(unlink(private), 0);
    if (getuid() == 0) {
        assert_int_equal(mkdir(private, 0700), 0);
        assert_int_equal(chown(private, 12345, 12345), 0);
        assert_no_rendezvous("is not a folder that this user alone can enter");
        rmdir(private);
    }
    setenv("DYNAMO_RENDEZVOUS", path, 1);
}

// A link in the way of the file does not lead to another one.
static void test_links(void **state) {
    (void)state;
    char victim_path[100], link[100], content[8] = "";
    snprintf(victim_path, sizeof victim_path, "%s/victim", folder);
    int fd = open(victim_path, O_RDWR | O_CREAT, 0600), status;
    assert_true(fd >= 0 && write(fd, "mine", 4) == 4);
    pid_t child = fork(); // rank 0, whose number is in the name of the temporary file
    if (child == 0) {
        Error err;
        snprintf(link, sizeof link, "%s.%d", path, (int)getpid());
        if (symlink(victim_path, link) != 0 || symlink(victim_path, path) != 0) _exit(3);
        _exit(rendezvous_open(&(Launch){0, 2, 0}, NULL, NULL, 0, 0.3, &err) != NULL);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(pread(fd, content, sizeof content, 0), 4);
    assert_string_equal(content, "mine");
    close(fd);
    unlink(victim_path);
    assert_all_end_well(nothing, 0);
}

// Rank 1 believes no file that others may have written: it would lead to their process.
static void test_file_of_others(void **state) {
    (void)state;
    const char *const ways[] = {"readable by others", "a link"};
    for (int way = 0; way < 2; way++) {
        char real[100];
        int status;
        snprintf(real, sizeof real, "%s%s", path, way ? ".real" : "");
        int fd = open(real, O_WRONLY | O_CREAT, 0600);
        assert_true(fd >= 0 && dprintf(fd, "localhost 9 12345\n") > 0);
        if (way == 0) assert_int_equal(fchmod(fd, 0644), 0);
        else assert_int_equal(symlink(real, path), 0);
        close(fd);
        pid_t child = fork();
        if (child == 0) {
            char message[8];
            Error err;
            Rendezvous *job = rendezvous_open(&(Launch){1, 2, 0}, NULL, message, 8, 0.3, &err);
            _exit(job ? 1 : strstr(err.text, "others may have written") ? 0 : 2);
        }
        waitpid(child, &status, 0);
        if (status) fail_msg("%s: status %x", ways[way], (unsigned)status);
        unlink(path), unlink(real);
    }
}

static void test_a_stopped_rank_ends_all(void **state) {
    (void)state;
    setenv("DYNAMO_SILENCE", "3", 1);
    for (victim = 0; victim < 2; victim++) {
        int status[RANKS];
        char text[2000], says[80];
        time_t start = time(NULL);
        run_ranks(stop_victim, 20, 0, status, text, sizeof text);
        assert_in_range(time(NULL) - start, 0, 20);
        for (int r = 0; r < RANKS; r++) {
            if (r == victim) continue;
            snprintf(says, sizeof says, "rank %d: rank %d was silent for 3 seconds", r, victim);
            if (!WIFEXITED(status[r]) || WEXITSTATUS(status[r]) != 1 || !strstr(text, says))
                fail_msg("rank %d stopped, rank %d ended with status %x: %s", victim, r, (unsigned)status[r], text);
        }
    }
    unsetenv("DYNAMO_SILENCE");
}

// Ctrl-Z and fg, or a machine that sleeps.
static void test_all_stopped_together(void **state) {
    (void)state;
    setenv("DYNAMO_SILENCE", "3", 1);
    assert_all_end_well(wait_a_while, 5);
    unsetenv("DYNAMO_SILENCE");
}

static void dawdle(int rank) { nap(rank == 1 ? 2 : 0); }
static void test_leave_together(void **state) {
    (void)state;
    double start = seconds_now();
    assert_all_end_well(dawdle, 0);
    for (int r = 0; r < RANKS; r++) assert_true(left[r] >= start + 2);
}

int main(void) {
    left = mmap(NULL, RANKS * sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (left == MAP_FAILED) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connects),       cmocka_unit_test(test_folder_of_others),
        cmocka_unit_test(test_links),          cmocka_unit_test(test_file_of_others),
        cmocka_unit_test(test_a_stopped_rank_ends_all), cmocka_unit_test(test_all_stopped_together),
        cmocka_unit_test(test_leave_together)};
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(private, sizeof private, "%s/dynamo-%d", folder, (int)getuid());
    setenv("TMPDIR", folder, 1), setenv("DYNAMO_RENDEZVOUS", path, 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path), rmdir(private), rmdir(folder);
    return failed;
}
