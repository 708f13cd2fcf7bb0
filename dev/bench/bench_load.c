// Optional (benchmarks): loads a model and prints seconds, bytes a second, and peak memory against the planned memory.
//
//     build/cpu/dev/bench/bench_load FOLDER
#include "base/clock.h"
#include "model/files/config_file.h"
#include "model/files/gpt_files.h"
#include "model/files/safetensors.h"
#include <sys/resource.h>

int main(int argc, char **argv) {
    Error err;
    ModelConfig config;
    REQUIRE(argc == 2, "usage: bench_load FOLDER");
    Device *dev = device_open(0, 0, &err);
    REQUIRE(dev && model_config_load(&config, argv[1], &err), "%s", err.text);
    Safetensors *file = safetensors_open_model(argv[1], &err);
    REQUIRE(file, "%s", err.text);
    double bytes = 0;
    for (size_t i = 0; i < safetensors_count(file); i++) bytes += (double)safetensors_at(file, i)->bytes;
    safetensors_close(file);
    Gpt *gpt = gpt_new(dev, &config, 64);
    double start = seconds_now(), planned = (double)gpt->table.size * sizeof(floatX);
    REQUIRE(gpt_load(gpt, NULL, argv[1], &err), "%s", err.text);
    double seconds = seconds_now() - start;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double peak = (double)usage.ru_maxrss * 1024;
    printf("%.2f GB of tensors in %.2f s (%.2f GB/s); ", bytes / 1e9, seconds, bytes / 1e9 / seconds);
    printf("weights planned %.2f GB, peak memory %.2f GB: %.3f of the plan\n", planned / 1e9, peak / 1e9,
           peak / planned);
    gpt_free(gpt);
    device_close(dev);
    return 0;
}
