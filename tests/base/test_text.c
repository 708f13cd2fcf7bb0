// base/text against utf8proc and Unicode's own examples: all strings of up to three bytes, a sample of those of four.
#include "base/text.h"
#include "data/random.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define FFFD "\xef\xbf\xbd"

// Every proper prefix and every whole of a character, as its bytes read big endian: bit n of known[length].
static unsigned char *known[5]; // 4-byte wholes are not kept: utf8proc judges those

static bool is_known(const unsigned char *s, size_t n) {
    size_t value = 0;
    for (size_t i = 0; i < n; i++) value = value << 8 | s[i];
    return known[n][value / 8] >> value % 8 & 1;
}

static int learn_prefixes(void **state) {
    (void)state;
    for (int n = 1; n <= 3; n++) known[n] = calloc(((size_t)1 << 8 * n) / 8, 1);
    for (utf8proc_int32_t rune = 0; rune <= 0x10ffff; rune++) {
        unsigned char s[4];
        if (rune >= 0xd800 && rune <= 0xdfff) continue; // surrogates are no characters
        size_t n = (size_t)utf8proc_encode_char(rune, s), value = 0;
        for (size_t i = 0; i < n && i < 3; i++) {
            value = value << 8 | s[i];
            known[i + 1][value / 8] |= (unsigned char)(1 << value % 8);
        }
    }
    return 0;
}

static int forget_prefixes(void **state) {
    (void)state;
    for (int n = 1; n <= 3; n++) free(known[n]);
    return 0;
}

// The first character of a string, and the validity of all of it.
static bool agrees(const unsigned char *s, size_t n) {
    utf8proc_int32_t rune;
    utf8proc_ssize_t step = utf8proc_iterate(s, (utf8proc_ssize_t)n, &rune);
    bool valid;
    size_t length = utf8_next((const char *)s, n, &valid), at = 0, bad;
    if (valid != (step > 0)) return false;
    if (valid && length != (size_t)step) return false;
    if (!valid) { // the longest start of a character, at least a byte
        size_t most = 1;
        while (most < n && most < 3 && is_known(s, most) && is_known(s, most + 1)) most++;
        if (length != most) return false;
    }
    while (at < n && (step = utf8proc_iterate(s + at, (utf8proc_ssize_t)(n - at), &rune)) > 0) at += (size_t)step;
    return utf8_valid((const char *)s, n, &bad) == (at == n) && bad == at;
}

static void every_short_string(void **state) {
    (void)state;
    for (size_t n = 1; n <= 3; n++)
        for (size_t value = 0; value < (size_t)1 << 8 * n; value++) {
            unsigned char s[3];
            for (size_t i = 0; i < n; i++) s[i] = (unsigned char)(value >> 8 * (n - 1 - i));
            if (!agrees(s, n)) fail_msg("%zu bytes: %06zx", n, value);
        }
}

static void many_strings_of_four(void **state) {
    (void)state;
    int whole = 0;
    for (uint64_t i = 0; i < 1 << 20; i++) {
        Random random = random_keyed(7, 4, i);
        uint64_t bits = random_next(&random);
        unsigned char s[4];
        for (int k = 0; k < 4; k++) s[k] = (unsigned char)(bits >> (8 + 8 * k));
        if (i % 4) s[0] = (unsigned char)(0xee + bits % 8); // most start like a long character
        for (int k = 1; k < 4 && i % 2; k++) s[k] = (unsigned char)(0x80 | (s[k] & 0x3f));
        if (!agrees(s, 4)) fail_msg("%02x %02x %02x %02x", s[0], s[1], s[2], s[3]);
        utf8proc_int32_t rune;
        whole += utf8proc_iterate(s, 4, &rune) == 4;
    }
    assert_true(whole > 10000); // the sample has both kinds
}

// The check reads eight bytes of ASCII at a time: a bad byte and a whole character at every place of every length.
static void every_place_in_long_strings(void **state) {
    (void)state;
    char text[40];
    for (size_t n = 1; n < sizeof text; n++)
        for (size_t i = 0; i < n; i++) {
            size_t bad = 99;
            memset(text, 'a', sizeof text);
            assert_true(utf8_valid(text, n, NULL));
            text[i] = '\x80';
            assert_false(utf8_valid(text, n, &bad));
            assert_int_equal(bad, i);
            memcpy(text + i, "\xc3\xa9", i + 1 < sizeof text ? 2 : 1);
            assert_int_equal(utf8_valid(text, n, &bad), i + 1 < n);
            assert_int_equal(bad, i + 1 < n ? n : i);
        }
}

static void assert_written(const char *bytes, size_t n, const char *want) {
    char to[100];
    assert_int_equal(utf8_write(to, bytes, n), strlen(want));
    assert_string_equal(to, want);
}

// The Unicode Standard, tables 3-8 to 3-11.
static void replaces_as_unicode_does(void **state) {
    (void)state;
    assert_written("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82" "A", 9, FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A");
    assert_written("\xed\xa0\x80\xed\xbf\xbf\xed\xaf" "A", 9, FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A");
    assert_written("\xf4\x91\x92\x93\xff" "A\x80\xbf" "B", 9, FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B");
    assert_written("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf" "A", 9, FFFD FFFD FFFD FFFD "A");
    assert_written("", 0, "");
}

static void text_for_json(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *want;
        bool exact;
    } cases[] = {{"", 0, "", true}, {"a\xc3\xa9", 3, "a\xc3\xa9", true}, {"a\0b", 3, "a" FFFD "b", false},
                 {"\0", 1, FFFD, false}, {"a\xff", 2, "a" FFFD, false}, {"\xc3\0\xa9", 3, FFFD FFFD FFFD, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool exact;
        char *text = utf8_text(cases[i].bytes, cases[i].n, &exact);
        assert_string_equal(text, cases[i].want);
        assert_int_equal(exact, cases[i].exact);
        free(text);
    }
}

static void knows_every_space(void **state) {
    (void)state;
    int spaces = 0;
    for (utf8proc_int32_t rune = 0; rune <= 0x10ffff; rune++) {
        char s[5] = "";
        if (rune >= 0xd800 && rune <= 0xdfff) continue;
        size_t n = (size_t)utf8proc_encode_char(rune, (utf8proc_uint8_t *)s);
        utf8proc_category_t category = utf8proc_category(rune);
        bool space = (rune >= '\t' && rune <= '\r') || rune == 0x85 || category == UTF8PROC_CATEGORY_ZS ||
                     category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
        if (utf8_space(s, n) != (space ? n : 0)) fail_msg("U+%04x", (unsigned)rune);
        if (utf8_space(s, n - 1)) fail_msg("U+%04x, cut", (unsigned)rune);
        spaces += space;
    }
    assert_int_equal(spaces, 25); // as many as Unicode's PropList.txt has
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_short_string),       cmocka_unit_test(many_strings_of_four),
        cmocka_unit_test(every_place_in_long_strings), cmocka_unit_test(replaces_as_unicode_does),
        cmocka_unit_test(text_for_json),            cmocka_unit_test(knows_every_space),
    };
    return cmocka_run_group_tests(tests, learn_prefixes, forget_prefixes);
}
