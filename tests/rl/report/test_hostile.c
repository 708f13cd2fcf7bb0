// rl/report: hostile text stays data; a damaged log, cut anywhere or with any byte changed, still gives a page with
// valid data; text, tables and lists of absurd size are cut or left out.
#include "tests/rl/report/page.h"
#include "tests/rl/report/run.h"

static void the_checks_fail(void **state) {
    (void)state;
    assert_true(inert("\\u003c/script\\u003e\u2026", 22));
    assert_false(inert("a<b", 3));
    assert_false(inert("a\u2028b\0", 5));
    assert_false(inert("a\nb", 3));
}

static void hostile_text_stays_text(void **state) {
    (void)state;
    cJSON *data = RUN_OF(metrics, rollouts);
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
    (void)state;
    static const char log[] =
        "{\"phase\":\"config\",\"" EVIL "\":\"" EVIL "\",\"method\":\"" EVIL "\"}\n"
        "{\"phase\":\"rl\",\"step\":1,\"" EVIL "\":3,\"heldout_pass1\":0.5,\"verdicts\":{\"" EVIL "\":1},"
        "\"n_hist\":{\"" EVIL "\":1}}\n";
    static const char samples[] = "{\"step\":1,\"prompt_id\":1,\"prompt\":\"" EVIL "\",\"gold\":\"" EVIL "\","
                                  "\"verdict\":\"" EVIL "\",\"tokens\":[{\"text\":\"" EVIL "\"},"
                                  "{\"text\":\"\\u003c/script\\u003e\"}]}\n";
    cJSON *data = RUN_OF(log, samples);
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
    (void)state;
    static const char log[] = "{\"phase\":\"rl\",\"step\":1,\"loss\":1,\"verdicts\":{\"\\ud800\":1}}\n"
                              "{\"phase\":\"rl\",\"step\":2,\"loss\":2,\"verdicts\":{\"\\ud83d\\ude00\":1}}\n";
    static const char samples[] = "{\"step\":1,\"prompt_id\":1,\"prompt\":\"\\udc00\"}\n"
                                  "{\"step\":1,\"prompt_id\":1,\"prompt\":\"a\\u0000b\",\"gold\":\"c\0d\"}\n";
    cJSON *data = RUN_OF(log, samples);
    assert_number(data, "runs.0.unreadable", 1);
    assert_number(data, "runs.0.rl.step.0", 2);
    assert_number(data, "runs.0.rl.last.0.verdicts.\U0001F600", 1);
    assert_number(data, "runs.0.rollouts.unreadable", 1);
    assert_text(data, "runs.0.rollouts.groups.0.prompt", "a");
    assert_text(data, "runs.0.rollouts.groups.0.gold", "c");
    cJSON_Delete(data);
}

static void odd_fields_are_left_out(void **state) {
    (void)state;
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
    cJSON *data = RUN_OF(log, samples);
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

// The log of a killed run, cut anywhere: the page says when a line was lost.
static void cut_anywhere(void **state) {
    (void)state;
    for (size_t size = 0; size < sizeof metrics - 1; size += 7) {
        cJSON *data = run_of(metrics, size, rollouts, size % (sizeof rollouts - 1));
        bool inside = size > 0 && metrics[size - 1] != '\n' && metrics[size - 1] != '}';
        if (inside) assert_true(cJSON_IsTrue(at(data, "runs.0.cut_off")));
        assert_number(data, "runs.0.unreadable", 0);
        cJSON_Delete(data);
    }
}

static void any_byte_changed(void **state) {
    (void)state;
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
        cJSON_Delete(RUN_OF(log, samples));
    }
}

// Text, tables and lists of absurd size: what is embedded is cut or left out.
static void huge_lines_stay_small(void **state) {
    (void)state;
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
    char *page = page_of(log, (size_t)(end - log), samples, (size_t)(tail - samples));
    assert_true(strlen(page) < 300000);
    cJSON *data = data_of(page);
    assert_null(at(data, "runs.0.config"));
    assert_number(data, "runs.0.left_out.flags or tables of more than 64 KiB", 2);
    assert_number(data, "runs.0.left_out.values of figures beyond 64 in a phase, or with a name of more than 40 bytes",
                  5001 - 64);
    assert_int_equal(strlen(at(data, "runs.0.rollouts.groups.0.prompt")->valuestring), 3000 + strlen("\u2026"));
    assert_number(data, "runs.0.rl.columns.loss.y.0", 1);
    assert_number(data, "runs.0.rl.last.0.verdicts.a", 1);
    assert_null(at(data, "runs.0.rl.last.0.n_hist"));
    assert_number(data, "runs.0.rollouts.groups.0.rollouts.0.length", 20001);
    assert_int_equal(cJSON_GetArraySize(at(data, "runs.0.rollouts.groups.0.rollouts.0.tokens")), 1200);
    cJSON_Delete(data);
    free(page), free(log), free(samples);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checks_fail),
        IN_FOLDER(hostile_text_stays_text),
        IN_FOLDER(nothing_ends_the_script_element),
        IN_FOLDER(surrogates_and_nul),
        IN_FOLDER(odd_fields_are_left_out),
        IN_FOLDER(cut_anywhere),
        IN_FOLDER(any_byte_changed),
        IN_FOLDER(huge_lines_stay_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
