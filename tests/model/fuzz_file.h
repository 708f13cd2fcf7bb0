// Fuzz targets of parsers that take a path: the input as a file in memory.
#ifndef TESTS_MODEL_FUZZ_FILE_H
#define TESTS_MODEL_FUZZ_FILE_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// writes the path; the caller closes the descriptor that is returned
static inline int fuzz_file(const uint8_t *data, size_t size, char path[32]) {
    int handle = memfd_create("fuzz", 0);
    if (handle < 0 || write(handle, data, size) != (ssize_t)size) abort();
    snprintf(path, 32, "/proc/self/fd/%d", handle);
    return handle;
}

static inline void must(int condition) {
    if (!condition) abort();
}

#endif
