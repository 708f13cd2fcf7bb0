// rl/report: the page holds what the runs logged; hostile text stays data; a damaged log, cut at any byte or with any
// byte changed, still gives a page with valid data; a page that cannot be written leaves the old one; sizes are bounded.
#include "rl/report/report.h" // before cmocka.h, whose macro fail() would rewrite check.h
#include "rl/report/summary.h"
#include "base/json.h"
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
#include <utf8proc.h>

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
    if (!report_write_run(f->dir, &err)) fail_msg("%s", err.text);
    assert_int_not_equal(access(f->temporary, F_OK), 0);
    char *page = get(f->page);
    assert_non_null(page);
    return page;
}

static bool is_utf8(const char *text) {
    utf8proc_int32_t code;
    utf8proc_ssize_t left = (utf8proc_ssize_t)strlen(text), n;
    for (; left > 0; text += n, left -= n)
        if ((n = utf8proc_iterate((const utf8proc_uint8_t *)text, left, &code)) <= 0) return false;
    return true;
}

static size_t count(const char *text, const char *what) {
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++) found++;
    return found;
}

static const char opening[] = "<script type=\"application/json\" id=\"data\">";

// Whether the text holds nothing that a script element or a JavaScript string could trip over.
static bool inert(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strchr("<>&", text[i]) || (unsigned char)text[i] < 0x20 || memcmp(text + i, "\xE2\x80\xA8", 3) == 0 ||
            memcmp(text + i, "\xE2\x80\xA9", 3) == 0)
            return false;
    return true;
}

// The data of a page, after a look at the whole of it. Release with cJSON_Delete.
static cJSON *data_of(const char *page) {
    const char *data = strstr(page, opening), *end;
    assert_non_null(data);
    data += strlen(opening);
    end = strstr(data, "</script>");
    assert_non_null(end);
    assert_true(is_utf8(page));
    assert_true(inert(data, (size_t)(end - data)));
    assert_int_equal(count(page, "<script"), 2); // the data and the page's own
    assert_int_equal(count(page, "</script"), 2);
    assert_non_null(strstr(page, "</html>\n"));
    cJSON *json = cJSON_ParseWithLength(data, (size_t)(end - data));
    assert_non_null(json);
    return json;
}

static cJSON *run_of(const Folder *f, const char *log, size_t log_size, const char *samples, size_t samples_size) {
    char *page = page_of(f, log, log_size, samples, samples_size);
    cJSON *data = data_of(page);
    free(page);
    return data;
}
#define RUN_OF(f, log, samples) run_of(f, log, sizeof(log) - 1, samples, sizeof(samples) - 1)

// The value at a path such as "runs.0.rl.columns.reward.y.1"; NULL where there is none.
static const cJSON *at(const cJSON *json, const char *path) {
    char part[64];
    for (const char *s = path; json && *s;) {
        size_t n = strcspn(s, ".");
        assert_true(n < sizeof part);
        memcpy(part, s, n);
        part[n] = 0;
        json = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, atoi(part)) : json_get(json, part);
        s += n + (s[n] == '.');
    }
    return json;
}

static void assert_number(const cJSON *data, const char *path, double want) {
    const cJSON *item = at(data, path);
    if (!cJSON_IsNumber(item) || item->valuedouble != want) fail_msg("%s is not %g", path, want);
}

static void assert_text(const cJSON *data, const char *path, const char *want) {
    const cJSON *item = at(data, path);
    if (!cJSON_IsString(item)) fail_msg("%s is not text", path);
    assert_string_equal(item->valuestring, want);
}

static void the_checks_fail(void **state) {
    (void)state;
    assert_true(is_utf8("a\u00E9\u2014"));
    assert_false(is_utf8("\xff"));
    assert_false(is_utf8("\xe2\x82"));
    assert_false(is_utf8("\xed\xa0\x80"));
    assert_true(inert("\\u003c/script\\u003e\u2026", 22));
    assert_false(inert("a<b", 3));
    assert_false(inert("a\u2028b\0", 5));
    assert_false(inert("a\nb", 3));
}

static void shows_what_was_logged(void **state) {
    cJSON *data = RUN_OF(*state, metrics, rollouts);
    static const struct {
        const char *path;
        double value;
    } wanted[] = {
        {"config.parameters", 1234567}, {"config.seed", 7}, {"unreadable", 0}, {"replaced", 1},
        {"sft.step.1", 2}, {"sft.columns.loss.y.0", 2.5}, {"sft.columns.loss.sum", 4},
        {"sft.evaluations.0.heldout_pass1", 0.1}, {"sft.evaluations.0.pass_hist.0", 40},
        {"rl.width", 1}, {"rl.rows", 2}, {"rl.step.0", 0}, {"rl.step.1", 1}, {"rl.columns.reward.y.0", 0.25},
        {"rl.columns.reward.y.1", 0.75}, // the later of the two steps 1
        {"rl.columns.kl_old.y.1", 2e-6}, {"rl.columns.tokens.sum", 1000}, {"rl.columns.tokens.count", 1},
        {"rl.evaluations.0.heldout_low", 0.15}, {"rl.evaluations.1.heldout_pass1", 0.625},
        {"rl.first.0.n_hist.24", 1}, {"rl.last.0.alloc_by_pass.5.1", 32}, {"rl.last.0.verdicts.<b>odd", 3},
        {"rollouts.logged", 3}, {"rollouts.shown", 3}, {"rollouts.groups.0.correct", 1},
        {"rollouts.groups.0.logged", 2}, {"rollouts.groups.0.rollouts.0.advantage", 1.5},
        {"rollouts.groups.0.rollouts.0.tokens.0.1", -0.25}, {"rollouts.groups.0.rollouts.0.tokens.0.5", 1.62},
        {"rollouts.groups.1.step", 1}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) assert_number(at(data, "runs.0"), wanted[i].path, wanted[i].value);
    assert_text(data, "runs.0.config.method", "dynamo");
    assert_true(cJSON_IsNull(at(data, "runs.0.rl.columns.zero_spread.y.0"))); // not logged at step 0
    assert_null(at(data, "runs.0.rl.columns.heldout_pass1")); // evaluations are never averaged over steps
    assert_true(cJSON_IsNull(at(data, "runs.0.rollouts.groups.0.rollouts.0.tokens.1.1")));
    cJSON_Delete(data);
}

static void hostile_text_stays_text(void **state) {
    cJSON *data = RUN_OF(*state, metrics, rollouts);
    assert_text(data, "runs.0.config.data", "folder/<i>sums");
    assert_text(data, "runs.0.rollouts.groups.0.prompt", "</pre><script>alert(1)</script> 2+2?");
    assert_text(data, "runs.0.rollouts.groups.0.gold", "4\"'&");
    assert_text(data, "runs.0.rollouts.groups.0.rollouts.0.tokens.0.0", "<img onerror=x>");
    assert_text(data, "runs.0.rollouts.groups.0.rollouts.1.verdict", "wrong<");
    // FF, C0 AF (overlong), ED A0 80 (a surrogate): one mark a byte; one for a sequence that ends early.
    const char *marks = "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD|\uFFFD";
    assert_text(data, "runs.0.rollouts.groups.0.rollouts.0.tokens.1.0", marks);
    assert_text(data, "runs.0.rollouts.groups.0.rollouts.0.tokens.2.0", "a\nb\u202e\a");
    cJSON_Delete(data);
}

#define EVIL "</script><!--<script>]]>&lt;\u2028\u2029"
static void nothing_ends_the_script_element(void **state) {
    static const char log[] =
        "{\"phase\":\"config\",\"" EVIL "\":\"" EVIL "\",\"method\":\"" EVIL "\"}\n"
        "{\"phase\":\"rl\",\"step\":1,\"" EVIL "\":3,\"heldout_pass1\":0.5,\"verdicts\":{\"" EVIL "\":1},"
        "\"n_hist\":{\"" EVIL "\":1}}\n";
    static const char samples[] = "{\"step\":1,\"prompt_id\":1,\"prompt\":\"" EVIL "\",\"gold\":\"" EVIL "\","
                                  "\"verdict\":\"" EVIL "\",\"tokens\":[{\"text\":\"" EVIL "\"},{\"text\":\"\\u003c/script\\u003e\"}]}\n";
    cJSON *data = RUN_OF(*state, log, samples);
    assert_text(data, "runs.0.config.method", EVIL);
    assert_number(data, "runs.0.rl.columns." EVIL ".y.0", 3);
    assert_number(data, "runs.0.rl.last.0.verdicts." EVIL, 1);
    assert_text(data, "runs.0.rollouts.groups.0.prompt", EVIL);
    assert_text(data, "runs.0.rollouts.groups.0.rollouts.0.tokens.0.0", EVIL);
    assert_text(data, "runs.0.rollouts.groups.0.rollouts.0.tokens.1.0", "</script>");
    cJSON_Delete(data);
}

// A lone surrogate is no text, so its line is damaged; a NUL, escaped or not, ends a string early.
static void surrogates_and_nul(void **state) {
    static const char log[] = "{\"phase\":\"rl\",\"step\":1,\"loss\":1,\"verdicts\":{\"\\ud800\":1}}\n"
                              "{\"phase\":\"rl\",\"step\":2,\"loss\":2,\"verdicts\":{\"\\ud83d\\ude00\":1}}\n";
    static const char samples[] = "{\"step\":1,\"prompt_id\":1,\"prompt\":\"\\udc00\"}\n"
                                  "{\"step\":1,\"prompt_id\":1,\"prompt\":\"a\\u0000b\",\"gold\":\"c\0d\"}\n";
    cJSON *data = RUN_OF(*state, log, samples);
    assert_number(data, "runs.0.unreadable", 1);
    assert_number(data, "runs.0.rl.step.0", 2);
    assert_number(data, "runs.0.rl.last.0.verdicts.\U0001F600", 1);
    assert_number(data, "runs.0.rollouts.unreadable", 1);
    assert_text(data, "runs.0.rollouts.groups.0.prompt", "a");
    assert_text(data, "runs.0.rollouts.groups.0.gold", "c");
    cJSON_Delete(data);
}

static void odd_fields_are_left_out(void **state) {
    static const char log[] =
        "{\"phase\":\"config\",\"method\":[1],\"data\":null,\"parameters\":\"many\"}\n"
        "{\"phase\":\"rl\",\"step\":1,\"reward\":\"abc\",\"entropy\":null,\"n_hist\":[1,2],\"alloc_by_pass\":{\"a\":1},"
        "\"pass_hist\":[1],\"verdicts\":3,\"grad_norm\":1e999,\"kl_old\":-1e308,\"ratio_max\":1e308}\n"
        "{\"phase\":\"rl\",\"step\":2,\"reward\":{},\"n_hist\":{\"-1\":2,\"x\":1,\"9999999\":4,\"8\":-3,\"5\":\"q\"},"
        "\"alloc_by_pass\":[[1],[],7,null,[\"a\",\"b\"]],\"kl_old\":1e308,\"heldout_pass1\":-4,\"clip_frac\":1e-300}\n"
        "{\"phase\":\"rl\",\"step\":3,\"loss\":NaN}\n{\"phase\":\"rl\",\"step\":1e999}\n"
        "{\"phase\":\"rl\",\"step\":-1}\n{\"phase\":\"rl\"}\n{\"step\":4}\n{\"phase\":\"other\",\"step\":4}\n[1]\n7\n{"
        "\"a\":1}}\n"
        "\n\"x\n{\"phase\":\"rl\",\"step\":1e300}\n";
    static const char samples[] = "{}\n{\"step\":1,\"prompt_id\":\"a\"}\n{\"step\":1,\"prompt_id\":1}\n{\"step\":1,"
                                  "\"prompt_id\":2,\"tokens\":7,\"prompt\":3,"
                                  "\"gold\":{},\"reward\":\"x\"}\n{\"step\":2,\"prompt_id\":2,\"tokens\":[1,null,{"
                                  "\"text\":4},{}],\"advantage\":1e999}\n";
    cJSON *data = RUN_OF(*state, log, samples);
    assert_number(data, "runs.0.unreadable", 11);
    assert_number(data, "runs.0.rollouts.unreadable", 2);
    assert_number(data, "runs.0.rl.rows", 2);
    assert_text(data, "runs.0.config.parameters", "many");
    assert_null(at(data, "runs.0.rl.columns.reward"));
    assert_null(at(data, "runs.0.rl.columns.grad_norm"));
    assert_number(data, "runs.0.rl.columns.ratio_max.y.0", 1e308);
    assert_number(data, "runs.0.rollouts.groups.2.rollouts.0.length", 4);
    assert_true(cJSON_IsNull(at(data, "runs.0.rollouts.groups.2.rollouts.0.advantage")));
    cJSON_Delete(data);
}

static void empty_and_missing_files(void **state) {
    cJSON *data = run_of(*state, "", 0, NULL, 0);
    assert_number(data, "runs.0.rl.rows", 0);
    assert_null(at(data, "runs.0.rollouts"));
    cJSON_Delete(data);
    Error err = {""};
    assert_false(report_write_run("no/such/folder", &err));
    assert_non_null(strstr(err.text, "no/such/folder/metrics.jsonl"));
    assert_false(report_write_run("no/such/folder", NULL));
    assert_false(report_write("page.html", NULL, 0, &err));
    assert_false(report_write("page.html", NULL, REPORT_RUNS_MAX + 1, &err));
    assert_non_null(strstr(err.text, "1 to 64 runs"));
}

// The log of a killed run, cut anywhere: the page says when a line was lost.
static void cut_anywhere(void **state) {
    for (size_t size = 0; size < sizeof metrics - 1; size += 7) {
        cJSON *data = run_of(*state, metrics, size, rollouts, size % (sizeof rollouts - 1));
        bool inside = size > 0 && metrics[size - 1] != '\n' && metrics[size - 1] != '}';
        if (inside) assert_true(cJSON_IsTrue(at(data, "runs.0.cut_off")));
        assert_number(data, "runs.0.unreadable", 0);
        cJSON_Delete(data);
    }
}

static void any_byte_changed(void **state) {
    static const char bytes[] = {'"', '<', '\n', '9', 'e', '-', '\xff', '\0', '[', '}'};
    char log[sizeof metrics], samples[sizeof rollouts];
    for (size_t i = 0; i < 400; i++) {
        memcpy(log, metrics, sizeof log);
        memcpy(samples, rollouts, sizeof samples);
        for (size_t k = 0; k < 3; k++) {
            size_t place = i * 2654435761u + k * 40503u;
            log[place % (sizeof log - 1)] = bytes[(i + k) % sizeof bytes];
            samples[place % (sizeof samples - 1)] = bytes[(i + k) % sizeof bytes];
        }
        cJSON_Delete(RUN_OF(*state, log, samples));
    }
}

// 3,000 steps are drawn as at most 600 points; of a thousand groups of rollouts 24 are embedded.
static void long_runs_stay_small(void **state) {
    char *log = malloc(3000 * 100), *samples = malloc(2000 * 150), *end = log, *tail = samples;
    assert_true(log && samples);
    for (int s = 0; s < 3000; s++)
        end += sprintf(end, "{\"phase\":\"rl\",\"step\":%d,\"reward\":%d,\"ratio_max\":%d,\"heldout_pass1\":0.%04d}\n", s,
                       s % 2, s, s);
    for (int r = 0; r < 2000; r++)
        tail += sprintf(tail, "{\"step\":%d,\"prompt_id\":1,\"reward\":%d,\"tokens\":[{\"text\":\"t\"}]}\n", r / 2, r % 6 == 0);
    cJSON *data = run_of(*state, log, (size_t)(end - log), samples, (size_t)(tail - samples));
    assert_number(data, "runs.0.rl.width", 8);
    assert_int_equal(cJSON_GetArraySize(at(data, "runs.0.rl.step")), 376); // step 0, and 2,999 by eights
    assert_number(data, "runs.0.rl.step.1", 8);
    assert_number(data, "runs.0.rl.columns.reward.y.1", 0.5);  // the mean of alternating 0 and 1
    assert_number(data, "runs.0.rl.columns.ratio_max.y.2", 16); // the largest of eight
    assert_true(cJSON_GetArraySize(at(data, "runs.0.rl.evaluations")) <= 600);
    assert_number(data, "runs.0.rl.evaluations.0.heldout_pass1", 0);
    int last = cJSON_GetArraySize(at(data, "runs.0.rl.evaluations")) - 1;
    assert_number(cJSON_GetArrayItem(at(data, "runs.0.rl.evaluations"), last), "heldout_pass1", 0.2999);
    assert_int_equal(cJSON_GetArraySize(at(data, "runs.0.rollouts.groups")), 24);
    assert_number(data, "runs.0.rollouts.logged", 2000);
    assert_number(data, "runs.0.rollouts.shown", 48);
    for (int g = 0; g < 24; g++) // each with spread
        assert_number(cJSON_GetArrayItem(at(data, "runs.0.rollouts.groups"), g), "correct", 1);
    cJSON_Delete(data);
    free(log), free(samples);
}

// Text, tables and lists of absurd size: what is embedded is cut or left out.
static void huge_lines_stay_small(void **state) {
    enum { MIB = 1 << 20 };
    char *log = malloc(4 * MIB), *samples = malloc(4 * MIB), *end = log, *tail = samples;
    assert_true(log && samples);
    end += sprintf(end, "{\"phase\":\"config\",\"method\":\"");
    memset(end, 'm', MIB), end += MIB;
    end += sprintf(end, "\"}\n{\"phase\":\"rl\",\"step\":1,\"loss\":1,\"verdicts\":{\"a\":1},\"n_hist\":{");
    for (int i = 0; i < 50000; i++) end += sprintf(end, "%s\"n%d\":1", i ? "," : "", i);
    for (int i = 0; i < 5000; i++) end += sprintf(end, "%s\"figure%d\":1", i ? "," : "},", i);
    end += sprintf(end, "}\n");
    tail += sprintf(tail, "{\"step\":1,\"prompt_id\":1,\"prompt\":\"");
    memset(tail, '<', MIB), tail += MIB;
    tail += sprintf(tail, "\",\"tokens\":[{\"text\":\"");
    memset(tail, '&', MIB), tail += MIB;
    tail += sprintf(tail, "\"}");
    for (int i = 0; i < 20000; i++) tail += sprintf(tail, ",{\"text\":\"t\",\"advantage\":1}");
    tail += sprintf(tail, "]}\n");
    char *page = page_of(*state, log, (size_t)(end - log), samples, (size_t)(tail - samples));
    assert_true(strlen(page) < 300000);
    cJSON *data = data_of(page);
    assert_null(at(data, "runs.0.config"));
    assert_int_equal(strlen(at(data, "runs.0.rollouts.groups.0.prompt")->valuestring), 3000 + strlen("\u2026"));
    assert_number(data, "runs.0.rl.columns.loss.y.0", 1);
    assert_number(data, "runs.0.rl.last.0.verdicts.a", 1);
    assert_null(at(data, "runs.0.rl.last.0.n_hist"));
    assert_number(data, "runs.0.rollouts.groups.0.rollouts.0.length", 20001);
    assert_int_equal(cJSON_GetArraySize(at(data, "runs.0.rollouts.groups.0.rollouts.0.tokens")), 1200);
    cJSON_Delete(data);
    free(page), free(log), free(samples);
}

static void several_runs_on_one_page(void **state) {
    const Folder *f = *state;
    Error err = {""};
    const char *dirs[] = {f->dir, f->dir, f->dir};
    free(page_of(f, metrics, sizeof metrics - 1, NULL, 0));
    assert_true(report_write(f->page, dirs, 3, &err));
    char *page = get(f->page);
    cJSON *data = data_of(page);
    assert_int_equal(cJSON_GetArraySize(at(data, "runs")), 3);
    assert_text(data, "runs.2.name", f->dir);
    assert_number(data, "runs.2.rl.evaluations.1.heldout_pass1", 0.625);
    cJSON_Delete(data);
    free(page);
    dirs[1] = "no/such/folder";
    assert_false(report_write(f->page, dirs, 3, &err));
    assert_non_null(strstr(err.text, "no/such/folder"));
}

static void the_same_page_again(void **state) {
    char *first = page_of(*state, metrics, sizeof metrics - 1, rollouts, sizeof rollouts - 1);
    char *second = page_of(*state, metrics, sizeof metrics - 1, rollouts, sizeof rollouts - 1);
    assert_string_equal(first, second);
    free(first), free(second);
}

static void a_page_that_cannot_be_written(void **state) {
    const Folder *f = *state;
    char *old = page_of(f, metrics, sizeof metrics - 1, NULL, 0);
    Error err = {""};
    assert_int_equal(mkdir(f->temporary, 0700), 0); // the temporary name is taken by a folder
    assert_false(report_write_run(f->dir, &err));
    assert_non_null(strstr(err.text, "report.html.tmp"));
    char *still = get(f->page);
    assert_string_equal(old, still);
    assert_int_equal(rmdir(f->temporary), 0);

    assert_int_equal(remove(f->page), 0);
    assert_int_equal(mkdir(f->page, 0700), 0); // the name of the page is taken by a folder
    assert_false(report_write_run(f->dir, &err));
    assert_non_null(strstr(err.text, "report.html"));
    assert_int_not_equal(access(f->temporary, F_OK), 0);
    assert_int_equal(rmdir(f->page), 0);
    free(old), free(still);
}

static char *summary_of(const Folder *f, const char *log) {
    char *text = NULL;
    size_t n = 0;
    put(f->metrics, log, strlen(log));
    FILE *out = open_memstream(&text, &n);
    assert_true(out && summary_print(f->dir, out, NULL));
    fclose(out);
    return text;
}

// Changes are those of the printed figures: 88.4 - 38.4 is 50.0, though 88.35 - 38.43 is 49.9. A step logged again
// counts as logged last; a step that is no evaluation, or of the warm-up, does not count.
static void summary_adds_up(void **state) {
    char *text = summary_of(*state,
                            "{\"phase\":\"sft\",\"step\":9,\"heldout_pass1\":0.9}\n"
                            "{\"phase\":\"rl\",\"step\":0,\"heldout_pass1\":0.3843,\"heldout_low\":0.35,\"heldout_high\":0.4,"
                            "\"pass_hist\":[1,0,0,0,0,1,0,0,0,0,2]}\n"
                            "{\"phase\":\"rl\",\"step\":8,\"heldout_pass1\":0.1}\n{\"phase\":\"rl\",\"step\":9,\"loss\":1}\n"
                            "{\"phase\":\"rl\",\"step\":8,\"heldout_pass1\":0.88355,\"heldout_low\":0.8,\"heldout_high\":0.9,"
                            "\"pass_hist\":[0,0,0,0,0,1,0,0,0,0,3]}\n");
    assert_non_null(strstr(text, "(steps 0 and 8)"));
    assert_non_null(strstr(text, "    38.4      88.4     +50.0 points"));
    assert_non_null(strstr(text, "[35.0 40.0] [80.0 90.0]"));
    assert_non_null(strstr(text, "    50.0      75.0     +25.0 points")); // solved by every sample
    free(text);
    text = summary_of(*state, "{\"phase\":\"rl\",\"step\":0,\"heldout_pass1\":0.5}\n{\"phase\":\"rl\",\"step\":1}\n");
    assert_string_equal(text, "");
    free(text);
    Error err = {""};
    assert_false(summary_print("no/such/folder", stdout, &err));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checks_fail),          IN_FOLDER(shows_what_was_logged),
        IN_FOLDER(hostile_text_stays_text),         IN_FOLDER(nothing_ends_the_script_element),
        IN_FOLDER(surrogates_and_nul),              IN_FOLDER(odd_fields_are_left_out),
        IN_FOLDER(empty_and_missing_files),         IN_FOLDER(cut_anywhere),
        IN_FOLDER(any_byte_changed),                IN_FOLDER(long_runs_stay_small),
        IN_FOLDER(huge_lines_stay_small),           IN_FOLDER(several_runs_on_one_page),
        IN_FOLDER(the_same_page_again),             IN_FOLDER(a_page_that_cannot_be_written),
        IN_FOLDER(summary_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
