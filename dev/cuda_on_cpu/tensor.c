// Optional (CUDA on a CPU): ldmatrix, mma and cp.async, computed from the layouts in kernels/device/ptx.cuh.
//
// CUDA_ON_CPU_COPY = late (default): cp.async poisons its destination at once and copies at the wait, so that a missing
// wait reads NaN. early: it copies at once, which shows a buffer that is overwritten while others still read it.
#include "dev/cuda_on_cpu/runtime.h"
#include <stdlib.h>
#include <string.h>

static unsigned warp_start(void) { return sim_self->rank - sim_self->rank % SIM_WARP; }

// ---- ldmatrix ------------------------------------------------------------------------------------------------------
typedef struct LoadMatrix {
    unsigned *r;
    int tiles;
    bool transposed;
    const unsigned char *row;
    const void *place; // of the call
} LoadMatrix;

static void load_matrix_op(void **lanes, unsigned mask) {
    (void)mask;
    const LoadMatrix *first = lanes[0];
    for (int tile = 0; tile < first->tiles; tile++)
        for (int i = 0; i < 8; i++) {
            const LoadMatrix *giver = lanes[8 * tile + i];
            sim_check_aligned(giver->row, 16);
            if (!sim_in_shared(giver->row, 16))
                sim_die("ldmatrix: lane %d passes %p, which is not 16 bytes of shared memory", 8 * tile + i,
                        (const void *)giver->row);
            sim_check_readable(giver->row, 16, "ldmatrix");
        }
    for (unsigned lane = 0; lane < SIM_WARP; lane++) {
        const LoadMatrix *taker = lanes[lane];
        unsigned g = lane / 4, q = lane % 4;
        if (taker->tiles != first->tiles || taker->transposed != first->transposed)
            sim_die("ldmatrix: the lanes differ in its form");
        for (int tile = 0; tile < taker->tiles; tile++) {
            unsigned half[2];
            for (unsigned e = 0; e < 2; e++) { // element (row, column) of the tile; lanes point at rows of 16 bytes
                unsigned row = taker->transposed ? 2 * q + e : g, column = taker->transposed ? g : 2 * q + e;
                const unsigned char *from = ((const LoadMatrix *)lanes[8 * (unsigned)tile + row])->row + 2 * column;
                sim_touch(warp_start() + lane, from, 2, SIM_READ, taker->place);
                half[e] = from[0] | (unsigned)from[1] << 8;
            }
            taker->r[tile] = half[0] | half[1] << 16;
        }
    }
}

void sim_warp_ldmatrix(unsigned *r, int tiles, bool transposed, const void *row, const char *file, int line) {
    LoadMatrix args = {r, tiles, transposed, row, __builtin_return_address(0)};
    sim_meet("ldmatrix", 0xffffffffu, load_matrix_op, &args, file, line);
}

// ---- mma -----------------------------------------------------------------------------------------------------------
typedef struct Mma {
    float *d;
    const unsigned *a;
    unsigned b[2];
} Mma;

static float half_of(unsigned pair, unsigned which) { // a bf16 is the upper half of a float
    unsigned bits = which ? pair & 0xffff0000u : pair << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void mma_op(void **lanes, unsigned mask) {
    (void)mask;
    float A[16][16], B[16][8]; // (m, k) and (k, n)
    for (unsigned lane = 0; lane < SIM_WARP; lane++) {
        const Mma *args = lanes[lane];
        unsigned g = lane / 4, q = lane % 4;
        for (unsigned i = 0; i < 4; i++)
            for (unsigned e = 0; e < 2; e++) A[g + 8 * (i % 2)][2 * q + e + 8 * (i / 2)] = half_of(args->a[i], e);
        for (unsigned i = 0; i < 2; i++)
            for (unsigned e = 0; e < 2; e++) B[2 * q + e + 8 * i][g] = half_of(args->b[i], e);
    }
    for (unsigned lane = 0; lane < SIM_WARP; lane++) {
        const Mma *args = lanes[lane];
        for (unsigned i = 0; i < 4; i++) {
            unsigned m = lane / 4 + 8 * (i / 2), n = 2 * (lane % 4) + i % 2;
            float sum = args->d[i];
            for (unsigned k = 0; k < 16; k++) sum += A[m][k] * B[k][n];
            args->d[i] = sum;
        }
    }
}

void sim_warp_mma(float *d, const unsigned *a, unsigned b0, unsigned b1, const char *file, int line) {
    Mma args = {d, a, {b0, b1}};
    sim_meet("mma_m16n8k16", 0xffffffffu, mma_op, &args, file, line);
}

// ---- cp.async ------------------------------------------------------------------------------------------------------
typedef struct PendingCopy {
    void *to;
    const void *from;
    int valid, group;
    const void *place; // of the call
} PendingCopy;

typedef struct Copies {
    PendingCopy *list; // kept from block to block
    int count, capacity;
    int group; // number of commits so far
} Copies;

static Copies copies[SIM_BLOCK_MAX];

void sim_copies_forget(unsigned rank) { copies[rank].count = copies[rank].group = 0; }

static void copy_now(const PendingCopy *copy) {
    sim_touch(sim_self->rank, copy->to, 16, SIM_WRITE, copy->place);
    if (copy->valid) sim_touch(sim_self->rank, copy->from, (size_t)copy->valid, SIM_READ, copy->place);
    sim_copy(copy->to, copy->from, (size_t)copy->valid);
    sim_fill((char *)copy->to + copy->valid, 0, 16 - (size_t)copy->valid);
}

void sim_cp_async_16(void *to, const void *from, int valid) {
    if (!sim_self) sim_die("cp.async is called by host code");
    sim_check_aligned(to, 16);
    sim_check_aligned(from, 16);
    if (valid < 0 || valid > 16) sim_die("cp.async: %d valid bytes of 16", valid);
    if (!sim_in_shared(to, 16)) sim_die("cp.async: the destination %p is not 16 bytes of shared memory", to);
    sim_check_readable(to, 16, "cp.async (destination)");
    if (valid) {
        sim_require_device(from, (size_t)valid, "source of cp.async");
        sim_check_readable(from, (size_t)valid, "cp.async");
    }
    Copies *mine = &copies[sim_self->rank];
    PendingCopy copy = {to, from, valid, mine->group, __builtin_return_address(0)};
    const char *mode = getenv("CUDA_ON_CPU_COPY");
    if (mode && !strcmp(mode, "early")) {
        copy_now(&copy);
        return;
    }
    sim_touch(sim_self->rank, to, 16, SIM_WRITE, copy.place);
    sim_fill(to, 0xff, 16);
    if (mine->count == mine->capacity) {
        mine->capacity = mine->capacity ? 2 * mine->capacity : 16;
        mine->list = realloc(mine->list, (size_t)mine->capacity * sizeof *mine->list);
        if (!mine->list) sim_die("no memory for pending copies");
    }
    mine->list[mine->count++] = copy;
}

void sim_cp_async_commit(void) { copies[sim_self->rank].group++; }

void sim_cp_async_wait(int pending) {
    Copies *mine = &copies[sim_self->rank];
    int left = 0;
    for (int i = 0; i < mine->count; i++) {
        if (mine->list[i].group < mine->group - pending) copy_now(&mine->list[i]);
        else mine->list[left++] = mine->list[i];
    }
    mine->count = left;
}
