// libFuzzer target: a config that loads is one that the model can be built with, and it saves.
#define _GNU_SOURCE // memfd_create
#include "model/files/config_file.h"
#include "tests/model/fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char dir[] = "/dev/shm/fuzz_config_XXXXXX", config_path[64], generation_path[64];
    ModelConfig config;
    Error err = {""};
    if (!*config_path) {
        must(mkdtemp(dir) != NULL);
        snprintf(config_path, sizeof config_path, "%s/config.json", dir);
        snprintf(generation_path, sizeof generation_path, "%s/generation_config.json", dir);
    }
    FILE *file = fopen(config_path, "wb");
    must(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
    if (size && data[size - 1] == 'g') {
        file = fopen(generation_path, "wb");
        must(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
    }
    else unlink(generation_path);
    bool good = model_config_load(&config, dir, &err);
    must(good || *err.text);
    if (good)
        must(model_config_check(&config, "again", &err) && config.NH % config.NKV == 0 &&
             config.n_eos <= MODEL_MAX_EOS);
    if (good && size % 16 == 0) must(model_config_save(&config, dir, &err) && model_config_load(&config, dir, &err));
    return 0;
}
