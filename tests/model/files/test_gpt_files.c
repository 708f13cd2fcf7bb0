// Model folders: what is saved reads back to the same bits, and its config.json has the bytes that transformers loaded
// (dev/reference/check_saved.py); F16, BF16 and sharded files; what does not fit is refused with file and name.
#include "model/files/gpt_files.h"
#include "model/files/config_file.h"
#include "base/files.h"
#include "model/files/safetensors.h"
#include "tests/model/tiny_model.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const fixtures[] = {"llama", "qwen2", "qwen3", "qwen2_untied", "llama3_rope"};
static const char *const files[] = {"config.json", "generation_config.json", "model.safetensors",
                                    "model.safetensors.index.json", "1.safetensors", "2.safetensors"};

static void folder_remove(const char *dir) {
    char path[256];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(dir), 0);
}

static void assert_same_file(const char *a, const char *b) {
    size_t n_a, n_b;
    char *x = file_read(a, 1 << 20, &n_a, NULL), *y = file_read(b, 1 << 20, &n_b, NULL);
    if (!x || !y || n_a != n_b || memcmp(x, y, n_a) != 0) fail_msg("%s is not %s", a, b);
    free(x), free(y);
}

static void save_fixture(const char *name, const char *dir) {
    char from[256], path[256];
    ModelConfig config, again;
    Error err = {""};
    snprintf(from, sizeof from, "tests/model/fixtures/%s", name);
    if (!model_config_load(&config, from, &err)) fail_msg("%s", err.text);
    ParamTable table = params_make(&config);
    float *h = calloc(table.size, sizeof *h), *h_again = calloc(table.size, sizeof *h);
    if (!params_load(&table, from, h, &err) || !gpt_save(&table, &config, dir, h, &err) ||
        !params_load(&table, dir, h_again, &err) || !model_config_load(&again, dir, &err))
        fail_msg("%s", err.text);
    assert_memory_equal(h, h_again, table.size * sizeof *h);
    assert_memory_equal(&config, &again, sizeof config);
    snprintf(from, sizeof from, "tests/model/fixtures/%s/saved_config.json", name);
    snprintf(path, sizeof path, "%s/config.json", dir);
    if (access(from, R_OK) == 0) assert_same_file(path, from);
    free(h), free(h_again);
    params_free(&table);
}

static void saves_what_transformers_loads(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++) {
        char dir[] = P_tmpdir "/test_gpt_files_XXXXXX", path[256];
        assert_non_null(mkdtemp(dir));
        save_fixture(fixtures[i], dir);
        snprintf(path, sizeof path, "tests/model/fixtures/%s/saved_config.json", fixtures[i]);
        assert_int_equal(access(path, R_OK), 0);
        folder_remove(dir);
    }
}

// A tiny model's tensors, one type each, in one file or two, read straight to the device and through the host.
typedef struct Tiny {
    char dir[64];
    ModelConfig config;
    ParamTable table;
    float *h;       // values that every type holds exactly
    uint16_t *half; // (table.size)
    Safetensor *tensors;
} Tiny;

static Tiny tiny_open(SafetensorType type) {
    Tiny t = {.config = tiny_config("qwen3")};
    t.table = params_make(&t.config);
    t.h = calloc(t.table.size, sizeof *t.h);
    t.half = calloc(t.table.size, sizeof *t.half);
    t.tensors = calloc((size_t)t.table.count, sizeof *t.tensors);
    snprintf(t.dir, sizeof t.dir, P_tmpdir "/test_gpt_files_XXXXXX");
    assert_true(t.h && t.half && t.tensors && mkdtemp(t.dir));
    for (int i = 0; i < t.table.count; i++) {
        const Param *p = &t.table.params[i];
        for (size_t k = p->offset; k < p->offset + param_elements(p); k++) {
            int m = (int)(k * 2654435761u % 127) - 63; // m / 64: sign, exponent -6 .. -1, 6 bits
            uint32_t bits;
            t.h[k] = (float)m / 64;
            memcpy(&bits, &t.h[k], 4);
            if (type == SAFETENSOR_BF16) t.half[k] = (uint16_t)(bits >> 16);
            else t.half[k] = (uint16_t)((bits >> 16 & 0x8000) | (m ? (bits >> 13 & 0x3ffff) - (112 << 10) : 0));
        }
        const void *values = type == SAFETENSOR_F32 ? (const void *)(t.h + p->offset) : t.half + p->offset;
        t.tensors[i] = (Safetensor){.name = p->name, .type = type, .rank = p->rank, .data = values,
                                    .shape = {(size_t)p->shape[0], (size_t)p->shape[1]}};
    }
    return t;
}

static void tiny_write(const Tiny *t, const char *name, int first, int n) {
    char path[128];
    Error err = {""};
    snprintf(path, sizeof path, "%s/%s", t->dir, name);
    if (!safetensors_write(path, t->tensors + first, (size_t)n, NULL, 0, &err)) fail_msg("%s", err.text);
}

static void tiny_check(const Tiny *t) {
    Error err = {""};
    Device *dev = device_open(2, 0, &err);
    Gpt *gpt = gpt_new(dev, &t->config, 8);
    Buckets whole = buckets_make(&gpt->table, NULL, false);
    float *h = calloc(t->table.size, sizeof *h), *master = device_alloc(dev, gpt->table.room * sizeof *master);
    Optimizer opt = {.buckets = &whole, .master = master};
    device_zero(dev, master, gpt->table.room * sizeof *master);
    if (!params_load(&t->table, t->dir, h, &err) || !gpt_load(gpt, &opt, t->dir, &err)) fail_msg("%s", err.text);
    assert_memory_equal(h, t->h, t->table.size * sizeof *h);
    device_download(dev, h, master, t->table.size * sizeof *h);
    assert_memory_equal(h, t->h, t->table.size * sizeof *h);
    device_download_floats(dev, h, gpt->params, t->table.size);
    for (int i = 0; i < t->table.count; i++) {
        const Param *p = &t->table.params[i];
        assert_memory_equal(h + p->offset, t->h + p->offset, param_elements(p) * sizeof *h);
    }
    free(h), device_free(dev, master), gpt_free(gpt), device_close(dev);
}

static void tiny_close(Tiny *t) {
    folder_remove(t->dir);
    free(t->h), free(t->half), free(t->tensors);
    params_free(&t->table);
}

static void reads_every_type_and_shards(void **state) {
    (void)state;
    const SafetensorType types[] = {SAFETENSOR_F32, SAFETENSOR_BF16, SAFETENSOR_F16};
    for (int i = 0; i < 3; i++) {
        Tiny t = tiny_open(types[i]);
        tiny_write(&t, "model.safetensors", 0, t.table.count);
        tiny_check(&t);
        char path[128], index[8192] = "{\"weight_map\":{";
        snprintf(path, sizeof path, "%s/model.safetensors", t.dir);
        unlink(path);
        tiny_write(&t, "1.safetensors", 0, 7);
        tiny_write(&t, "2.safetensors", 7, t.table.count - 7);
        for (int k = 0; k < t.table.count; k++)
            snprintf(index + strlen(index), sizeof index - strlen(index), "%s\"%s\":\"%d.safetensors\"", k ? "," : "",
                     t.table.params[k].name, k < 7 ? 1 : 2);
        strcat(index, "}}");
        snprintf(path, sizeof path, "%s/model.safetensors.index.json", t.dir);
        assert_true(file_replace(path, index, strlen(index), NULL));
        tiny_check(&t);
        tiny_close(&t);
    }
}

static void assert_refused(Tiny *t, const char *reason) {
    Error err = {""};
    float *h = calloc(t->table.size, sizeof *h);
    tiny_write(t, "model.safetensors", 0, t->table.count);
    assert_false(params_load(&t->table, t->dir, h, &err));
    if (!strstr(err.text, reason) || !strstr(err.text, t->dir)) fail_msg("wanted \"%s\", got \"%s\"", reason, err.text);
    free(h);
}

static void refuses_what_does_not_fit(void **state) {
    (void)state;
    Tiny t = tiny_open(SAFETENSOR_F32);
    const Param *p = &t.table.params[2];
    size_t last = p->offset + param_elements(p) - 1;
    float kept = t.h[last], bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        char reason[200];
        t.h[last] = bad[i];
        snprintf(reason, sizeof reason, "%s: element %zu is not finite", p->name, param_elements(p) - 1);
        assert_refused(&t, reason);
    }
    t.h[last] = kept;
    t.tensors[2].name = "model.other";
    assert_refused(&t, "has no tensor model.layers.0.self_attn.q_proj.weight");
    t.tensors[2].name = p->name;
    t.tensors[2].shape[0]--;
    assert_refused(&t, "q_proj.weight has another shape than config.json implies (24 x 20)");
    t.tensors[2].shape[0]++;
    t.tensors[2].type = SAFETENSOR_I32;
    assert_refused(&t, "q_proj.weight: I32, where F32, F16 or BF16 is read");
    t.tensors[2].type = SAFETENSOR_F32;
    tiny_write(&t, "model.safetensors", 0, t.table.count);
    tiny_check(&t); // all of that was the only reason
    Safetensor more = {.name = "lm_head.weight", .type = SAFETENSOR_F32, .rank = 1, .shape = {1}, .data = &kept};
    const char *names[] = {"lm_head.weight", "model.layers.0.self_attn.rotary_emb.inv_freq",
                           "model.layers.0.self_attn.q_proj.bias"};
    t.tensors = realloc(t.tensors, (size_t)(t.table.count + 1) * sizeof *t.tensors);
    for (int i = 0; i < 3; i++) {
        Error err = {""};
        more.name = names[i];
        t.tensors[t.table.count] = more;
        tiny_write(&t, "model.safetensors", 0, t.table.count + 1);
        assert_int_equal(params_load(&t.table, t.dir, t.h, &err), i < 2);
        assert_true(i < 2 || strstr(err.text, "has a tensor model.layers.0.self_attn.q_proj.bias, which"));
    }
    tiny_close(&t);
}

int main(int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < sizeof fixtures / sizeof *fixtures; i++) { // saves them for check_saved.py
        char dir[4096];
        snprintf(dir, sizeof dir, "%s/%s", argv[1], fixtures[i]);
        mkdir(argv[1], 0777), mkdir(dir, 0777);
        save_fixture(fixtures[i], dir);
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(saves_what_transformers_loads),
                                       cmocka_unit_test(reads_every_type_and_shards),
                                       cmocka_unit_test(refuses_what_does_not_fit)};
    return argc > 1 ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
}
