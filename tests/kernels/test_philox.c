// Philox 4x32-10 against the known-answer vectors that Salmon et al. publish with Random123.
#include "tests/kernels/kernel_test.h"

static void expect_words(Philox got, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    assert_int_equal(got.word[0], a);
    assert_int_equal(got.word[1], b);
    assert_int_equal(got.word[2], c);
    assert_int_equal(got.word[3], d);
}

static void test_known_answers(void **state) {
    (void)state;
    expect_words(philox(0, 0, 0, 0, 0), 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    expect_words(philox(UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX), 0x408f276d, 0x41c83b0e, 0xa20bc7c6,
                 0x6d5451fd);
    // counter and key: the digits of pi
    expect_words(philox(0x299f31d0a4093822, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344), 0xd16cfe09, 0x94fdcceb,
                 0x5001e420, 0x24126ea1);
}

static void test_uniform(void **state) {
    (void)state;
    assert_true(philox_uniform(0) == 0 && philox_uniform(255) == 0 && philox_uniform(256) == 0x1p-24f);
    assert_true(philox_uniform(UINT32_MAX) == 1 - 0x1p-24f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known_answers), cmocka_unit_test(test_uniform)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
