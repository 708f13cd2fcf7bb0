// libFuzzer target: in a GGUF file that opens, all tensors lie inside, and metadata and tokenizer can be converted.
#define _GNU_SOURCE // memfd_create
#include "dev/convert/gguf_model.h"
#include "model/files/gpt_files.h"
#include "tests/model/fuzz_file.h"

// Writing the model is not part of this test.
bool gpt_save(const ParamTable *table, const ModelConfig *config, const char *dir, const float *h_params, Error *err) {
    return table && config && dir && h_params && err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char dir[] = "/dev/shm/fuzz_gguf_XXXXXX", made;
    Gguf file;
    ModelConfig config;
    Error err = {""};
    char path[32];
    if (!made) must(mkdtemp(dir) != NULL), made = 1;
    bool good = gguf_parse(&file, data, size, "here", &err);
    must(good || *err.text);
    for (size_t i = 0; good && i < file.n_tensors; i++) {
        const GgufTensor *t = &file.tensors[i];
        must(t->bytes <= size && t->data >= data && t->data + t->bytes <= data + size);
        float *values = malloc(t->elements * sizeof *values);
        must(values != NULL);
        gguf_to_float(t, values);
        free(values);
    }
    if (good && gguf_model_config(&file, &config, &err)) gguf_write_tokenizer(&file, config.V, dir, &err);
    gguf_close(&file);
    int handle = fuzz_file(data, size, path);
    convert_gguf(path, dir, &err);
    close(handle);
    return 0;
}
