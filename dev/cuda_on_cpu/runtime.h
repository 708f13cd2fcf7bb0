// Optional (CUDA on a CPU): the contract between a kernel compiled for the host and the C code that plays the GPU.
//
// One operating system thread plays the whole device: blocks run one after another, and the threads of a block are
// fibers that switch only where CUDA makes them wait. The state of the device (memory, streams, the running block) is
// therefore per process and lives in static variables of the file that owns it; nothing else in the project does so.
// Every violation prints what is wrong and in which kernel, block and thread, then calls abort().
#ifndef DEV_CUDA_ON_CPU_RUNTIME_H
#define DEV_CUDA_ON_CPU_RUNTIME_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cuda_runtime_api.h>
#ifdef __cplusplus
extern "C" {
#endif

enum {
    SIM_WARP = 32,
    SIM_BLOCK_MAX = 1024,
    SIM_GRID_YZ_MAX = 65535,
    SIM_SHARED_DEFAULT = 48 << 10, // bytes of shared memory without cudaFuncSetAttribute
    SIM_SHARED_MAX = 227 << 10     // and with it (sm_90; sm_80 has 163 KiB)
};

// ---- What a running thread sees (block.c) --------------------------------------------------------------------------
typedef struct SimThread {
    uint3 thread, block; // threadIdx, blockIdx
    dim3 block_dim, grid_dim;
    unsigned rank; // place in the block, x fastest; lane = rank % 32
} SimThread;
extern SimThread *sim_self; // NULL outside kernels

__attribute__((noreturn, format(printf, 1, 2))) void sim_die(const char *format, ...);
void sim_check_aligned(const void *address, size_t alignment);
void *sim_dynamic_shared(void);
bool sim_in_shared(const void *address, size_t bytes);

// All threads of the block meet. Returns for how many of them predicate != 0.
int sim_barrier(int predicate, const char *file, int line);

// The lanes of mask meet: the last to arrive calls op(lanes, mask), where lanes[i] is the `args` of lane i, or NULL
// outside the mask; then all continue. They must bring the same op and mask. `name` is for messages.
typedef void SimWarpOp(void **lanes, unsigned mask);
void sim_meet(const char *name, unsigned mask, SimWarpOp *op, void *args, const char *file, int line);
void sim_syncwarp(unsigned mask, const char *file, int line);

// ---- Launching (block.c) -------------------------------------------------------------------------------------------
typedef struct SimLaunch {
    const char *name, *file;
    int line;
    const void *kernel; // key of cudaFuncSetAttribute
    dim3 grid, block;
    size_t shared_bytes, args_bytes;
    void (*run)(const void *args); // calls the kernel as one thread
} SimLaunch;
void sim_launch(const SimLaunch *launch, const void *args, size_t args_bytes, cudaStream_t stream);
cudaError_t sim_allow_shared(const void *kernel, size_t bytes);

// ---- Work on streams (stream.c): runs now, later, or at every launch of the graph being captured -------------------
typedef void SimWork(const void *args);
void sim_submit(cudaStream_t stream, SimWork *work, const void *args, size_t bytes); // keeps a copy of args
void sim_stream_stuck(cudaStream_t stream, const void *cause); // its work cannot end: a peer of `cause` died
void sim_unstick(const void *cause);                           // the communicator was aborted: its work ends
cudaError_t sim_set_error(cudaError_t error);
bool sim_capturing(void);

// ---- Device memory (memory.c) --------------------------------------------------------------------------------------
void sim_device_open(void);  // device memory may be touched from here ...
void sim_device_close(void); // ... to here; pairs nest
void sim_device_shut(void);  // at a synchronising call: from now on host code that touches it faults
bool sim_in_device(const void *address);
void sim_require_device(const void *address, size_t bytes, const char *what); // dies unless inside one allocation
void sim_fill(void *to, unsigned char byte, size_t bytes);                    // past the eyes of every sanitizer
void sim_copy(void *to, const void *from, size_t bytes);
void sim_check_readable(const void *from, size_t bytes, const char *what); // ASan builds: dies on a poisoned byte
bool sim_is_pinned(const void *address);
void sim_forbid(const void *address, size_t bytes); // ASan builds: poison, unpoison; else nothing
void sim_allow(const void *address, size_t bytes);

// ---- Tensor cores and asynchronous copies (tensor.c) ---------------------------------------------------------------
void sim_warp_ldmatrix(unsigned *r, int tiles, bool transposed, const void *row, const char *file, int line);
void sim_warp_mma(float *d, const unsigned *a, unsigned b0, unsigned b1, const char *file, int line);
void sim_cp_async_16(void *to_shared, const void *from, int valid);
void sim_cp_async_commit(void);
void sim_cp_async_wait(int pending);
void sim_copies_forget(unsigned rank); // a new thread of this rank starts

typedef struct SimRange {
    const void *start;
    size_t bytes;
} SimRange;
void sim_shared_ranges(SimRange ranges[2]); // static and dynamic shared memory, at their largest
SimRange sim_device_range(void);            // all addresses that cudaMalloc will ever give; empty before the first
bool sim_is_private(const void *address);   // the running thread may touch it, and no other thread does: its stack,
                                            // its arguments; also constants and pinned host memory

// ---- Races (race.c in the race build, otherwise race_off.c) --------------------------------------------------------
typedef enum { SIM_READ = 0, SIM_WRITE = 1, SIM_ATOMIC = 3 } SimAccess;
// The running block's thread `rank` accesses memory, from code at `place`. Dies with a report if that is a race.
void sim_touch(unsigned rank, const void *address, size_t bytes, SimAccess access, const void *place);
void sim_fence(void);
void sim_race_launch(void);
void sim_race_block(unsigned threads);
void sim_race_barrier(void);
void sim_race_syncwarp(unsigned mask);

#ifdef __cplusplus
}
#endif
#endif
