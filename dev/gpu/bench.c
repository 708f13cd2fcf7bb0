// Optional (benchmarks): a GPU's limits, and the share of them that the kernels reach:   bench OUTDIR [small]
// First the device's limits, a copy and a large matrix product; then every hot op and the whole model against them.
// Writes OUTDIR/bench.md and OUTDIR/bench.json. `small` runs everything once at toy sizes, to test without a GPU.
#include "dev/gpu/bench.h"
#include "kernels/matmul.h"
#include <stdarg.h>
#include <string.h>

void bench_row(Bench *b, double value, const char *unit, double limit, const char *format, ...) {
    REQUIRE(b->count < BENCH_ROWS, "more than %d rows: raise BENCH_ROWS", BENCH_ROWS);
    BenchRow *row = &b->rows[b->count++];
    va_list args;
    va_start(args, format);
    vsnprintf(row->name, sizeof row->name, format, args);
    va_end(args);
    row->value = value, row->unit = unit, row->limit = limit;
    printf("%-56s %10.1f %s", row->name, value, unit);
    if (limit > 0) printf("   %3.0f %% of this device's %.1f", 100 * value / limit, limit);
    printf("\n");
}

ModelConfig bench_model_config(const Bench *b) { // Qwen2.5-0.5B's sizes
    ModelConfig c = {.architecture = "qwen2", .V = 151936, .C = 896, .F = 4864, .L = 24, .NH = 14, .NKV = 2, .HS = 64,
                     .T_max = 4096, .eps = 1e-6f, .rope_theta = 1e6, .qkv_bias = true, .tied = true};
    if (b->small) c.V = 307, c.C = 128, c.F = 192, c.L = 2, c.NH = 2, c.NKV = 1, c.T_max = 64;
    return c;
}

floatX *bench_values(Bench *b, size_t n) {
    float *h = malloc(n * sizeof *h);
    floatX *x = device_alloc(b->dev, n * sizeof *x);
    REQUIRE(h, "out of memory");
    for (size_t i = 0; i < n; i++) h[i] = (float)(i * 2654435761u % 2001) * 1e-3f - 1.0f;
    device_upload_floats(b->dev, x, h, n);
    free(h);
    return x;
}

static void measure_limits(Bench *b) {
    size_t bytes = b->small ? 1 << 16 : (size_t)1 << 30;
    int n = b->small ? 64 : 8192;
    double seconds;
    char *from = device_alloc(b->dev, bytes), *to = device_alloc(b->dev, bytes);
    device_zero(b->dev, from, bytes);
    BENCH_SECONDS(b->dev, b->trials, seconds, device_copy(b->dev, to, from, bytes));
    b->copy = 2.0 * (double)bytes / seconds / 1e9;
    device_free(b->dev, from), device_free(b->dev, to);
    size_t count = (size_t)n * (size_t)n;
    floatX *x = bench_values(b, count), *w = bench_values(b, count), *y = bench_values(b, count);
    BENCH_SECONDS(b->dev, b->trials, seconds, matmul_forward(b->dev, y, x, w, NULL, n, n, n));
    b->gemm = 2.0 * n * n * n / seconds / 1e12;
    device_free(b->dev, x), device_free(b->dev, w), device_free(b->dev, y);
    bench_row(b, b->copy, "GB/s", 0, "copy of %zu MiB, read and written", bytes >> 20);
    bench_row(b, b->gemm, "TFLOP/s", 0, "product %d x %d x %d", n, n, n);
}

static bool write_tables(const Bench *b, const char *dir) {
    char path[2][1024];
    snprintf(path[0], sizeof path[0], "%s/bench.md", dir), snprintf(path[1], sizeof path[1], "%s/bench.json", dir);
    FILE *md = fopen(path[0], "w"), *json = fopen(path[1], "w");
    REQUIRE(md && json, "%s cannot be written", dir);
    fprintf(md, "Measured on %s%s.\n\n", device_name(b->dev), b->small ? " at toy sizes: no figures" : "");
    fprintf(md, "| what | rate | of this device's limit |\n| --- | --- | --- |\n");
    fprintf(json, "{\"device\":\"%s\",\"small\":%s,\"rows\":[", device_name(b->dev), b->small ? "true" : "false");
    for (int i = 0; i < b->count; i++) {
        const BenchRow *r = &b->rows[i];
        fprintf(md, "| %s | %.1f %s | ", r->name, r->value, r->unit);
        if (r->limit > 0) fprintf(md, "%.0f %% of %.1f |\n", 100 * r->value / r->limit, r->limit);
        else fprintf(md, "|\n");
        fprintf(json, "%s\n{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"limit\":%.6g}", i ? "," : "", r->name,
                r->value, r->unit, r->limit);
    }
    fprintf(json, "\n]}\n");
    bool ok = fclose(md) == 0;
    return fclose(json) == 0 && ok;
}

int main(int argc, char **argv) {
    static Bench bench;
    Error err;
    bench.small = argc == 3 && strcmp(argv[2], "small") == 0;
    bench.trials = bench.small ? 1 : 3;
    if (argc != 2 && !bench.small) return fprintf(stderr, "usage: bench OUTDIR [small]\n"), 2;
    bench.dev = device_open(0, 0, &err);
    if (!bench.dev) return fprintf(stderr, "bench: %s\n", err.text), 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("%s\n\n", device_name(bench.dev));
    measure_limits(&bench);
    bench_ops(&bench);
    bench_whole(&bench);
    bool ok = write_tables(&bench, argv[1]);
    device_close(bench.dev);
    return ok ? 0 : 1;
}
