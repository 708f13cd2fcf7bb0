// Between the race detector (race.c), its hooks (race_hooks.c) and the memory it watches.
#ifndef CUDA_ON_CPU_RACE_H
#define CUDA_ON_CPU_RACE_H
#include "dev/cuda_on_cpu/runtime.h"

// The running block's thread `rank` accesses memory, from code at `place`. Dies with a report if that is a race.
void race_touch(unsigned rank, const void *address, size_t bytes, SimAccess access, const void *place);

#endif
