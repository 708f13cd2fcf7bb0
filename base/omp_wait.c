// Optional (threads): how OpenMP's threads wait for each other. By default libgomp lets a thread that waits spin for
// milliseconds before it sleeps. On an idle machine that is fast; where other programs want the cores too, the spinning
// thread takes the time that the thread it waits for needs: with two threads on two cores and a load of 14, a training
// step took 16 times as long, in 12 times the CPU time. A short spin bridges the gaps within a step and costs neither.
//
// libgomp reads GOMP_SPINCOUNT once, before main and before any code of ours that could set it, so the program sets it
// and executes itself again. Whoever sets GOMP_SPINCOUNT or OMP_WAIT_POLICY is obeyed; under LD_PRELOAD (valgrind,
// fault injection) the program stays as it was started.
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void wait_briefly(int argc, char **argv, char **env) {
    (void)argc, (void)env;
    if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY") || getenv("LD_PRELOAD")) return;
    if (setenv("GOMP_SPINCOUNT", "1000", 1) == 0) execv("/proc/self/exe", argv); // on failure: as before
}
