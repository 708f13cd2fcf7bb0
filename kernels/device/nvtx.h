// Optional (CUDA): named ranges on a profiler's time line. They are empty unless -DNVTX is given, as in the CUDA build.
// NVTX is a header of the toolkit and does nothing until a profiler loads its library.
//
//   RANGE("update");             from here to the end of the enclosing block
//   RANGE_NUMBER("layer", l);    the same, as "layer 3"
//   OP_RANGE();                  the name of the function
#ifndef KERNELS_DEVICE_NVTX_H
#define KERNELS_DEVICE_NVTX_H

#ifdef NVTX
#include <nvtx3/nvToolsExt.h>
#include <stdio.h>

static inline int range_begin(const char *name, int number) {
    char text[64];
    if (number >= 0) snprintf(text, sizeof text, "%s %d", name, number);
    return nvtxRangePushA(number < 0 ? name : text);
}
static inline void range_end(__attribute__((unused)) const int *depth) { nvtxRangePop(); }
#define RANGE_JOIN(a, b)      a##b
#define RANGE_VARIABLE(line)  RANGE_JOIN(range_of_line_, line)
#define RANGE_NUMBER(name, n)                                                                                          \
    __attribute__((cleanup(range_end), unused)) const int RANGE_VARIABLE(__LINE__) = range_begin(name, n)
#else
#define RANGE_NUMBER(name, n) ((void)0)
#endif
#define RANGE(name) RANGE_NUMBER(name, -1)
#define OP_RANGE()  RANGE(__func__)

#endif
