// rl/report: the page of a small hand-made run holds what the run logged; hostile text stays text; a damaged log, cut
// at any byte or with any byte changed, still gives a well-formed page; a page that cannot be written leaves the old
// one.
#include "rl/report.h" // before cmocka.h, whose macro fail() would rewrite base/check.h
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char metrics[] =
    "{\"phase\":\"config\",\"method\":\"dynamo\",\"data\":\"folder/<i>sums"
    "\",\"model\":\"some/folder/tiny\",\"allocation\":\"method\",\"parameters\":1234567,\"seed\":7}\n"
    "{\"phase\":\"sft\",\"step\":1,\"loss\":2.5,\"grad_norm\":1.5,\"sec_total\":2}\n"
    "{\"phase\":\"sft\",\"step\":2,\"loss\":1.5,\"heldout_pass1\":0.1,\"pass_hist\":[40,10,10,10,5,5,5,5,5,5,0]}\n"
    "{\"phase\":\"rl\",\"step\":0,\"reward\":0.25,\"entropy\":0.9,\"heldout_pass1\":0.2,\"heldout_low\":0.15,"
    "\"heldout_high\":0.25,\"n_hist\":{\"8\":3,\"24\":1},\"alloc_by_pass\":[[2,16],[0,0],[0,0],[0,0],[0,0],[2,32],[0,0]"
    ","
    "[0,0],[0,0],[0,0],[0,0]],\"sec_generate\":3,\"sec_verify\":1,\"sec_update\":2,\"sec_total\":7,\"tokens\":1000,"
    "\"tokens_per_s\":142.9,\"verdicts\":{\"correct\":1,\"<b>odd\":3}}\n"
    "{\"phase\":\"rl\",\"step\":1,\"reward\":0.5,\"entropy\":0.8,\"zero_spread\":0.5,\"clip_frac\":0.01,\"kl_old\":1e-"
    "6}\n"
    "{\"phase\":\"rl\",\"step\":1,\"reward\":0.75,\"entropy\":0.7,\"zero_spread\":0.25,\"clip_frac\":0.02,\"kl_old\":"
    "2e-6,"
    "\"heldout_pass1\":0.625,\"heldout_low\":0.6,\"heldout_high\":0.65,\"b_comp_mean\":1.2,\"b_stab_mean\":0.99,"
    "\"b_stab_low\":0.01,\"ratio_max\":1.1,\"logprob_diff_max\":0,\"response_length\":20.5,\"worked\":0.9,"
    "\"truncated\":0.1}\n";

static const char rollouts[] =
    "{\"step\":0,\"prompt_id\":123456,\"rollout\":0,\"prompt\":\"</pre><script>alert(1)</script> "
    "2+2?\",\"gold\":\"4\\\"'&\","
    "\"reward\":1,\"verdict\":\"correct\",\"advantage\":1.5,\"tokens\":[{\"text\":\"<img onerror=x>\",\"logp\":-0.25,"
    "\"entropy\":0.5,\"b_comp\":1.2,\"b_stab\":0.9,\"advantage\":1.62},{\"text\":\"\xff\xc0\xaf\xed\xa0\x80|\xe2\x82\","
    "\"advantage\":0.1},{\"text\":\"a\\nb\\u202e\\u0007\",\"advantage\":0}]}\n"
    "{\"step\":0,\"prompt_id\":123456,\"rollout\":1,\"prompt\":\"2+2?\",\"gold\":\"4\",\"reward\":0,\"verdict\":"
    "\"wrong<\","
    "\"advantage\":-1.5,\"tokens\":[{\"text\":\"5\",\"advantage\":-1.5}]}\n"
    "{\"step\":1,\"prompt_id\":123456,\"rollout\":0,\"prompt\":\"2+2?\",\"gold\":\"4\",\"reward\":1,\"advantage\":0,"
    "\"tokens\":[]}\n";

typedef struct Folder {
    char dir[256], metrics[300], rollouts[300], page[300], temporary[300];
} Folder;

static void put(const char *path, const char *text, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static char *get(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    rewind(file);
    char *text = calloc((size_t)size + 1, 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    assert_int_equal(strlen(text), (size_t)size); // no NUL in a page
    return text;
}

static int setup(void **state) {
    Folder *f = calloc(1, sizeof *f);
    if (!f) return 1;
    snprintf(f->dir, sizeof f->dir, "%s/test_report.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : P_tmpdir);
    if (!mkdtemp(f->dir)) return 1;
    snprintf(f->metrics, sizeof f->metrics, "%s/metrics.jsonl", f->dir);
    snprintf(f->rollouts, sizeof f->rollouts, "%s/rollouts.jsonl", f->dir);
    snprintf(f->page, sizeof f->page, "%s/report.html", f->dir);
    snprintf(f->temporary, sizeof f->temporary, "%s/report.html.tmp", f->dir);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    Folder *f = *state;
    remove(f->metrics), remove(f->rollouts), remove(f->page), remove(f->temporary);
    const int left = rmdir(f->dir);
    free(f);
    return left;
}

static char *page_of(const Folder *f, const char *log, size_t log_size, const char *samples, size_t samples_size) {
    Error err = {""};
    put(f->metrics, log, log_size);
    remove(f->rollouts);
    if (samples) put(f->rollouts, samples, samples_size);
    if (!report_write(f->dir, &err)) fail_msg("%s", err.text);
    assert_int_not_equal(access(f->temporary, F_OK), 0);
    char *page = get(f->page);
    assert_non_null(page);
    return page;
}

static size_t count(const char *text, const char *what) {
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++) found++;
    return found;
}

// Whether every element that needs it is closed, in order, and every attribute is a quoted string or a plain word.
static bool well_formed(const char *html) {
    char open[64][16];
    int depth = 0;
    for (const char *s = html; (s = strchr(s, '<')) != NULL;) {
        const bool closing = s[1] == '/';
        s += closing ? 2 : 1;
        if (*s == '!') continue;
        char name[16] = "";
        size_t length = strspn(s, "abcdefghijklmnopqrstuvwxyz123456");
        if (length == 0 || length >= sizeof name) return false;
        memcpy(name, s, length);
        const char *end = s + length;
        char quote = 0;
        for (; *end && (quote || *end != '>'); end++) {
            if (quote ? *end == quote : *end == '"' || *end == '\'')
                quote = quote ? 0 : *end;
            else if (!quote && *end == '<')
                return false;
        }
        if (!*end) return false;
        const bool empty = end[-1] == '/' || strcmp(name, "meta") == 0;
        if (closing && (depth == 0 || strcmp(open[--depth], name) != 0)) return false;
        if (!closing && !empty) {
            if (depth == 64) return false;
            strcpy(open[depth++], name);
        }
        s = end;
        if (!closing && (strcmp(name, "script") == 0 || strcmp(name, "style") == 0)) {
            s = strstr(s, strcmp(name, "script") == 0 ? "</script>" : "</style>");
            if (!s) return false;
        }
    }
    return depth == 0;
}

static bool is_utf8(const char *text) {
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        const int more = *s < 0x80                 ? 0
                         : *s >= 0xC2 && *s < 0xE0 ? 1
                         : *s >= 0xE0 && *s < 0xF0 ? 2
                         : *s >= 0xF0 && *s < 0xF5 ? 3
                                                   : -1;
        if (more < 0 || (*s == 0xE0 && s[1] < 0xA0) || (*s == 0xED && s[1] > 0x9F)) return false;
        s++;
        for (int i = 0; i < more; i++, s++)
            if ((*s & 0xC0) != 0x80) return false;
    }
    return true;
}

static void check_page(const char *page) {
    assert_true(well_formed(page));
    assert_true(is_utf8(page));
    assert_int_equal(count(page, "<script"), 1);
    assert_null(strstr(page, "://"));
    assert_null(strstr(page, " src="));
    assert_null(strstr(page, "nan"));
    assert_true(strlen(page) > 8 && strcmp(page + strlen(page) - 8, "</html>\n") == 0);
}

static void the_checks_fail(void **state) {
    (void)state;
    assert_true(well_formed("<p>a<b c=\"<\">d</b><i /></p>"));
    assert_false(well_formed("<p>a<b></p></b>"));
    assert_false(well_formed("<p>a < b</p>"));
    assert_false(well_formed("<p"));
    assert_false(well_formed("<p><i>"));
    assert_false(well_formed("<p a=\">"));
    assert_true(is_utf8("a\u00E9\u2014"));
    assert_false(is_utf8("\xff"));
    assert_false(is_utf8("\xe2\x82"));
    assert_false(is_utf8("\xed\xa0\x80"));
}

static void shows_what_was_logged(void **state) {
    const Folder *f = *state;
    char *page = page_of(f, metrics, sizeof metrics - 1, rollouts, sizeof rollouts - 1);
    check_page(page);
    static const char *const wanted[] = {
        "dynamo on &lt;i&gt;sums</h1>",
        "1.23\u00A0M parameters",
        "<p class=sub><span>tiny</span>",
        "<span>seed 7</span></p>",
        "20.0\u00A0%",
        "62.5\u00A0%",
        "+42.5 points",
        "[15.0,\u00A025.0]",
        "[60.0,\u00A065.0]",
        "<dt>Warm-up steps</dt><dd>2</dd>",
        "<dt>RL steps</dt><dd>1</dd>",
        "<dd>9\u00A0s</dd>",
        "1 step was logged more than once",
        "\"step\":[0,1],\"sft\":0,\"percent\":1,\"stacked\":0,\"low\":0,", // the axis of the reward
        "{\"name\":\"reward\",\"colour\":0,\"y\":[0.25,0.75]}",            // the later of the two steps 1
        "{\"name\":\"update\",\"colour\":2,\"y\":[2,2]}",                  // a warm-up step is an update
        "{\"name\":\"other\",\"colour\":3,\"y\":[0,1]}",
        "pass rate of the prompt 0.5&#10;16 rollouts per prompt, mean&#10;2 prompts",
        "rollouts n 8&#10;75.0\u00A0%&#10;3 prompts",
        "60.0&nbsp;% after the warm-up.",
        "<td>&lt;b&gt;odd</td><td>75.0\u00A0%</td>",
        "0 at every step",
        "<h3>Prompt <span class=gold>answer <code>",
        "Early, step 0 <span>1 of 2 correct",
        "Late, step 1 <span>1 of 1 correct",
        "<i class=p8 data-t=\"-0.25|0.5|1.2|0.9|1.62\">&lt;img onerror=x&gt;</i>",
        "<i class=n8 data-t=\"||||-1.5\">5</i>",
        "rollouts.jsonl holds 3 rollouts, of which 3 are shown",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(page, wanted[i])) fail_msg("the page lacks: %s", wanted[i]);
    free(page);
}

static void hostile_text_stays_text(void **state) {
    const Folder *f = *state;
    char *page = page_of(f, metrics, sizeof metrics - 1, rollouts, sizeof rollouts - 1);
    assert_null(strstr(page, "<script>alert"));
    assert_null(strstr(page, "<img"));
    assert_null(strstr(page, "<b>odd"));
    assert_non_null(strstr(page, "&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt; 2+2?"));
    assert_non_null(strstr(page, "4&quot;&#39;&amp;"));
    // FF, C0 AF (overlong), ED A0 80 (a surrogate) and a sequence that ends early: one mark a byte.
    assert_non_null(strstr(page, ">\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD|\uFFFD\uFFFD</i>"));
    assert_non_null(strstr(page, ">a\u21B5\nb\uFFFD\u2407</i>"));
    free(page);
}

static void odd_fields_are_left_out(void **state) {
    const Folder *f = *state;
    static const char log[] =
        "{\"phase\":\"config\",\"method\":[1],\"data\":null,\"parameters\":\"many\"}\n"
        "{\"phase\":\"rl\",\"step\":1,\"reward\":\"abc\",\"entropy\":null,\"n_hist\":[1,2],\"alloc_by_pass\":{\"a\":1},"
        "\"pass_hist\":[1],\"verdicts\":3,\"grad_norm\":1e999,\"kl_old\":-1e308,\"ratio_max\":1e308}\n"
        "{\"phase\":\"rl\",\"step\":2,\"reward\":{},\"n_hist\":{\"-1\":2,\"x\":1,\"9999999\":4,\"8\":-3,\"5\":\"q\"},"
        "\"alloc_by_pass\":[[1],[],7,null,[\"a\",\"b\"]],\"kl_old\":1e308,\"heldout_pass1\":-4,\"clip_frac\":1e-300}\n"
        "{\"phase\":\"rl\",\"step\":-1}\n{\"phase\":\"rl\"}\n{\"step\":4}\n{\"phase\":\"other\",\"step\":4}\n[1]\n7\n{"
        "\"a\":1}}\n"
        "\n\"x\n{\"phase\":\"rl\",\"step\":1e300}\n";
    static const char samples[] = "{}\n{\"step\":1,\"prompt_id\":\"a\"}\n{\"step\":1,\"prompt_id\":1}\n{\"step\":1,"
                                  "\"prompt_id\":2,\"tokens\":7,\"prompt\":3,"
                                  "\"gold\":{},\"reward\":\"x\"}\n{\"step\":2,\"prompt_id\":2,\"tokens\":[1,null,{"
                                  "\"text\":4},{}],\"advantage\":1e999}\n";
    char *page = page_of(f, log, sizeof log - 1, samples, sizeof samples - 1);
    check_page(page);
    assert_non_null(strstr(page, "Training run"));
    assert_non_null(strstr(page, "9 lines of metrics.jsonl could not be read"));
    assert_non_null(strstr(page, "2 lines of rollouts.jsonl could not be read"));
    free(page);
}

static void empty_and_missing_files(void **state) {
    const Folder *f = *state;
    char *page = page_of(f, "", 0, NULL, 0);
    check_page(page);
    assert_non_null(strstr(page, "No step has been logged yet"));
    assert_non_null(strstr(page, "No held-out evaluation has been logged yet"));
    assert_non_null(strstr(page, "There is no rollouts.jsonl"));
    free(page);
    Error err = {""};
    assert_false(report_write("no/such/folder", &err));
    assert_non_null(strstr(err.text, "no/such/folder/metrics.jsonl"));
    assert_false(report_write("no/such/folder", NULL));
}

// The log of a killed run: cut at every byte. The page stays well formed and says when a line was lost.
static void cut_anywhere(void **state) {
    const Folder *f = *state;
    for (size_t size = 0; size < sizeof metrics - 1; size += 7) {
        const size_t samples = size % (sizeof rollouts - 1);
        char *page = page_of(f, metrics, size, rollouts, samples);
        check_page(page);
        const bool inside = size > 0 && metrics[size - 1] != '\n' && metrics[size - 1] != '}';
        if (inside) assert_non_null(strstr(page, "The last line of metrics.jsonl is cut off"));
        free(page);
    }
}

static void any_byte_changed(void **state) {
    const Folder *f = *state;
    static const char bytes[] = {'"', '<', '\n', '9', 'e', '-', '\xff', '\0', '[', '}'};
    char log[sizeof metrics], samples[sizeof rollouts];
    for (size_t i = 0; i < 400; i++) {
        memcpy(log, metrics, sizeof log);
        memcpy(samples, rollouts, sizeof samples);
        for (size_t k = 0; k < 3; k++) {
            const size_t at = i * 2654435761u + k * 40503u;
            log[at % (sizeof log - 1)] = bytes[(i + k) % sizeof bytes];
            samples[at % (sizeof samples - 1)] = bytes[(i + k) % sizeof bytes];
        }
        char *page = page_of(f, log, sizeof log - 1, samples, sizeof samples - 1);
        check_page(page);
        free(page);
    }
}

// 3,000 steps are drawn as at most 400 points; a thousand prompts give a dozen at most.
static void long_runs_stay_small(void **state) {
    const Folder *f = *state;
    char *log = malloc(3000 * 100), *samples = malloc(2000 * 150), *end = log, *tail = samples;
    assert_true(log && samples);
    for (int s = 0; s < 3000; s++)
        end += sprintf(end, "{\"phase\":\"rl\",\"step\":%d,\"reward\":%d,\"ratio_max\":%d}\n", s, s % 2, s);
    for (int r = 0; r < 2000; r++)
        tail += sprintf(tail,
                        "{\"step\":%d,\"prompt_id\":%d,\"reward\":%d,\"tokens\":[{\"text\":\"t\",\"advantage\":1}]}\n",
                        r, r % 1000, r % 3 == 0);
    char *page = page_of(f, log, (size_t)(end - log), samples, (size_t)(tail - samples));
    check_page(page);
    assert_true(strlen(page) < 200000);
    assert_non_null(strstr(page, "Each point of the RL curves is the mean of 8 steps"));
    assert_non_null(strstr(page, "\"y\":[0.5,0.5,")); // means of alternating 0 and 1
    assert_non_null(strstr(page, "\"y\":[7,15,23,")); // the largest of each eight
    assert_true(count(page, "<article") <= 12);
    free(page), free(log), free(samples);
}

static void the_same_page_again(void **state) {
    const Folder *f = *state;
    char *first = page_of(f, metrics, sizeof metrics - 1, rollouts, sizeof rollouts - 1);
    char *second = page_of(f, metrics, sizeof metrics - 1, rollouts, sizeof rollouts - 1);
    assert_string_equal(first, second);
    free(first), free(second);
}

static void a_page_that_cannot_be_written(void **state) {
    const Folder *f = *state;
    char *old = page_of(f, metrics, sizeof metrics - 1, NULL, 0);
    Error err = {""};
    assert_int_equal(mkdir(f->temporary, 0700), 0); // the temporary name is taken by a folder
    assert_false(report_write(f->dir, &err));
    assert_non_null(strstr(err.text, "report.html.tmp"));
    char *still = get(f->page);
    assert_string_equal(old, still);
    assert_int_equal(rmdir(f->temporary), 0);

    assert_int_equal(remove(f->page), 0);
    assert_int_equal(mkdir(f->page, 0700), 0); // the name of the page is taken by a folder
    assert_false(report_write(f->dir, &err));
    assert_non_null(strstr(err.text, "cannot be replaced"));
    assert_int_not_equal(access(f->temporary, F_OK), 0);
    assert_int_equal(rmdir(f->page), 0);
    free(old), free(still);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checks_fail),  IN_FOLDER(shows_what_was_logged),
        IN_FOLDER(hostile_text_stays_text), IN_FOLDER(odd_fields_are_left_out),
        IN_FOLDER(empty_and_missing_files), IN_FOLDER(cut_anywhere),
        IN_FOLDER(any_byte_changed),        IN_FOLDER(long_runs_stay_small),
        IN_FOLDER(the_same_page_again),     IN_FOLDER(a_page_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
