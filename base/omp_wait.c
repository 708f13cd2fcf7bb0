// Optional (threads): how OpenMP's threads wait for each other. By default libgomp lets a thread that waits spin for
// milliseconds (300,000 rounds) before it sleeps. On an idle machine that is fast; where other programs want the cores
// too, the spinning thread takes the time that the thread it waits for needs.
//
// Measured on two cores with two threads. Under a load of 14, 12 warm-up steps took 208 s and 12.1 s of CPU time with
// libgomp's count, 84 s and 3.4 s with 30,000, 29 s and 1.4 s with 3,000. Idle, 24 steps took 2.67 s with libgomp's
// count, 2.73 s with 10,000 and 3.2 s with 1,000 (medians of three).
//
// libgomp reads GOMP_SPINCOUNT once, before main and before any code of ours that could set it, so the program sets it
// and executes itself again. Whoever sets GOMP_SPINCOUNT or OMP_WAIT_POLICY is obeyed; under LD_PRELOAD (valgrind,
// fault injection) the program stays as it was started.
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void wait_briefly(int argc, char **argv, char **env) {
    (void)argc, (void)env;
    if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY") || getenv("LD_PRELOAD")) return;
    if (setenv("GOMP_SPINCOUNT", "10000", 1) == 0) execv("/proc/self/exe", argv); // on failure: as before
}
