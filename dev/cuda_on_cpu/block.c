// Optional (CUDA on a CPU): runs a launch, one block after another, each thread of a block as a fiber until it must
// wait.
//
// A thread waits in two places: sim_barrier (for all threads of the block) and sim_meet (for the lanes of a mask). If
// no thread can run and some have not ended, the block is in deadlock, and a message lists who waits where.
//
// CUDA_ON_CPU_ORDER = asc (default), desc or a number that seeds a shuffle: the order of the blocks of a grid and of
// the threads of a block. CUDA_ON_CPU_TIMEOUT = seconds of processor time a launch may take (default 120).
#include "dev/cuda_on_cpu/runtime.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include "dev/cuda_on_cpu/fiber.h"

enum { STACK_BYTES = 256 << 10, ARGS_AT = (sizeof(SimLaunch) + 15) / 16 * 16 }; // a launch as work: header, arguments
typedef enum State { READY, AT_BARRIER, AT_MEETING, ENDED } State;

typedef struct Thread {
    SimThread seen; // first: sim_self points here
    Fiber fiber;
    State state;
    unsigned turn;           // its index in `order`
    const char *what, *file; // where it waits
    int line;
    unsigned mask; // of the meeting
    SimWarpOp *op;
    void *args;
} Thread;

typedef struct Meeting { // the latest of a warp; `here` is 0 once all lanes have met
    unsigned mask, here;
    SimWarpOp *op;
} Meeting;

static Thread threads[SIM_BLOCK_MAX];
static unsigned order[SIM_BLOCK_MAX]; // threads[order[0]] runs first
static Fiber outside;                 // the host code that launched
static const SimLaunch *running;      // NULL outside kernels
static const void *running_args;
static size_t running_args_bytes;
static unsigned thread_count, alive, at_barrier;
static const Thread *first_at_barrier;                   // the others must wait at the same place
static unsigned lanes_waiting[SIM_BLOCK_MAX / SIM_WARP]; // at a meeting, a bit a lane
static Meeting last_meeting[SIM_BLOCK_MAX / SIM_WARP];
static int predicates, barrier_result;
static unsigned long long shuffle_state;
static _Alignas(1024) unsigned char dynamic_shared[SIM_SHARED_MAX];
extern unsigned char cuda_shared_start[], cuda_shared_stop[]; // from shared.ld: the section of all __shared__ arrays
extern const char __executable_start[], _end[];               // from the linker: code and constants of the program

SimThread *sim_self;

// ---- Messages ------------------------------------------------------------------------------------------------------
static void say_where(void) {
    if (!running) return;
    fprintf(stderr, "  in kernel %s, launched at %s:%d", running->name, running->file, running->line);
    if (sim_self)
        fprintf(stderr, ", block (%u, %u, %u), thread (%u, %u, %u)", sim_self->block.x, sim_self->block.y,
                sim_self->block.z, sim_self->thread.x, sim_self->thread.y, sim_self->thread.z);
    fputc('\n', stderr);
}

void sim_die(const char *format, ...) {
    va_list args;
    fflush(stdout);
    fprintf(stderr, "cuda_on_cpu: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    say_where();
    abort();
}

static bool same_place(const Thread *a, const Thread *b) {
    return a->state == b->state && (a->state == ENDED || (a->line == b->line && a->mask == b->mask &&
                                                          !strcmp(a->file, b->file) && !strcmp(a->what, b->what)));
}

static void deadlock(void) {
    fflush(stdout);
    fprintf(stderr, "cuda_on_cpu: deadlock: no thread of the block can run\n");
    for (unsigned first = 0, next; first < thread_count; first = next) {
        const Thread *t = &threads[first];
        for (next = first + 1; next < thread_count && same_place(t, &threads[next]);) next++;
        fprintf(stderr, "  threads %4u..%-4u ", first, next - 1);
        if (t->state == ENDED) fprintf(stderr, "have ended\n");
        else if (t->state == AT_BARRIER) fprintf(stderr, "wait at %s:%d in %s\n", t->file, t->line, t->what);
        else fprintf(stderr, "wait at %s:%d in %s, mask 0x%08x\n", t->file, t->line, t->what, t->mask);
    }
    sim_self = &threads[0].seen;
    say_where();
    abort();
}

static void out_of_time(int signal_number) {
    (void)signal_number;
    sim_die("the launch takes longer than CUDA_ON_CPU_TIMEOUT: an endless loop?");
}

static void watchdog(bool on) {
    const char *text = getenv("CUDA_ON_CPU_TIMEOUT");
    long seconds = text ? atol(text) : 120;
    struct itimerval timer = {.it_value = {.tv_sec = on ? seconds : 0}};
    if (on) signal(SIGPROF, out_of_time);
    setitimer(ITIMER_PROF, &timer, NULL);
}

void sim_check_aligned(const void *address, size_t alignment) {
    if ((uintptr_t)address % alignment)
        sim_die("misaligned address %p: an access of %zu bytes needs a multiple of it", address, alignment);
}

// ---- Waiting -------------------------------------------------------------------------------------------------------
static Thread *current(const char *what) {
    if (!sim_self) sim_die("%s is called by host code", what);
    return &threads[sim_self->rank];
}

static void wait_at(Thread *self, State state, const char *what, const char *file, int line, unsigned mask) {
    self->state = state;
    self->what = what;
    self->file = file;
    self->line = line;
    self->mask = mask;
}

static void resume(Thread *t, Fiber *from) {
    sim_self = &t->seen;
    fiber_switch(from, &t->fiber);
}

// Switches to the next thread in order that can run, or to the host code if all have ended.
static void give_way(Thread *self) {
    for (unsigned i = 1; alive && i <= thread_count; i++) {
        unsigned turn = self->turn + i;
        Thread *next = &threads[order[turn < thread_count ? turn : turn - thread_count]];
        if (next->state != READY) continue;
        if (next != self) resume(next, &self->fiber);
        return;
    }
    if (alive) deadlock();
    fiber_switch(&self->fiber, &outside);
}

static void open_barrier(void) {
    for (unsigned i = 0; i < thread_count; i++)
        if (threads[i].state == AT_BARRIER) threads[i].state = READY;
    barrier_result = predicates;
    at_barrier = 0;
    predicates = 0;
    sim_race_barrier();
}

int sim_barrier(int predicate, const char *file, int line) {
    Thread *self = current("__syncthreads");
    const Thread *first = first_at_barrier;
    if (at_barrier && (first->line != line || (first->file != file && strcmp(first->file, file) != 0)))
        sim_die("divergent barrier: __syncthreads at %s:%d, but thread %u waits in the one at %s:%d", file, line,
                first->seen.rank, first->file, first->line);
    if (!at_barrier) first_at_barrier = self;
    wait_at(self, AT_BARRIER, "__syncthreads", file, line, 0);
    predicates += predicate != 0;
    if (++at_barrier == alive) open_barrier();
    else give_way(self);
    return barrier_result;
}

// The lanes of mask that already wait for this one. Two lanes whose masks name each other and differ would wait for
// ever. A lane that waits elsewhere, with a mask that omits this one, may still come.
static unsigned lanes_met(const char *name, unsigned mask, SimWarpOp *op, unsigned first, unsigned lane,
                          const char *file, int line) {
    const Meeting *last = &last_meeting[first / SIM_WARP];
    unsigned here = 0, waiting = lanes_waiting[first / SIM_WARP] & mask;
    if (last->mask == mask && last->op == op && last->here == waiting) return waiting; // all for this meeting
    for (unsigned bits = waiting; bits; bits &= bits - 1) {
        unsigned i = (unsigned)__builtin_ctz(bits);
        const Thread *other = &threads[first + i];
        if (!(other->mask >> lane & 1)) continue;
        if (other->mask != mask || other->op != op)
            sim_die("bad mask: %s at %s:%d, mask 0x%08x, but lane %u waits in %s at %s:%d, mask 0x%08x", name, file,
                    line, mask, i, other->what, other->file, other->line, other->mask);
        here |= 1u << i;
    }
    return here;
}

void sim_meet(const char *name, unsigned mask, SimWarpOp *op, void *args, const char *file, int line) {
    Thread *self = current(name);
    unsigned lane = self->seen.rank % SIM_WARP, first = self->seen.rank - lane, here = 1u << lane;
    unsigned *waiting = &lanes_waiting[first / SIM_WARP];
    if (!(mask & here))
        sim_die("bad mask: %s at %s:%d by lane %u, which mask 0x%08x omits", name, file, line, lane, mask);
    if (thread_count - first < SIM_WARP && mask >> (thread_count - first))
        sim_die("bad mask: %s at %s:%d, mask 0x%08x names a lane which the block does not have", name, file, line,
                mask);
    here |= lanes_met(name, mask, op, first, lane, file, line);
    last_meeting[first / SIM_WARP] = (Meeting){mask, here == mask ? 0 : here, op};
    self->op = op;
    self->args = args;
    if (here != mask) {
        wait_at(self, AT_MEETING, name, file, line, mask);
        *waiting |= 1u << lane;
        give_way(self);
        return;
    }
    void *lanes[SIM_WARP] = {0};
    for (unsigned i = 0; i < SIM_WARP; i++)
        if (mask >> i & 1) lanes[i] = threads[first + i].args, threads[first + i].state = READY;
    *waiting &= ~mask;
    op(lanes, mask);
}

static void syncwarp_op(void **lanes, unsigned mask) {
    (void)lanes;
    sim_race_syncwarp(mask);
}

void sim_syncwarp(unsigned mask, const char *file, int line) {
    sim_meet("__syncwarp", mask, syncwarp_op, NULL, file, line);
}

// ---- Blocks --------------------------------------------------------------------------------------------------------
static void thread_main(void) { // a fiber lives for ever: at each resumption it runs one more thread to its end
    for (;;) {
        Thread *self = (Thread *)(void *)sim_self;
        running->run(running_args);
        self->state = ENDED;
        alive--;
        if (at_barrier && at_barrier == alive) open_barrier();
        give_way(self);
    }
}

static unsigned shuffle_draw(unsigned below) { // xorshift64*, Vigna 2016
    shuffle_state ^= shuffle_state >> 12;
    shuffle_state ^= shuffle_state << 25;
    shuffle_state ^= shuffle_state >> 27;
    return (unsigned)(((shuffle_state * 0x2545F4914F6CDD1Dull >> 32) * below) >> 32);
}

static void choose_order(unsigned *list, unsigned n) {
    const char *text = getenv("CUDA_ON_CPU_ORDER");
    bool descending = text && !strcmp(text, "desc");
    for (unsigned i = 0; i < n; i++) list[i] = descending ? n - 1 - i : i;
    if (!text || descending || !strcmp(text, "asc")) return;
    if (!shuffle_state) shuffle_state = strtoull(text, NULL, 10) * 2 + 1;
    for (unsigned i = n; i > 1; i--) {
        unsigned j = shuffle_draw(i), swap = list[i - 1];
        list[i - 1] = list[j];
        list[j] = swap;
    }
}

static uint3 unrank(dim3 size, unsigned rank) {
    return (uint3){rank % size.x, rank / size.x % size.y, rank / size.x / size.y};
}

static void run_block(const SimLaunch *launch, unsigned block_rank) {
    sim_fill(cuda_shared_start, 0xff, (size_t)(cuda_shared_stop - cuda_shared_start));
    sim_fill(dynamic_shared, 0xff, launch->shared_bytes);
    alive = thread_count;
    at_barrier = 0;
    predicates = 0;
    memset(lanes_waiting, 0, sizeof lanes_waiting);
    memset(last_meeting, 0, sizeof last_meeting);
    choose_order(order, thread_count);
    sim_race_block(thread_count);
    for (unsigned i = 0; i < thread_count; i++) {
        threads[i].seen =
            (SimThread){unrank(launch->block, i), unrank(launch->grid, block_rank), launch->block, launch->grid, i};
        threads[i].state = READY;
        threads[order[i]].turn = i;
        sim_copies_forget(i);
        if (!threads[i].fiber.stack) fiber_create(&threads[i].fiber, STACK_BYTES, thread_main);
    }
    resume(&threads[order[0]], &outside);
    sim_self = NULL;
}

static void run_launch(const void *work) {
    SimLaunch launch;
    memcpy(&launch, work, sizeof launch);
    unsigned blocks = launch.grid.x * launch.grid.y * launch.grid.z;
    unsigned *block_order = malloc(blocks * sizeof *block_order);
    if (!block_order) sim_die("no memory for a grid of %u blocks", blocks);
    if (running) sim_die("a launch inside a kernel");
    running = &launch;
    running_args = (const char *)work + ARGS_AT;
    running_args_bytes = launch.args_bytes;
    thread_count = launch.block.x * launch.block.y * launch.block.z;
    choose_order(block_order, blocks);
    sim_device_open();
    sim_allow(dynamic_shared, sizeof dynamic_shared);
    sim_forbid(dynamic_shared + launch.shared_bytes, sizeof dynamic_shared - launch.shared_bytes);
    sim_race_launch();
    watchdog(true);
    for (unsigned i = 0; i < blocks; i++) run_block(&launch, block_order[i]);
    watchdog(false);
    sim_device_close();
    running = NULL;
    free(block_order);
}

void *sim_dynamic_shared(void) { return dynamic_shared; }

bool sim_in_shared(const void *address, size_t bytes) {
    const unsigned char *p = address;
    return (p >= cuda_shared_start && p + bytes <= cuda_shared_stop) ||
           (running && p >= dynamic_shared && p + bytes <= dynamic_shared + running->shared_bytes);
}

void sim_shared_ranges(SimRange ranges[2]) {
    ranges[0] = (SimRange){cuda_shared_start, (size_t)(cuda_shared_stop - cuda_shared_start)};
    ranges[1] = (SimRange){dynamic_shared, sizeof dynamic_shared};
}

bool sim_is_private(const void *address) {
    const char *p = address, *args = running_args;
    const Fiber *fiber = &threads[sim_self->rank].fiber;
    if (p >= fiber->stack && p < fiber->stack + fiber->bytes) return true;
    if (p >= args && p < args + running_args_bytes) return true;
    return (p >= __executable_start && p < _end) || sim_is_pinned(p);
}

// ---- Launches ------------------------------------------------------------------------------------------------------
enum { KERNELS_MAX = 256 };
static struct {
    const void *kernel;
    size_t shared_bytes;
} allowed[KERNELS_MAX]; // what cudaFuncSetAttribute has allowed; ends at the first NULL kernel

cudaError_t sim_allow_shared(const void *kernel, size_t bytes) {
    if (bytes > SIM_SHARED_MAX) return cudaErrorInvalidValue;
    for (int i = 0; i < KERNELS_MAX; i++) {
        if (allowed[i].kernel && allowed[i].kernel != kernel) continue;
        allowed[i].kernel = kernel;
        allowed[i].shared_bytes = bytes;
        return cudaSuccess;
    }
    sim_die("more than %d kernels with cudaFuncSetAttribute: raise KERNELS_MAX", KERNELS_MAX);
}

static const char *launch_fault(const SimLaunch *launch) {
    dim3 g = launch->grid, b = launch->block;
    unsigned long long size = (unsigned long long)b.x * b.y * b.z;
    size_t limit = SIM_SHARED_DEFAULT;
    for (int i = 0; i < KERNELS_MAX && allowed[i].kernel; i++)
        if (allowed[i].kernel == launch->kernel && allowed[i].shared_bytes > limit) limit = allowed[i].shared_bytes;
    if (!size || !g.x || !g.y || !g.z) return "a size of zero";
    if (size > SIM_BLOCK_MAX || b.x > SIM_BLOCK_MAX || b.y > SIM_BLOCK_MAX || b.z > 64) return "block too large";
    if (g.x > 0x7fffffffu || g.y > SIM_GRID_YZ_MAX || g.z > SIM_GRID_YZ_MAX) return "grid too large";
    if ((unsigned long long)g.x * g.y * g.z > 0xffffffffull) return "more blocks than this harness can count";
    if (launch->shared_bytes > SIM_SHARED_MAX) return "more shared memory than a block can have";
    if (launch->shared_bytes > limit) return "more shared memory than cudaFuncSetAttribute has allowed this kernel";
    return NULL;
}

void sim_launch(const SimLaunch *launch, const void *args, size_t args_bytes, cudaStream_t stream) {
    const char *fault = launch_fault(launch);
    if (fault)
        sim_die("oversized launch of %s at %s:%d: %s: grid (%u, %u, %u), block (%u, %u, %u), %zu bytes shared",
                launch->name, launch->file, launch->line, fault, launch->grid.x, launch->grid.y, launch->grid.z,
                launch->block.x, launch->block.y, launch->block.z, launch->shared_bytes);
    char *work = malloc(ARGS_AT + args_bytes);
    if (!work) sim_die("no memory for a launch");
    memcpy(work, launch, sizeof *launch);
    ((SimLaunch *)(void *)work)->args_bytes = args_bytes;
    memcpy(work + ARGS_AT, args, args_bytes);
    sim_submit(stream, run_launch, work, ARGS_AT + args_bytes);
    free(work);
}
