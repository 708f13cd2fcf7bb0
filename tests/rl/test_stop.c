// Stop strings: where a rollout is cut, and what of its text is graded.
#include "rl/reward.h"
#include "rl/stop.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

static Tokenizer *tokenizer;
static char dir[] = P_tmpdir "/test_stop_XXXXXX";

static int open_tokenizer(void **state) {
    static const char *const special[] = {"<eos>"};
    (void)state;
    if (!mkdtemp(dir) || !tokenizer_write_characters(dir, "abcdQ:\n", special, 1, NULL)) return -1;
    return (tokenizer = tokenizer_load(dir, NULL)) ? 0 : -1;
}

static int close_tokenizer(void **state) {
    (void)state;
    tokenizer_free(tokenizer);
    char path[100];
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/tokenizer_config.json", dir);
    unlink(path);
    return rmdir(dir);
}

static PromptTemplate stops(const char *const *texts, int n) {
    PromptTemplate template = prompt_template_verbatim();
    for (int i = 0; i < n; i++) assert_true(prompt_template_stop(&template, texts[i], NULL));
    return template;
}

// The text that is drawn token by token, `burst` tokens between two looks; "." is the special token. Ends after n
// tokens with the text `graded`; n 0: it does not end.
static void assert_stop(const PromptTemplate *template, const char *drawn, int burst, int n, const char *graded) {
    int tokens[300], total = 0;
    for (const char *c = drawn; *c; c++) tokens[total++] = *c == '.' ? 0 : tokenizer_id(tokenizer, (char[]){*c, 0});
    Rollout r = {.tokens = tokens};
    bool ended = false;
    while (!ended && r.n < total) {
        int from = r.n;
        r.n = from + burst < total ? from + burst : total;
        ended = stop_rollout(template, tokenizer, &r, from);
    }
    size_t length;
    char *text = response_text(tokenizer, &r, &length);
    assert_int_equal(ended, n > 0);
    assert_int_equal(r.n, n ? n : total);
    assert_string_equal(text, graded);
    assert_int_equal(length, strlen(graded));
    free(text);
}

static void test_ends_with_the_token_that_completes_it(void **state) {
    (void)state;
    PromptTemplate one = stops((const char *const[]){"\\nQ:"}, 1), two = stops((const char *const[]){"ab", "cabd"}, 2);
    PromptTemplate none = prompt_template_verbatim();
    char filler[280] = "";
    memset(filler, 'a', 270);
    strcpy(filler + 270, "\nQ:");
    for (int burst = 1; burst <= 9; burst++) { // as many tokens between two looks as a device decodes
        assert_stop(&one, "ab\nQ:cd", burst, 5, "ab");
        assert_stop(&one, "\nQ:", burst, 3, "");
        assert_stop(&one, "ab\nQQ:\nQ", burst, 0, "ab\nQQ:\nQ");
        assert_stop(&one, "ab\n.Q.:cd", burst, 7, "ab"); // a special token is no part of the text
        assert_stop(&one, "a\nQ:b\nQ:", burst, 4, "a");  // the first of two
        assert_stop(&two, "dcabd", burst, 4, "dc");
        assert_stop(&two, "ddab", burst, 4, "dd");
        assert_stop(&none, "ab\nQ:cd", burst, 0, "ab\nQ:cd");
        filler[270] = 0;
        assert_stop(&one, filler, burst, 0, filler);
        filler[270] = '\n';
        char want[280];
        snprintf(want, sizeof want, "%.270s", filler);
        assert_stop(&one, filler, burst, 273, want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ends_with_the_token_that_completes_it)};
    return cmocka_run_group_tests(tests, open_tokenizer, close_tokenizer);
}
