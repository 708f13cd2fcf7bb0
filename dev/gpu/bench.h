// Optional (benchmarks): the table that the parts of the GPU benchmark fill.
#ifndef DEV_GPU_BENCH_H
#define DEV_GPU_BENCH_H
#include "dev/bench/workload.h"

enum { BENCH_ROWS = 64 };

typedef struct BenchRow {
    char name[80];
    double value, limit; // limit: the device's rate, measured in the same run; 0: none
    const char *unit;
} BenchRow;

typedef struct Bench {
    Device *dev;
    double copy, gemm; // GB/s read and written by a copy; TFLOP/s of a large product
    bool small;        // toy sizes, for CUDA on a CPU: the figures mean nothing
    int trials;        // of BENCH_SECONDS: 1 if small
    BenchRow rows[BENCH_ROWS];
    int count;
} Bench;

__attribute__((format(printf, 5, 6)))
void bench_row(Bench *b, double value, const char *unit, double limit, const char *format, ...);

void bench_ops(Bench *b);   // bench_ops.c: single ops in the shapes of a model of half a billion parameters
void bench_whole(Bench *b); // bench_whole.c: training and generation with that model

ModelConfig bench_model_config(const Bench *b);
floatX *bench_values(Bench *b, size_t n); // device memory with values in [-1, 1]: a product of zeros would run faster

#endif
