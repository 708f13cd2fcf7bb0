// The device of the C build is the host: uploads are copies, and a kernel is a loop that OpenMP threads share.
#include "kernels/device/device.h"
#include "kernels/device/device_threads.h"
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Device *device_open(int threads, UNUSED int ordinal, Error *err) {
    int cores = omp_get_num_procs();
    if (threads < 0 || threads > 1024) {
        fail(err, "%d threads asked for: give 1 to 1024, or 0 for all %d cores", threads, cores);
        return NULL;
    }
    Device *dev = calloc(1, sizeof *dev);
    REQUIRE(dev, "out of memory");
    dev->threads = threads ? threads : cores;
    snprintf(dev->name, sizeof dev->name, "CPU, %d thread%s", dev->threads, dev->threads == 1 ? "" : "s");
    return dev;
}

void device_close(Device *dev) { free(dev); }
const char *device_name(const Device *dev) { return dev->name; }
int device_threads(const Device *dev) { return dev->threads; }
void device_set_invariant(UNUSED Device *dev, UNUSED bool on) {}
void device_sync(UNUSED Device *dev) {}

// Linux's estimate counts the caches that it would give up; on other systems, the free pages.
size_t device_memory_free(UNUSED const Device *dev) {
    char line[128];
    size_t kib = 0;
    FILE *file = fopen("/proc/meminfo", "r");
    while (file && kib == 0 && fgets(line, sizeof line, file)) sscanf(line, "MemAvailable: %zu", &kib);
    if (file) fclose(file);
    return kib ? kib << 10 : (size_t)sysconf(_SC_AVPHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
}

void *device_alloc(UNUSED Device *dev, size_t bytes) {
    size_t rounded = (bytes + 127) / 128 * 128;
    void *memory = aligned_alloc(128, rounded ? rounded : 128);
    REQUIRE(memory, "%zu MiB of memory cannot be allocated: use a smaller model or smaller batches", bytes >> 20);
    return memory;
}

void device_free(UNUSED Device *dev, void *memory) { free(memory); }
void device_upload(Device *dev, void *to, const void *h_from, size_t bytes) { device_copy(dev, to, h_from, bytes); }
void device_download(Device *dev, void *h_to, const void *from, size_t bytes) { device_copy(dev, h_to, from, bytes); }

void device_copy(UNUSED Device *dev, void *to, const void *from, size_t bytes) {
    if (bytes) memcpy(to, from, bytes);
}

void device_zero(UNUSED Device *dev, void *memory, size_t bytes) {
    if (bytes) memset(memory, 0, bytes);
}

void device_profile(UNUSED Device *dev, bool on) {
    if (on) fprintf(stderr, "--profile-steps has no effect in the C build: `perf record` sees every step\n");
}

void device_upload_floats(Device *dev, floatX *to, const float *h_from, size_t n) {
    device_copy(dev, to, h_from, n * sizeof *to);
}
void device_download_floats(Device *dev, float *h_to, const floatX *from, size_t n) {
    device_copy(dev, h_to, from, n * sizeof *h_to);
}
