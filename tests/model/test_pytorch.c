// Against values from PyTorch: Hugging Face's own Llama, Qwen2 and Qwen3 with tiny random weights, written by
// dev/reference/make_fixtures.py. Logits, loss, every gradient tensor, and the weights after each of three AdamW steps.
#include "model/files/gpt_files.h"
#include "model/files/config_file.h"
#include "model/optimizer.h"
#include "model/files/safetensors.h"
#include "rl/update.h"
#include <math.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

typedef struct Fixture {
    char dir[128];
    ModelConfig config;
    Safetensors *expected;
    const int *ids, *starts;
    int N, B;
    Device *dev;
    Gpt *gpt;
    float *h_params;
} Fixture;

static const Safetensor *tensor(const Fixture *f, const char *prefix, const char *name) {
    char full[256];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const Safetensor *t = safetensors_find(f->expected, full);
    if (!t) fail_msg("%s: no %s", f->dir, full);
    return t;
}

static Fixture open_fixture(const char *name) {
    Fixture f = {0};
    Error err = {""};
    char path[200];
    snprintf(f.dir, sizeof f.dir, "tests/model/fixtures/%s", name);
    snprintf(path, sizeof path, "%s/expected.safetensors", f.dir);
    if (!model_config_load(&f.config, f.dir, &err)) fail_msg("%s", err.text);
    if (!(f.expected = safetensors_open(path, &err))) fail_msg("%s", err.text);
    f.ids = tensor(&f, "", "ids")->data, f.N = (int)tensor(&f, "", "ids")->elements;
    f.starts = tensor(&f, "", "starts")->data, f.B = (int)tensor(&f, "", "starts")->elements - 1;
    f.dev = device_open(2, 0, &err);
    f.gpt = gpt_new(f.dev, &f.config, f.config.T_max);
    f.h_params = calloc(f.gpt->table.size, sizeof(float));
    if (!params_load(&f.gpt->table, f.dir, f.h_params, &err)) fail_msg("%s", err.text);
    device_upload_floats(f.dev, f.gpt->params, f.h_params, f.gpt->table.size);
    return f;
}

static void close_fixture(Fixture *f) {
    free(f->h_params);
    gpt_free(f->gpt);
    device_close(f->dev);
    safetensors_close(f->expected);
}

// The index of the first wrong value, or n.
static size_t first_wrong(const float *got, const float *want, size_t n, double atol, double rtol) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= atol + rtol * fabs(want[i]))) return i;
    return n;
}

static void test_first_wrong(void **state) {
    (void)state;
    const float want[] = {1, -2, 0};
    assert_int_equal(first_wrong((float[]){1, -2.001f, 1e-4f}, want, 3, 1e-3, 1e-3), 3);
    assert_int_equal(first_wrong((float[]){1, -2.01f, 0}, want, 3, 1e-3, 1e-3), 1);
    assert_int_equal(first_wrong((float[]){1, -2, NAN}, want, 3, 1e30, 1e30), 2);
    assert_int_equal(first_wrong((float[]){1, -2, 0}, (float[]){NAN, -2, 0}, 3, 1, 1), 0);
}

static void compare(const Fixture *f, const char *what, const float *got, const Safetensor *want, double atol,
                    double rtol) {
    const float *w = want->data;
    size_t i = first_wrong(got, w, want->elements, atol, rtol);
    if (i < want->elements)
        fail_msg("%s: %s %s [%zu] is %.8g, PyTorch has %.8g", f->dir, what, want->name, i, got[i], w[i]);
}

static void check_logits(Fixture *f) {
    GptActs acts;
    Head head;
    Arena arena = {.name = "test"};
    int *ids, *pos, *starts, *rows, T = 0, h_pos[256], h_rows[256];
    float *h_logits = malloc((size_t)f->N * f->config.V * sizeof *h_logits);
    for (int b = 0; b < f->B; b++) {
        for (int t = f->starts[b]; t < f->starts[b + 1]; t++) h_pos[t] = t - f->starts[b], h_rows[t] = t;
        T = f->starts[b + 1] - f->starts[b] > T ? f->starts[b + 1] - f->starts[b] : T;
    }
    gpt_acts_plan(f->gpt, &acts, &arena, f->N, T);
    head_plan(f->gpt, &head, &arena, f->N, false);
    ARENA_PLAN(&arena, ids, f->N);
    ARENA_PLAN(&arena, pos, f->N);
    ARENA_PLAN(&arena, starts, f->B + 1);
    ARENA_PLAN(&arena, rows, f->N);
    arena_commit(&arena, f->dev);
    device_upload(f->dev, ids, f->ids, (size_t)f->N * sizeof(int));
    device_upload(f->dev, pos, h_pos, (size_t)f->N * sizeof(int));
    device_upload(f->dev, starts, f->starts, (size_t)(f->B + 1) * sizeof(int));
    device_upload(f->dev, rows, h_rows, (size_t)f->N * sizeof(int));
    Batch batch = {.N = f->N, .B = f->B, .T = T, .ids = ids, .pos = pos, .starts = starts};
    gpt_forward(f->gpt, &acts, &batch);
    head_logits(f->gpt, &head, &acts, rows, f->N);
    device_download(f->dev, h_logits, head.logits, (size_t)f->N * f->config.V * sizeof *h_logits);
    compare(f, "logits", h_logits, tensor(f, "", "logits"), 1e-5, 1e-5);
    free(h_logits);
    arena_free(&arena, f->dev);
    gpt_acts_free(&acts);
}

// Every token predicts the next one in its sequence; the loss is the mean.
static int sequences_of(const Fixture *f, TrainSequence *sequences) {
    int count = 0, targets = 0;
    for (int b = 0; b < f->B; b++) targets += f->starts[b + 1] - f->starts[b] - 1;
    for (int b = 0; b < f->B; b++) {
        const int *ids = f->ids + f->starts[b];
        int n = f->starts[b + 1] - f->starts[b];
        float weight = 1.0f / (float)targets;
        TrainSequence s = {.prompt = ids, .n_prompt = 1, .tokens = ids + 1, .n = n - 1, .weight = weight};
        if (n > 1) sequences[count++] = s;
    }
    return count;
}

// Gradients are compared relative to the largest entry of their tensor, since their sums cancel to that scale.
static void compare_tensors(Fixture *f, const char *prefix, const float *h_flat, double atol) {
    for (int i = 0; i < f->gpt->table.count; i++) {
        const Param *p = &f->gpt->table.params[i];
        const Safetensor *want = tensor(f, prefix, p->name);
        float largest = 0;
        assert_int_equal(want->elements, param_elements(p));
        for (size_t k = 0; k < want->elements; k++) largest = fmaxf(largest, fabsf(((const float *)want->data)[k]));
        compare(f, prefix, h_flat + p->offset, want, atol * largest, 0);
    }
}

static void check_training(Fixture *f, int steps) {
    TrainSequence sequences[8];
    TokenResult results[256];
    PolicyObjective plain = {.inv_temp = 1.0f};
    OptimizerConfig adamw = {.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f};
    Gradients grads;
    Optimizer opt;
    Arena arena = {.name = "test"};
    int count = sequences_of(f, sequences);
    float *h = malloc(f->gpt->table.size * sizeof *h);
    Updater *updater = updater_new(f->gpt, 64, 64, 7, false);
    Buckets whole = buckets_make(&f->gpt->table, NULL, false);
    gradients_plan(f->gpt, &grads, &arena, &whole);
    optimizer_plan(&opt, &arena, &whole);
    arena_commit(&arena, f->dev);
    optimizer_start(f->gpt, &opt, f->h_params);
    for (int step = 0; step <= steps; step++) {
        char prefix[16];
        double loss = 0;
        updater_gradient(updater, &grads, results, sequences, count, &plain, false);
        if (step == 0) {
            for (int s = 0, m = 0; s < count; s++)
                for (int t = 0; t < sequences[s].n; t++) loss += sequences[s].weight * (double)results[m++].loss;
            float got = (float)loss;
            compare(f, "loss", &got, tensor(f, "", "loss"), 0, 2e-6);
            device_download(f->dev, h, grads.flat, f->gpt->table.size * sizeof *h);
            compare_tensors(f, "grad.", h, 2e-5);
        } else {
            device_download(f->dev, h, opt.master, f->gpt->table.size * sizeof *h);
            snprintf(prefix, sizeof prefix, "step%d.", step);
            // an entry whose gradient nearly cancels moves by lr times a ratio of two small numbers: looser
            compare_tensors(f, prefix, h, 2e-4);
        }
        if (step < steps) optimizer_step(f->gpt, &opt, &grads, &adamw, 1e-2f);
    }
    free(h);
    updater_free(updater);
    arena_free(&arena, f->dev);
}

static void check(const char *name, bool gradients, int steps) {
    Fixture f = open_fixture(name);
    check_logits(&f);
    if (gradients) check_training(&f, steps);
    close_fixture(&f);
}

static void test_llama(void **state) { (void)state, check("llama", true, 3); }
static void test_qwen2(void **state) { (void)state, check("qwen2", true, 3); }
static void test_qwen3(void **state) { (void)state, check("qwen3", true, 3); }
static void test_llama3_rope(void **state) { (void)state, check("llama3_rope", false, 0); }
static void test_qwen2_untied(void **state) { (void)state, check("qwen2_untied", true, 0); }

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_first_wrong), cmocka_unit_test(test_llama),
                                       cmocka_unit_test(test_qwen2),       cmocka_unit_test(test_qwen3),
                                       cmocka_unit_test(test_llama3_rope), cmocka_unit_test(test_qwen2_untied)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
