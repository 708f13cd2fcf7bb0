// Optional (robustness).
#define _GNU_SOURCE // pthread_setattr_default_np
#include "base/process.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { STACK = 8 << 20 }; // the usual limit; matrix products need 1 MiB, a step of 65,536 prompts 4

static void on_bus_error(int signal_number) {
    static const char text[] = "a file became shorter while it was read, or its disk failed (SIGBUS)\n";
    (void)signal_number;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) _exit(1);
    _exit(1);
}

static void open_standard(void) {
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) _exit(1);
}

static void raise_stack(const char *program) {
    struct rlimit limit;
    pthread_attr_t threads;
    size_t size;
    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < STACK) {
        long had = (long)limit.rlim_cur >> 10;
        limit.rlim_cur = STACK;
        if (limit.rlim_max < STACK) limit.rlim_max = STACK; // allowed to root alone
        if (setrlimit(RLIMIT_STACK, &limit) != 0) {
            fprintf(stderr, "%s: the stack is limited to %ld KiB, and 8192 are needed: ulimit -s 8192\n", program, had);
            _exit(2);
        }
    }
    if (pthread_getattr_default_np(&threads) != 0) return;
    if (pthread_attr_getstacksize(&threads, &size) == 0 && size < STACK &&
        pthread_attr_setstacksize(&threads, STACK) == 0)
        pthread_setattr_default_np(&threads);
    pthread_attr_destroy(&threads);
}

void process_start(const char *program) {
    open_standard();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGBUS, on_bus_error);
    raise_stack(program);
}
