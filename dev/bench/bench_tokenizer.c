// Optional (benchmarks): encodes a file line by line on one core, as prompts are, and decodes the ids again.
//
//     build/cpu/dev/bench/bench_tokenizer TOKENIZER TEXT
#include "base/clock.h"
#include "base/files.h"
#include "model/tokenizer/decode.h"
#include <string.h>

int main(int argc, char **argv) {
    Error err;
    size_t n, tokens = 0;
    REQUIRE(argc == 3, "usage: bench_tokenizer TOKENIZER TEXT");
    double start = seconds_now();
    Tokenizer *t = tokenizer_load(argv[1], &err);
    REQUIRE(t, "%s", err.text);
    printf("%s loaded in %.2f s\n", argv[1], seconds_now() - start);
    char *text = file_read(argv[2], (size_t)1 << 30, &n, &err);
    REQUIRE(text, "%s", err.text);
    int *ids = malloc((3 * n + 1) * sizeof *ids);
    REQUIRE(ids, "out of memory");
    double encode = 1e30, decode = 1e30;
    for (int trial = 0; trial < 3; trial++) {
        tokens = 0;
        start = seconds_now();
        for (size_t at = 0; at < n;) {
            size_t line = strcspn(text + at, "\n") + 1;
            if (line > n - at) line = n - at;
            int count = tokenizer_encode(t, text + at, line, ids + tokens, (int)(3 * line), &err);
            REQUIRE(count >= 0, "%s", err.text);
            tokens += (size_t)count;
            at += line;
        }
        encode = seconds_now() - start < encode ? seconds_now() - start : encode;
        start = seconds_now();
        free(tokenizer_decode(t, ids, (int)tokens, NULL, &err));
        decode = seconds_now() - start < decode ? seconds_now() - start : decode;
    }
    double megabytes = (double)n / 1e6;
    printf("%.1f MB, %zu tokens: encode %.1f MB/s, decode %.1f MB/s (best of 3, one thread)\n", megabytes, tokens,
           megabytes / encode, megabytes / decode);
    free(text), free(ids);
    tokenizer_free(t);
    return 0;
}
