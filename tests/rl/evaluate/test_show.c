// rl/evaluate/show: what a model writes reaches the terminal whole and harmless.
#include "rl/evaluate/show.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static const char *safe(const char *bytes, size_t n) {
    static char text[500];
    assert_true(n < 100);
    size_t length = show_safe(text, bytes, n, NULL);
    assert_int_equal(length, strlen(text));
    return text;
}
#define SAFE(literal) safe(literal, sizeof literal - 1)

static void nothing_is_obeyed(void **state) {
    (void)state;
    assert_string_equal(SAFE("a\tb\n\xc3\xa9\xf0\x9f\x98\x80"), "a\tb\n\xc3\xa9\xf0\x9f\x98\x80");
    assert_string_equal(SAFE("\033[2J\033]0;title\a"), "\\x1b[2J\\x1b]0;title\\x07");
    assert_string_equal(SAFE("a\rb\b\0c\x7f"), "a\\x0db\\x08\\x00c\\x7f");
    assert_string_equal(SAFE("\xc2\x9b" "31m"), "\\x9b31m"); // C1's CSI
    assert_string_equal(SAFE("\xe2\x80\xae" "abc\xe2\x81\xa9\xe2\x80\xa8"), "\\u{202e}abc\\u{2069}\\u{2028}");
    assert_string_equal(SAFE("\xf3\xa0\x81\x81"), "\\u{e0041}"); // an invisible tag
    assert_string_equal(SAFE("\xff\xc3(\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd");
    char text[2000]; // every byte alone, and every C0 and C1 control: never a control character in what is shown
    for (int c = 0; c < 256; c++) {
        char byte[3] = {(char)c}, two[3] = {(char)0xc2, (char)c};
        for (int n = 1; n <= 2; n++) {
            show_safe(text, n == 1 ? byte : two, (size_t)n, NULL);
            for (const char *s = text; *s; s++) assert_true((unsigned char)*s >= ' ' || *s == '\n' || *s == '\t');
            assert_null(strchr(text, 0x7f));
            for (const char *s = strchr(text, '\xc2'); s; s = NULL) assert_true((unsigned char)s[1] >= 0xa0);
        }
    }
}

// What is shown of tokens that cut the text anywhere, with all the escapes and colours.
static const char *streamed(const char *const *tokens, ShowColor color, const TokenPolicy *policy) {
    static char text[1000];
    memset(text, 0, sizeof text);
    FILE *out = fmemopen(text, sizeof text, "w");
    Show show = {.out = out, .color = color};
    for (int i = 0; tokens[i]; i++) show_token(&show, tokens[i], strlen(tokens[i]), policy ? &policy[i] : NULL);
    show_end(&show);
    fclose(out);
    return text;
}

static void characters_are_shown_whole(void **state) {
    (void)state;
    const char *const cut[] = {"a\xf0", "\x9f", "\x98", "\x80" "b", "\xe2\x82", "\xac", NULL};
    assert_string_equal(streamed(cut, SHOW_PLAIN, NULL), "a\xf0\x9f\x98\x80" "b\xe2\x82\xac");
    const char *const broken[] = {"\xe2", "x", "\xe2\x82", NULL};
    assert_string_equal(streamed(broken, SHOW_PLAIN, NULL), "\xef\xbf\xbdx\xef\xbf\xbd");
    const char *const escape[] = {"\033", "[2J", "\xc2", "\x9b", NULL};
    assert_string_equal(streamed(escape, SHOW_PLAIN, NULL), "\\x1b[2J\\x9b");
}

static void colours_follow_the_policy(void **state) {
    (void)state;
    const char *const tokens[] = {"a", "b", "c", NULL};
    const TokenPolicy policy[] = {{.logp = -0.01f, .entropy = 0.1f}, {.logp = -4, .entropy = 0.3f}, {.entropy = 9}};
    assert_string_equal(streamed(tokens, SHOW_ENTROPY, policy), "a\033[38;5;229mb\033[0m\033[38;5;196mc\033[0m");
    assert_string_equal(streamed(tokens, SHOW_PROBABILITY, policy), "a\033[38;5;196mb\033[0mc");
    assert_string_equal(streamed(tokens, SHOW_PLAIN, policy), "abc");
    FILE *file = tmpfile(); // not a terminal
    assert_true(!show_has_colors(file) && show_open(file, SHOW_ENTROPY).color == SHOW_PLAIN);
    fclose(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_obeyed),         cmocka_unit_test(characters_are_shown_whole),
        cmocka_unit_test(colours_follow_the_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
