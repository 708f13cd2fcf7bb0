// libFuzzer target: the input as a tokenizer.json, which then encodes and decodes if it loads.
#define _GNU_SOURCE // memfd_create
#include "model/tokenizer/decode.h"
#include "tests/model/fuzz_file.h"
#include <string.h>

static const char sample[] = "Hello, world! I'm 12345 \n\n  caf\xc3\xa9 e\xcc\x81 <|im_end|><think>abcab";

static void use(const Tokenizer *t) {
    int ids[4 * sizeof sample];
    Error err = {""};
    int n = tokenizer_encode(t, sample, sizeof sample - 1, ids, 4 * sizeof sample, &err);
    must(n >= 0 || *err.text);
    size_t len;
    char *text = n >= 0 ? tokenizer_decode(t, ids, n, &len, &err) : NULL;
    must(n < 0 || text);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[32];
    Error err = {""};
    int handle = fuzz_file(data, size, path);
    Tokenizer *t = tokenizer_load(path, &err);
    must(t || *err.text);
    if (t) use(t);
    tokenizer_free(t);
    close(handle);
    return 0;
}
