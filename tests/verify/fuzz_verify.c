// libFuzzer target: any gold, any response, no crash, no sanitizer report, bounded time.
//
//   clang -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined -I. tests/verify/fuzz_verify.c verify/*.c \
//         -lcjson -lflint-arb -lflint -lgmp -lm -o fuzz_verify
//   ./fuzz_verify -timeout=5 -max_len=2048 corpus/
//
// The input is gold, a zero byte, response. Two properties hold for all of them: the verdict is in range with its span inside
// the response, and judging twice gives the same verdict.
#include "verify/verify.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition) {
    if (!condition) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    size_t gold_len = zero ? (size_t)(zero - data) : size;
    char *response = malloc(size - gold_len + 16);
    must(response != NULL);
    size_t len = 0;
    if (!zero || data[size - 1] & 1) memcpy(response, "\\boxed{", 7), len = 7; // half of the inputs are boxed for us
    if (zero) memcpy(response + len, zero + 1, size - gold_len - 1), len += size - gold_len - 1;
    if (!zero || data[size - 1] & 1) response[len++] = '}';
    VerifyPolicy policy = verify_policy_evaluation();
    policy.approx_digits = size % 3 ? 0 : 4;
    policy.rounded_gold = size % 5 == 0;
    VerifyGold *gold = verify_compile((const char *)data, gold_len, &policy);
    VerifyScratch *scratch = verify_scratch_new();
    must(gold && scratch);
    VerifyResult a = verify_check(scratch, gold, response, len), b = verify_check(scratch, gold, response, len);
    must(a.verdict == b.verdict && a.verdict < VERIFY_VERDICTS && a.reason && a.begin <= a.end && a.end <= len);
    verify_scratch_free(scratch);
    verify_gold_free(gold);
    free(response);
    return 0;
}
