// Optional (CUDA on a CPU): the race detector. A race is two accesses to the same bytes, at least one a write and not
// both atomic, by threads that CUDA's rules leave unordered. Two threads of one launch are ordered as follows:
//   * of one block: __syncthreads (the barrier epoch); within a warp also __syncwarp (vector clocks, Fidge and Mattern
//     1988); shuffles, votes, ldmatrix and mma order nothing;
//   * of two blocks: the last-block pattern only: write, [__syncthreads,] __threadfence, atomic on a location L; then
//     atomic on L, [__syncthreads,] read. Chains over a third block are not followed.
// clang -fsanitize=thread calls __tsan_* (race_hooks.c) at every access; this file replaces LLVM's runtime, which knows
// nothing of fibers, barriers or launches. Each 4 bytes of shared and device memory (2 in bf16 builds) have a cell that
// keeps the last write and two reads, of different warps if possible. The verdict does not depend on the order of
// execution.
#include "dev/cuda_on_cpu/runtime.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef PRECISION_BF16
enum { CELL_BYTES = 2 };
#else
enum { CELL_BYTES = 4 };
#endif

typedef struct Past {
    uint32_t block;   // its serial number in the process; 0: no access yet
    uint32_t barrier; // how many __syncthreads the block had passed
    uint32_t clock;   // of the thread, see `known`
    uint32_t place;   // code address, from the start of the executable
    uint32_t who;     // thread | bytes << 16 | kind << 24, in one word: no stall when it is read just after the write
} Past;
static unsigned thread_of(Past p) { return p.who & 0xffff; }
static unsigned bytes_of(Past p) { return p.who >> 16 & 0xff; } // a bit for each byte of the cell
static unsigned kind_of(Past p) { return p.who >> 24; }         // SimAccess

typedef struct Cell { // one cache line
    _Alignas(64) Past write;
    Past read[2];
} Cell;

typedef struct Region { // watched memory, and its cells
    const char *start;
    size_t bytes;
    Cell *cells;
    bool shared;
} Region;

typedef struct Fence { // what a thread knew at its last __threadfence; barrier = UINT32_MAX: none yet
    uint32_t barrier, known[SIM_WARP];
} Fence;

typedef struct Release { // an atomic after a fence: publishes what the fence saw, at one location
    const void *location;
    uint32_t block, thread;
    Fence fence;
} Release;

typedef struct Acquire { // an atomic of the running block on a published location
    const void *location;
    uint32_t thread, barrier, clock;
} Acquire;

extern const char __executable_start[];
static Region regions[3];
static int region_count;
static uint32_t block_serial, launch_first, barrier;
static uint32_t known[SIM_BLOCK_MAX][SIM_WARP]; // [t][l]: t is ordered after lane l of its warp up to this clock
static Fence fences[SIM_BLOCK_MAX];
static Release *releases; // of this launch, ascending block
static Acquire *acquires; // of this block
static size_t release_count, release_capacity, acquire_count, acquire_capacity;

static uint32_t *own_clock(unsigned rank) { return &known[rank][rank % SIM_WARP]; }

static void watch(const void *start, size_t bytes, bool shared) {
    void *cells = mmap(NULL, bytes / CELL_BYTES * sizeof(Cell) + 4096, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (cells == MAP_FAILED) sim_die("cannot reserve the addresses of the race detector's cells");
    regions[region_count++] = (Region){start, bytes, cells, shared};
}

void sim_race_launch(void) {
    if (!region_count) {
        SimRange range[3];
        sim_shared_ranges(range);
        range[2] = sim_device_range();
        for (int i = 0; i < 3; i++)
            if (range[i].bytes) watch(range[i].start, range[i].bytes, i < 2);
    }
    launch_first = block_serial + 1;
    release_count = 0;
}

void sim_race_block(unsigned threads) {
    block_serial++;
    barrier = 0;
    acquire_count = 0;
    memset(known, 0, sizeof known[0] * threads);
    for (unsigned t = 0; t < threads; t++) *own_clock(t) = 1, fences[t].barrier = UINT32_MAX;
}

void sim_race_barrier(void) { barrier++; }

void sim_race_syncwarp(unsigned mask) { // every lane of the mask learns what any of them knows
    unsigned first = sim_self->rank - sim_self->rank % SIM_WARP;
    uint32_t joined[SIM_WARP] = {0};
    for (unsigned i = 0; i < SIM_WARP; i++)
        for (unsigned l = 0; mask >> i & 1 && l < SIM_WARP; l++)
            if (known[first + i][l] > joined[l]) joined[l] = known[first + i][l];
    for (unsigned i = 0; i < SIM_WARP; i++) {
        if (!(mask >> i & 1)) continue;
        memcpy(known[first + i], joined, sizeof joined);
        ++*own_clock(first + i);
    }
}

// ---- Between blocks ------------------------------------------------------------------------------------------------
void sim_fence(void) {
    Fence *fence = &fences[sim_self->rank];
    fence->barrier = barrier;
    memcpy(fence->known, known[sim_self->rank], sizeof fence->known);
    ++*own_clock(sim_self->rank); // later accesses of this thread are not covered
}

static void *grow(void *list, size_t count, size_t *capacity, size_t item) {
    if (count < *capacity) return list;
    *capacity = *capacity ? 2 * *capacity : 64;
    list = realloc(list, *capacity * item);
    if (!list) sim_die("no memory for the race detector");
    return list;
}

static void note_atomic(unsigned rank, const void *location) {
    bool published = false, acquired = false;
    for (size_t i = 0; i < release_count && !published; i++) published = releases[i].location == location;
    for (size_t i = 0; i < acquire_count && !acquired; i++)
        acquired = acquires[i].location == location && acquires[i].thread == rank;
    if (published && !acquired) {
        acquires = grow(acquires, acquire_count, &acquire_capacity, sizeof *acquires);
        acquires[acquire_count++] = (Acquire){location, rank, barrier, *own_clock(rank)};
    }
    if (fences[rank].barrier == UINT32_MAX) return;
    releases = grow(releases, release_count, &release_capacity, sizeof *releases);
    releases[release_count++] = (Release){location, block_serial, rank, fences[rank]};
}

static bool same_warp(unsigned a, unsigned b) { return a / SIM_WARP == b / SIM_WARP; }

static bool published_before(const Past *past, const void *location) {
    size_t low = 0, high = release_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (releases[middle].block < past->block) low = middle + 1;
        else high = middle;
    }
    for (size_t i = low; i < release_count && releases[i].block == past->block; i++) {
        const Release *r = &releases[i];
        if (r->location != location) continue;
        if (past->barrier < r->fence.barrier) return true;
        if (past->barrier == r->fence.barrier && same_warp(r->thread, thread_of(*past)) &&
            r->fence.known[thread_of(*past) % SIM_WARP] >= past->clock)
            return true;
    }
    return false;
}

static bool handed_over(const Past *past, unsigned rank) {
    for (size_t i = 0; i < acquire_count; i++) {
        const Acquire *a = &acquires[i];
        bool mine = a->thread == rank || a->barrier < barrier ||
                    (same_warp(a->thread, rank) && known[rank][a->thread % SIM_WARP] >= a->clock);
        if (mine && published_before(past, a->location)) return true;
    }
    return false;
}

// ---- The verdict ---------------------------------------------------------------------------------------------------
// The current access `now` is passed by value through functions that the compiler inlines: it stays in registers.
#define IN_REGISTERS __attribute__((always_inline)) static inline
IN_REGISTERS bool ordered(const Past *past, Past now, bool shared) {
    if (past->block < launch_first || !(bytes_of(*past) & bytes_of(now))) return true;
    if (kind_of(*past) == SIM_ATOMIC && kind_of(now) == SIM_ATOMIC) return true;
    if (past->block != now.block) return shared || handed_over(past, thread_of(now));
    if (thread_of(*past) == thread_of(now) || past->barrier < now.barrier) return true;
    return same_warp(thread_of(*past), thread_of(now)) &&
           known[thread_of(now)][thread_of(*past) % SIM_WARP] >= past->clock;
}

static const char *kind_name(unsigned kind) {
    return kind == SIM_READ ? "read" : kind == SIM_WRITE ? "write" : "atomic";
}

static void print_place(uint32_t place) { // the source line, from the debug information
    char program[256], command[400];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0) return;
    program[length] = 0;
    snprintf(command, sizeof command, "addr2line -spfiCe '%s' 0x%x 1>&2 || true", program, place - 1);
    if (system(command) != 0) fprintf(stderr, "code at 0x%x\n", place);
}

__attribute__((noreturn)) static void report(const Past *past, Past now, const Region *region, const char *address) {
    fflush(stdout);
    fprintf(stderr, "cuda_on_cpu: race in %s memory at %p:\n  %s by thread %u at ",
            region->shared ? "shared" : "device", (const void *)address, kind_name(kind_of(now)), thread_of(now));
    print_place(now.place);
    fprintf(stderr, "  %s by thread %u of %s at ", kind_name(kind_of(*past)), thread_of(*past),
            past->block != now.block                      ? "another block"
            : same_warp(thread_of(*past), thread_of(now)) ? "the same warp"
                                                          : "another warp of the block");
    print_place(past->place);
    sim_die("race between %s", past->block != now.block                      ? "blocks"
                               : same_warp(thread_of(*past), thread_of(now)) ? "threads of a warp"
                                                                             : "warps");
}

// This thread has read these bytes since its last barrier or fence: the earlier verdict still holds.
IN_REGISTERS bool is_known_read(const Past *past, Past now) {
    return past->block == now.block && thread_of(*past) == thread_of(now) && past->barrier == now.barrier &&
           past->clock == now.clock && (bytes_of(*past) & bytes_of(now)) == bytes_of(now);
}

IN_REGISTERS void remember_read(Cell *cell, Past now) {
    Past *a = &cell->read[0], *b = &cell->read[1];
    if (a->block == now.block && thread_of(*a) == thread_of(now)) {
        if (a->barrier == now.barrier && a->clock == now.clock) now.who |= a->who; // more bytes of one access
        *a = now;
        return;
    }
    bool b_is_stale = b->block != now.block ? b->block < launch_first : b->barrier < now.barrier;
    bool a_is_far = a->block != now.block || !same_warp(thread_of(*a), thread_of(now));
    if (a_is_far || b_is_stale || (b->block == now.block && same_warp(thread_of(*b), thread_of(now)))) *b = *a;
    *a = now;
}

IN_REGISTERS void touch_cell(const Region *region, Cell *cell, Past now, const char *address) {
    if (kind_of(now) == SIM_READ && is_known_read(&cell->read[0], now)) return;
    if (!ordered(&cell->write, now, region->shared)) report(&cell->write, now, region, address);
    if (kind_of(now) == SIM_READ) {
        remember_read(cell, now);
        return;
    }
    for (int i = 0; i < 2; i++)
        if (!ordered(&cell->read[i], now, region->shared)) report(&cell->read[i], now, region, address);
    cell->write = now;
    if (bytes_of(now) == (1 << CELL_BYTES) - 1) cell->read[0] = cell->read[1] = (Past){0};
}

void sim_touch(unsigned rank, const void *address, size_t bytes, SimAccess access, const void *place) {
    const char *start = address, *end = start + bytes;
    const Region *region = NULL;
    for (int i = 0; i < region_count && !region; i++)
        if (start >= regions[i].start && start < regions[i].start + regions[i].bytes) region = &regions[i];
    if (!region) {
        if (!sim_is_private(address)) sim_die("a kernel touches host memory at %p", address);
        return;
    }
    if (!region->shared) sim_require_device(address, bytes, "access by a kernel");
    Past now = {block_serial, barrier, *own_clock(rank), (uint32_t)((const char *)place - __executable_start), 0};
    for (size_t cell = (size_t)(start - region->start) / CELL_BYTES; region->start + CELL_BYTES * cell < end; cell++) {
        const char *low = region->start + CELL_BYTES * cell;
        unsigned before = low < start ? (unsigned)(start - low) : 0;
        unsigned until = end - low < CELL_BYTES ? (unsigned)(end - low) : CELL_BYTES;
        now.who = rank | ((1u << until) - (1u << before)) << 16 | (unsigned)access << 24;
        touch_cell(region, &region->cells[cell], now, low + before);
    }
    if (access == SIM_ATOMIC) note_atomic(rank, address);
}
