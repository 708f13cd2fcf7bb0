// Optional (CUDA on a CPU): no race detector, for all other builds.
#include "dev/cuda_on_cpu/runtime.h"

void sim_touch(unsigned rank, const void *address, size_t bytes, SimAccess access, const void *place) {
    (void)rank, (void)address, (void)bytes, (void)access, (void)place;
}
void sim_fence(void) {}
void sim_race_launch(void) {}
void sim_race_block(unsigned threads) { (void)threads; }
void sim_race_barrier(void) {}
void sim_race_syncwarp(unsigned mask) { (void)mask; }
