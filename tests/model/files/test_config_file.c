// config.json: what is read, and everything that is refused by name.
#include "model/files/config_file.h"
#include "model/files/safetensors.h"
#include "base/files.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

static const char GOOD[] =
    "\"model_type\":\"qwen2\",\"vocab_size\":100,\"hidden_size\":64,\"intermediate_size\":96,\"num_hidden_layers\":2,"
    "\"num_attention_heads\":4,\"num_key_value_heads\":2,\"max_position_embeddings\":128,\"rms_norm_eps\":1e-6";

static char dir[64];

static int make_dir(void **state) {
    (void)state;
    snprintf(dir, sizeof dir, P_tmpdir "/test_config_XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static void put_file(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (text) assert_true(file_replace(path, text, strlen(text), NULL));
    else unlink(path);
}

static int remove_dir(void **state) {
    (void)state;
    put_file("config.json", NULL), put_file("generation_config.json", NULL);
    return rmdir(dir);
}

// GOOD with more keys before it; the first of two equal keys counts.
static bool load(ModelConfig *config, const char *more, Error *err) {
    char text[4096];
    snprintf(text, sizeof text, "{%s%s%s}", more, *more ? "," : "", GOOD);
    put_file("config.json", text);
    return model_config_load(config, dir, err);
}

static void assert_refused(const char *more, const char *reason) {
    ModelConfig config;
    Error err = {""};
    assert_false(load(&config, more, &err));
    if (!strstr(err.text, reason) || !strstr(err.text, dir))
        fail_msg("%s: wanted \"%s\", got \"%s\"", more, reason, err.text);
}

static void reads_what_is_there(void **state) {
    (void)state;
    ModelConfig c;
    Error err = {""};
    static const char more[] = "\"eos_token_id\":[7,8],\"use_sliding_window\":false,\"sliding_window\":4096,"
                               "\"layer_types\":[\"full_attention\",\"full_attention\"],\"head_dim\":null,"
                               "\"quantization_config\":null";
    if (!load(&c, more, &err)) fail_msg("%s", err.text);
    assert_true(c.V == 100 && c.C == 64 && c.F == 96 && c.L == 2 && c.NH == 4 && c.NKV == 2 && c.HS == 16 &&
                c.T_max == 128);
    assert_true(c.qkv_bias && !c.qk_norm && !c.tied && c.eps == 1e-6f && c.rope_theta == 10000.0 && c.rope_factor == 0);
    assert_true(c.n_eos == 2 && c.eos[0] == 7 && c.eos[1] == 8);
    put_file("generation_config.json", "{\"eos_token_id\":[9,10,11]}"); // it counts before config.json
    assert_true(load(&c, "\"eos_token_id\":7", &err) && c.n_eos == 3 && c.eos[2] == 11);
    put_file("generation_config.json", "{\"eos_token_id\":100}");
    assert_refused("", "eos_token_id 100 is outside the vocabulary");
    put_file("generation_config.json", "{\"eos_token_id\":");
    assert_refused("", "generation_config.json: not valid JSON");
    put_file("generation_config.json", NULL);
    static const char llama3[] =
        "\"rope_theta\":500000.0,\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":32.0,\"low_freq_factor\":1.0,"
        "\"high_freq_factor\":4.0,\"original_max_position_embeddings\":64}";
    assert_true(load(&c, llama3, &err) && c.rope_theta == 500000.0 && c.rope_factor == 32 && c.rope_low_freq == 1 &&
                c.rope_high_freq == 4 && c.rope_original_T == 64);
}

static void refuses_by_name(void **state) {
    (void)state;
    assert_refused("\"model_type\":\"mixtral\"", "model_type \"mixtral\" is not supported");
    assert_refused("\"model_type\":\"qwen3_moe\"", "model_type \"qwen3_moe\"");
    assert_refused("\"model_type\":7", "model_type \"\"");
    assert_refused("\"num_experts\":8", "mixture-of-experts");
    assert_refused("\"num_local_experts\":8", "mixture-of-experts");
    assert_refused("\"use_sliding_window\":true", "sliding window is in use");
    assert_refused("\"layer_types\":[\"full_attention\",\"sliding_attention\"]", "sliding window is in use");
    assert_refused("\"quantization_config\":{\"quant_method\":\"gptq\"}", "quantised");
    assert_refused("\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4.0}", "rope scaling \"yarn\"");
    assert_refused("\"rope_scaling\":{\"type\":\"linear\",\"factor\":4.0}", "rope scaling \"linear\"");
    assert_refused("\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":0.5}", "impossible factors");
    assert_refused("\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":\"8\"}", "impossible factors");
    assert_refused("\"hidden_act\":\"gelu\"", "activation \"gelu\"");
    assert_refused("\"mlp_bias\":true", "mlp_bias");
    assert_refused("\"model_type\":\"llama\",\"attention_bias\":true", "attention_bias");
    assert_refused("\"partial_rotary_factor\":0.5", "partial_rotary_factor");
}

// A tied config with a stored head: equal values leave it tied, others untie it, whatever their types.
static void unties_a_head_with_values_of_its_own(void **state) {
    (void)state;
    enum { N = 100 * 64 };
    float *embed = calloc(N, sizeof *embed), *head = calloc(N, sizeof *head);
    uint16_t *half = calloc(N, sizeof *half); // bf16: the upper half of a float
    for (int i = 0; i < N; i++) embed[i] = head[i] = (float)(i % 7), memcpy(&half[i], (char *)&embed[i] + 2, 2);
    const struct {
        const void *data;
        SafetensorType type;
        int changed;
        bool tied;
    } cases[] = {{head, SAFETENSOR_F32, -1, true},
                 {half, SAFETENSOR_BF16, -1, true},
                 {head, SAFETENSOR_F32, N - 1, false},
                 {head, SAFETENSOR_F32, 0, false},
                 {NULL, SAFETENSOR_F32, -1, true}};
    char path[200];
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].changed >= 0) head[cases[i].changed] += 1;
        Safetensor tensors[] = {
            {.name = "model.embed_tokens.weight", .type = SAFETENSOR_F32, .rank = 2, .shape = {100, 64}, .data = embed},
            {.name = "lm_head.weight", .type = cases[i].type, .rank = 2, .shape = {100, 64}, .data = cases[i].data}};
        ModelConfig c;
        Error err = {""};
        if (!safetensors_write(path, tensors, cases[i].data ? 2 : 1, NULL, 0, &err)) fail_msg("%s", err.text);
        if (!load(&c, "\"tie_word_embeddings\":true", &err)) fail_msg("%s", err.text);
        assert_int_equal(c.tied, cases[i].tied);
        if (cases[i].changed >= 0) head[cases[i].changed] -= 1;
    }
    put_file("model.safetensors", NULL);
    free(embed), free(head), free(half);
}

// What is no folder: the message says what to do.
static void names_what_is_no_folder(void **state) {
    (void)state;
    Error err = {""};
    char path[200];
    assert_true(model_folder_check(dir, &err));
    assert_false(model_folder_check("Owner/Model-1B", &err));
    assert_non_null(strstr(err.text, "hf download Owner/Model-1B --local-dir Model-1B"));
    static const char *const paths[] = {"/no/such", "./no-such", "no/such/folder", "no-such"};
    for (int i = 0; i < 4; i++) {
        assert_false(model_folder_check(paths[i], &err));
        assert_true(strstr(err.text, "no such folder") && !strstr(err.text, "hf download"));
    }
    snprintf(path, sizeof path, "%s/m.gguf", dir);
    put_file("m.gguf", "GGUF\3");
    assert_false(model_folder_check(path, &err));
    assert_non_null(strstr(err.text, "make convert"));
    put_file("m.gguf", "GGU");
    assert_false(model_folder_check(path, &err));
    assert_non_null(strstr(err.text, "not a folder"));
    put_file("m.gguf", NULL);
}

static void refuses_hostile_numbers(void **state) {
    (void)state;
    assert_refused("\"vocab_size\":0", "vocab_size is 0");
    assert_refused("\"vocab_size\":-5", "vocab_size is -5");
    assert_refused("\"vocab_size\":1e300", "vocab_size is -1");
    assert_refused("\"vocab_size\":\"100\"", "vocab_size is -1");
    assert_refused("\"vocab_size\":null", "vocab_size is 0");
    assert_refused("\"hidden_size\":64.5", "hidden_size is -1");
    assert_refused("\"hidden_size\":16777217", "hidden_size is 16777217");
    assert_refused("\"intermediate_size\":16777216", "too large");
    assert_refused("\"num_hidden_layers\":100000", "1024 layers");
    assert_refused("\"num_attention_heads\":5", "5 heads cannot share 2");
    assert_refused("\"head_dim\":15", "odd");
    assert_refused("\"rms_norm_eps\":-1", "rms_norm_eps");
    assert_refused("\"rms_norm_eps\":\"x\"", "rms_norm_eps");
    assert_refused("\"rope_theta\":-1", "rope_theta");
    assert_refused("\"eos_token_id\":1e300", "eos_token_id -1 is outside");
    assert_refused("\"eos_token_id\":[1,100]", "eos_token_id 100 is outside");
}

static void refuses_what_is_no_json(void **state) {
    (void)state;
    ModelConfig config;
    Error err = {""};
    enum { DEEP = 10000 };
    char *deep = malloc(DEEP + 20);
    snprintf(deep, DEEP + 20, "{\"a\":");
    memset(deep + 5, '[', DEEP);
    deep[DEEP + 5] = 0;
    const char *texts[] = {"", "{", "[1]", "nonsense", deep};
    for (int i = 0; i < 5; i++) {
        put_file("config.json", texts[i]);
        assert_false(model_config_load(&config, dir, &err));
        assert_non_null(strstr(err.text, "config.json"));
    }
    assert_non_null(strstr(err.text, "not valid JSON"));
    put_file("config.json", NULL);
    assert_false(model_config_load(&config, dir, &err));
    assert_non_null(strstr(err.text, "config.json: No such file"));
    free(deep);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_what_is_there),
                                       cmocka_unit_test(refuses_by_name),
                                       cmocka_unit_test(unties_a_head_with_values_of_its_own),
                                       cmocka_unit_test(names_what_is_no_folder),
                                       cmocka_unit_test(refuses_hostile_numbers),
                                       cmocka_unit_test(refuses_what_is_no_json)};
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
