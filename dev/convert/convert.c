// Optional (converters): `make convert` turns a model of llama2.c or llama.cpp into a Hugging Face folder.
#include "base/files.h"
#include "base/process.h"
#include "dev/convert/convert.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: convert MODEL.gguf FOLDER                 GGUF, Llama architecture: F32, F16, Q8_0, Q4_0, Q4_1\n"
    "       convert MODEL.bin TOKENIZER.bin FOLDER    a checkpoint of llama2.c (version 0)\n"
    "Writes config.json, generation_config.json, model.safetensors (F32), tokenizer.json and tokenizer_config.json.\n";

static bool is_gguf(const char *path) {
    char magic[4] = "";
    FILE *file = file_open(path, NULL);
    bool gguf = file && fread(magic, 1, 4, file) == 4 && memcmp(magic, "GGUF", 4) == 0;
    if (file) fclose(file);
    return gguf;
}

int main(int argc, char **argv) {
    Error err = {""};
    process_start("convert");
    if (argc == 2 && strcmp(argv[1], "--help") == 0) return fputs(usage, stdout), 0;
    if (argc != 3 && argc != 4) return fputs(usage, stderr), 2;
    const char *dir = argv[argc - 1];
    bool gguf = is_gguf(argv[1]), ok;
    if (access(argv[1], R_OK) != 0)
        ok = fail(&err, "%s: %s", argv[1], strerror(errno));
    else if (gguf && argc == 3)
        ok = convert_gguf(argv[1], dir, &err);
    else if (gguf) ok = fail(&err, "%s: a GGUF file holds its tokenizer; name the model and the folder only", argv[1]);
    else if (argc == 4) ok = convert_llama2c(argv[1], argv[2], dir, &err);
    else ok = fail(&err, "%s: not a GGUF file; for llama2.c's format name its tokenizer.bin too", argv[1]);
    if (!ok) return fprintf(stderr, "convert: %s\n", err.text), 1;
    printf("%s -> %s\n", argv[1], dir);
    return fflush(stdout) ? 1 : 0;
}
