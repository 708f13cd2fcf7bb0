// libFuzzer target: any gold, any response, no crash, no sanitizer report, bounded time. `make fuzz-verify` builds and
// runs it.
//
// The input is gold, a zero byte, response. Two properties hold for all of them: the verdict is in range with its span
// inside the response, and judging twice gives the same verdict. Seeds: tests/verify/corpus, two rows of each category
// of own_cases.jsonl and a few hostile ones.
#include "verify/verify.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition) {
    if (!condition) abort();
}

// One scratch for all inputs, as a thread has it: what leaks from one check into the next shows as another verdict.
static VerifyScratch *scratch;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!scratch) scratch = verify_scratch_new();
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
    must(gold && scratch);
    VerifyResult a = verify_check(scratch, gold, response, len), b = verify_check(scratch, gold, response, len);
    must(a.verdict == b.verdict && a.verdict < VERIFY_VERDICTS && a.reason && a.begin <= a.end && a.end <= len);
    verify_gold_free(gold);
    free(response);
    return 0;
}
