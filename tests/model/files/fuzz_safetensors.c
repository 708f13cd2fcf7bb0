// libFuzzer target: what opens has tensors inside the file, and what is refused has a reason.
#define _GNU_SOURCE // memfd_create
#include "model/files/safetensors.h"
#include "tests/model/fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[32];
    Error err = {""};
    int handle = fuzz_file(data, size, path);
    Safetensors *file = safetensors_open(path, &err);
    must(file || *err.text);
    for (size_t i = 0; file && i < safetensors_count(file); i++) {
        const Safetensor *t = safetensors_at(file, i);
        must(t->bytes <= size && t->elements <= size && safetensors_find(file, t->name) == t);
        float *values = malloc(t->elements * sizeof *values + 1);
        if (values) safetensor_to_float(t, values, &err);
        free(values);
    }
    safetensors_close(file);
    close(handle);
    return 0;
}
