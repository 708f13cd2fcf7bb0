// What the benchmark's parts share: timing, and the table that they fill.
#ifndef DEV_GPU_BENCH_H
#define DEV_GPU_BENCH_H
#include "model/files/gpt_files.h"
#include "rl/metrics.h"

enum { BENCH_ROWS = 64 };

typedef struct BenchRow {
    char name[80];
    double value, limit;    // limit: the device's own rate, measured in the same run; 0: none
    const char *unit;
} BenchRow;

typedef struct Bench {
    Device *dev;
    double copy, gemm; // GB/s read and written by a copy; TFLOP/s of a large product
    bool small;        // sizes for a device that is played on a CPU: the figures then mean nothing
    BenchRow rows[BENCH_ROWS];
    int count;
} Bench;

void bench_row(Bench *b, double value, const char *unit, double limit, const char *format, ...) __attribute__((format(printf, 5, 6)));

// Seconds of one call of WORK: the best of three runs of as many calls as take a tenth of a second, after one to warm up.
#define BENCH_SECONDS(b, seconds, WORK)                                                                                \
    do {                                                                                                               \
        int calls_ = 1;                                                                                                \
        (seconds) = 1e30;                                                                                              \
        for (int trial_ = -1; trial_ < ((b)->small ? 1 : 3); trial_++) {                                               \
            device_sync((b)->dev);                                                                                     \
            double start_ = seconds_now();                                                                             \
            for (int call_ = 0; call_ < calls_; call_++) { WORK; }                                                     \
            device_sync((b)->dev);                                                                                     \
            double took_ = (seconds_now() - start_) / calls_;                                                          \
            if (trial_ < 0) calls_ = (b)->small || took_ > 0.1 ? 1 : (int)(0.1 / took_) + 1;                           \
            else if (took_ < (seconds)) (seconds) = took_;                                                             \
        }                                                                                                              \
    } while (0)

void bench_ops(Bench *b);   // bench_ops.c: single ops in the shapes of a model of half a billion parameters
void bench_whole(Bench *b); // bench_whole.c: training and generation with that model

ModelConfig bench_model_config(const Bench *b);

#endif
