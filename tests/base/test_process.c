// Tests of base/process.c, each in a child that its surroundings treat badly; and that the text of an error is one line
// without escape codes.
#include "base/process.h"
#include "base/files.h"
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <cmocka.h>

static char folder[] = "/tmp/test-process-XXXXXX", path[64];
enum { BIG = 4 << 20 };

// Runs `child` in a process of its own; writes what it prints on stderr. Returns its status as wait gives it.
static int in_child(int (*child)(void), char said[300]) {
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 2);
        _exit(child());
    }
    close(ends[1]);
    ssize_t n = read(ends[0], said, 299);
    said[n > 0 ? n : 0] = 0;
    close(ends[0]);
    waitpid(pid, &status, 0);
    return status;
}

// 0: files opened later are not what is printed to, and printing is an error.
static int closed_output(void) {
    close(0), close(1);
    process_start("test");
    FILE *file = fopen(path, "w");
    bool lost = file && printf("text") == 4 && fflush(stdout) != 0;
    if (file) fclose(file);
    return lost && fileno(stdout) == 1 ? 0 : 9;
}

static void test_closed_output(void **state) {
    (void)state;
    char said[300];
    size_t n;
    assert_int_equal(in_child(closed_output, said), 0);
    char *text = file_read(path, 100, &n, NULL);
    assert_non_null(text);
    assert_string_equal(text, "");
    free(text);
}

static int broken_pipe(void) {
    int ends[2];
    process_start("test");
    if (pipe(ends) != 0) return 9;
    close(ends[0]);
    return write(ends[1], "x", 1) == -1 ? 0 : 9;
}

static int limited_file(void) {
    process_start("test");
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){10, 10});
    return file_replace(path, "more than ten bytes", 19, NULL) ? 9 : 0;
}

static void test_writes_fail(void **state) {
    (void)state;
    char said[300];
    assert_int_equal(in_child(broken_pipe, said), 0);
    assert_true(file_replace(path, "old", 3, NULL));
    assert_int_equal(in_child(limited_file, said), 0);
    size_t n;
    char *text = file_read(path, 100, &n, NULL);
    assert_string_equal(text, "old");
    free(text);
}

static int shrinking_file(void) {
    size_t n;
    process_start("test");
    const volatile char *map = file_map(path, 1, &n, NULL);
    if (!map || truncate(path, 0) != 0) return 9;
    return map[n - 1];
}

static void test_shrinking_file(void **state) {
    (void)state;
    char said[300];
    assert_true(file_replace(path, "mapped", 6, NULL));
    int status = in_child(shrinking_file, said);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_non_null(strstr(said, "a file became shorter while it was read"));
}

static void *use_stack(void *unused) {
    volatile char big[BIG];
    (void)unused;
    for (int i = 0; i < BIG; i += 1024) big[i] = 1;
    return big[0] ? NULL : path;
}

static int small_stack(void) { // of the process's first thread, and of a later one
    pthread_t thread;
    setrlimit(RLIMIT_STACK, &(struct rlimit){256 << 10, 8 << 20});
    process_start("test");
    use_stack(NULL);
    return pthread_create(&thread, NULL, use_stack, NULL) == 0 && pthread_join(thread, NULL) == 0 ? 0 : 9;
}

static int stack_that_stays_small(void) {
    setrlimit(RLIMIT_STACK, &(struct rlimit){256 << 10, 256 << 10});
    if (getuid() == 0 && setuid(12345) != 0) return 9;
    process_start("test");
    return 0;
}

static void test_small_stacks(void **state) {
    (void)state;
    char said[300];
    assert_int_equal(in_child(small_stack, said), 0);
    int status = in_child(stack_that_stays_small, said);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    assert_string_equal(said, "test: the stack is limited to 256 KiB, and 8192 are needed: ulimit -s 8192\n");
}

static void test_errors_are_plain_lines(void **state) {
    (void)state;
    Error err;
    assert_false((fail)(&err, "%s", "a\033[31mb\nc\177d\302\233e\u00e9\302"));
    assert_string_equal(err.text, "a?[31mb?c?d??e\u00e9\302");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_closed_output), cmocka_unit_test(test_writes_fail),
                                       cmocka_unit_test(test_shrinking_file), cmocka_unit_test(test_small_stacks),
                                       cmocka_unit_test(test_errors_are_plain_lines)};
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/file", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path), rmdir(folder);
    return failed;
}
