// rl/report/summary: the table on the terminal adds up.
#include "rl/report/summary.h"
#include "tests/rl/report/page.h"

static char *summary_of(const char *log) {
    char *text = NULL;
    size_t n = 0;
    put("metrics.jsonl", log, strlen(log));
    FILE *out = open_memstream(&text, &n);
    assert_true(out && summary_print(".", out, NULL));
    fclose(out);
    return text;
}

// Changes are those of the printed figures: 88.4 - 38.4 is 50.0, though 88.35 - 38.43 is 49.9. A step logged again
// counts as logged last; a step that is no evaluation, or of the warm-up, does not count.
static void summary_adds_up(void **state) {
    (void)state;
    static const char log[] =
        "{\"phase\":\"sft\",\"step\":9,\"heldout_pass1\":0.9}\n"
        "{\"phase\":\"rl\",\"step\":0,\"heldout_pass1\":0.3843,\"heldout_low\":0.35,\"heldout_high\":0.4,"
        "\"heldout_worked\":0.3047,\"pass_hist\":[1,0,0,0,0,1,0,0,0,0,2]}\n"
        "{\"phase\":\"rl\",\"step\":8,\"heldout_pass1\":0.1}\n{\"phase\":\"rl\",\"step\":9,\"loss\":1}\n"
        "{\"phase\":\"rl\",\"step\":8,\"heldout_pass1\":0.88355,\"heldout_low\":0.8,\"heldout_high\":0.9,"
        "\"heldout_worked\":0.3125,\"pass_hist\":[0,0,0,0,0,1,0,0,0,0,3]}\n";
    char *text = summary_of(log);
    assert_non_null(strstr(text, "(steps 0 and 8)"));
    assert_non_null(strstr(text, "    38.4      88.4     +50.0 points"));
    assert_non_null(strstr(text, "    30.5      31.2      +0.7 points")); // 31.25 prints as 31.2
    assert_non_null(strstr(text, "[35.0 40.0] [80.0 90.0]"));
    assert_non_null(strstr(text, "    50.0      75.0     +25.0 points")); // solved by every sample
    free(text);
    text = summary_of("{\"phase\":\"rl\",\"step\":0,\"heldout_pass1\":0.5}\n{\"phase\":\"rl\",\"step\":1}\n");
    assert_string_equal(text, "");
    free(text);
    Error err = {""};
    assert_false(summary_print("no/such/folder", stdout, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(summary_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
