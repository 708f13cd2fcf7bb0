// A real model end to end: stories260K in llama2.c's format, converted, loaded and decoded greedily, gives the same 200
// tokens as an independent implementation in float64 (dev/reference/llama2c_generate.py), and its tokenizer the same
// ids. Damaged files are refused. The model is in DATA_DIR (default ../shared), outside the repository.
#include "dev/convert/convert.h"
#include "model/files/config_file.h"
#include "model/files/gpt_files.h"
#include "base/files.h"
#include "base/json.h"
#include "model/tokenizer/decode.h"
#include "rl/generate.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

enum { TOKENS = 200, BOS = 1 };
static const char *const files[] = {"config.json",    "generation_config.json", "model.safetensors",
                                    "tokenizer.json", "tokenizer_config.json",  "broken.bin"};

typedef struct Story {
    char model[4096], tokenizer[4096], dir[64];
    cJSON *expected;
} Story;

static bool story_open(Story *s) {
    const char *data = getenv("DATA_DIR");
    snprintf(s->model, sizeof s->model, "%s/models/stories260K/stories260K.bin", data ? data : "../shared");
    snprintf(s->tokenizer, sizeof s->tokenizer, "%s/models/stories260K/tok512.bin", data ? data : "../shared");
    if (access(s->model, R_OK) != 0) return printf("skipped: no models/stories260K in DATA_DIR\n"), false;
    snprintf(s->dir, sizeof s->dir, P_tmpdir "/test_llama2c_XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    s->expected = json_read("tests/convert/fixtures/stories260K.json", NULL);
    assert_non_null(s->expected);
    return true;
}

static void story_close(Story *s) {
    char path[128];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", s->dir, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(s->dir), 0);
    cJSON_Delete(s->expected);
}

static void assert_ids(const cJSON *want, const int *ids, int n, const char *what) {
    int i = 0;
    if (n != cJSON_GetArraySize(want)) fail_msg("%s: %d ids, not %d", what, n, cJSON_GetArraySize(want));
    for (const cJSON *id = want->child; id; id = id->next, i++)
        if (ids[i] != id->valueint) fail_msg("%s: id %d is %d, not %d", what, i, ids[i], id->valueint);
}

static void check_generation(const Story *s) {
    Error err = {""};
    ModelConfig config;
    Device *dev = device_open(2, 0, &err);
    if (!model_config_load(&config, s->dir, &err)) fail_msg("%s", err.text);
    Gpt *gpt = gpt_new(dev, &config, TOKENS + 1);
    float *h_params = malloc(gpt->table.size * sizeof *h_params);
    if (!params_load(&gpt->table, s->dir, h_params, &err)) fail_msg("%s", err.text);
    device_upload_floats(dev, gpt->params, h_params, gpt->table.size);
    int bos = BOS;
    Prompt prompt = {.tokens = &bos, .n = 1};
    RolloutBatch batch;
    rollout_batch_plan(&batch, 0, 1, TOKENS);
    rollout_batch_commit(&batch, NULL);
    Generator *generator = generator_new(gpt, 1, TOKENS + 1);
    SampleConfig greedy = {.temp = 0, .top_p = 1.0f, .seed = 1};
    rollout_batch_add(&batch, &prompt, 0, 0, 0);
    generator_run(generator, batch.rollouts, 1, 0, &prompt, 1, TOKENS, &greedy);
    assert_ids(cJSON_GetObjectItem(s->expected, "tokens"), batch.rollouts[0].tokens, batch.rollouts[0].n, "greedy");
    Tokenizer *t = tokenizer_load(s->dir, &err);
    if (!t) fail_msg("%s", err.text);
    char *text = tokenizer_decode(t, batch.rollouts[0].tokens, batch.rollouts[0].n, NULL, &err);
    assert_string_equal(text, cJSON_GetObjectItem(s->expected, "text")->valuestring);
    free(text), free(h_params);
    tokenizer_free(t), generator_free(generator), rollout_batch_free(&batch, dev);
    gpt_free(gpt), device_close(dev);
}

static void tells_the_same_story(void **state) {
    (void)state;
    Story s;
    Error err = {""};
    if (!story_open(&s)) return;
    if (!convert_llama2c(s.model, s.tokenizer, s.dir, &err)) fail_msg("%s", err.text);
    check_generation(&s);
    Tokenizer *t = tokenizer_load(s.dir, &err);
    if (!t) fail_msg("%s", err.text);
    const cJSON *prompt;
    cJSON_ArrayForEach(prompt, cJSON_GetObjectItem(s.expected, "prompts")) {
        const char *text = cJSON_GetObjectItem(prompt, "text")->valuestring;
        int ids[256], n = tokenizer_encode(t, text, strlen(text), ids, 256, &err);
        assert_ids(cJSON_GetObjectItem(prompt, "ids"), ids, n, text);
    }
    assert_true(tokenizer_id(t, "<s>") == BOS && tokenizer_is_special(t, BOS));
    tokenizer_free(t);
    story_close(&s);
}

// Writes the first n bytes of a file with 4 of them replaced; the conversion must fail and name the reason.
static void assert_refused(const Story *s, bool tokenizer, size_t n, size_t at, int32_t value, const char *reason) {
    char path[128];
    size_t size;
    Error err = {""};
    char *bytes = file_read(tokenizer ? s->tokenizer : s->model, (size_t)1 << 24, &size, &err);
    assert_non_null(bytes);
    memcpy(bytes + at, &value, 4);
    snprintf(path, sizeof path, "%s/broken.bin", s->dir);
    assert_true(file_replace(path, bytes, n < size ? n : size, &err));
    assert_false(convert_llama2c(tokenizer ? s->model : path, tokenizer ? path : s->tokenizer, s->dir, &err));
    if (!strstr(err.text, reason) || !strstr(err.text, path)) fail_msg("wanted \"%s\", got \"%s\"", reason, err.text);
    free(bytes);
}

static void refuses_hostile_files(void **state) {
    (void)state;
    Story s;
    if (!story_open(&s)) return;
    assert_refused(&s, false, 20, 0, 64, "too few");
    assert_refused(&s, false, SIZE_MAX, 0, 0x616b3432, "version");
    assert_refused(&s, false, SIZE_MAX, 0, -64, "hidden_size is -64");
    assert_refused(&s, false, SIZE_MAX, 8, 1 << 30, "num_hidden_layers");
    assert_refused(&s, false, SIZE_MAX, 12, 0, "num_attention_heads");
    assert_refused(&s, false, SIZE_MAX, 12, 7, "7 heads");
    assert_refused(&s, false, SIZE_MAX, 20, INT32_MIN, "vocab_size");
    assert_refused(&s, false, SIZE_MAX, 20, 1 << 24, "describes a file of");
    assert_refused(&s, false, SIZE_MAX, 20, -512, "describes a file of"); // a separate head that is missing
    assert_refused(&s, false, 500000, 0, 64, "describes a file of");
    assert_refused(&s, true, 3000, 4, 0, "ends after");
    assert_refused(&s, true, SIZE_MAX, 8, 1 << 30, "piece 0 has 1073741824 bytes");
    assert_refused(&s, true, SIZE_MAX, 8, -5, "piece 0 has -5 bytes");
    assert_refused(&s, true, SIZE_MAX, 4, 0x7fc00000, "not a number");
    story_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(tells_the_same_story), cmocka_unit_test(refuses_hostile_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
