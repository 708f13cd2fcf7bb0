// The whole model against its double-precision oracle: logits, and every gradient tensor by central differences.
#include "model/gpt.h"
#include "rl/update.h"
#include "tests/model/reference_model.h"
#include "tests/model/tiny_model.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

enum { SEQUENCES = 3 };
static const int prompt_length[SEQUENCES] = {3, 1, 5}, response_length[SEQUENCES] = {4, 2, 7};

static void tokens_of(int s, int *ids) {
    for (int t = 0; t < prompt_length[s] + response_length[s]; t++)
        ids[t] = (int)((test_random(99, (uint64_t)(s * 100 + t)) + 1) * 14.49f);
}

// loss = sum over response tokens of weight * -log pi: the supervised update
static double reference_loss(const double *p, const ParamTable *table, const ModelConfig *c, double temp) {
    double loss = 0, logits[REFERENCE_T * 32];
    for (int s = 0; s < SEQUENCES; s++) {
        int ids[REFERENCE_T], n = prompt_length[s] + response_length[s];
        tokens_of(s, ids);
        reference_logits(logits, p, table, c, ids, n - 1);
        for (int t = prompt_length[s]; t < n; t++)
            loss += 0.1 * (s + 1) * -reference_log_prob(logits + (size_t)(t - 1) * c->V, c->V, ids[t], temp);
    }
    return loss;
}

static double gradient(Gpt *gpt, float *h_grad, int micro_tokens, int chunk, float inv_temp) {
    int ids[SEQUENCES][REFERENCE_T];
    TrainSequence sequences[SEQUENCES];
    TokenResult results[64];
    PolicyObjective plain = {.inv_temp = inv_temp};
    for (int s = 0; s < SEQUENCES; s++) {
        tokens_of(s, ids[s]);
        int n = prompt_length[s];
        sequences[s] = (TrainSequence){.prompt = ids[s], .tokens = ids[s] + n, .n_prompt = n, .n = response_length[s],
                                       .weight = 0.1f * (float)(s + 1)};
    }
    Updater *updater = updater_new(gpt, micro_tokens, 12, chunk, false); // the sequences take 6, 2 and 11 rows
    Arena arena = {.name = "gradients"};
    Gradients grads;
    Buckets whole = buckets_make(&gpt->table, NULL, false);
    gradients_plan(gpt, &grads, &arena, &whole);
    arena_commit(&arena, gpt->dev);
    updater_gradient(updater, &grads, results, sequences, SEQUENCES, &plain, false);
    device_download(gpt->dev, h_grad, grads.flat, gpt->table.size * sizeof(float));
    double loss = 0;
    for (int s = 0, m = 0; s < SEQUENCES; s++)
        for (int t = 0; t < response_length[s]; t++) loss += sequences[s].weight * (double)results[m++].loss;
    arena_free(&arena, gpt->dev);
    updater_free(updater);
    return loss;
}

static void check_architecture(const char *architecture, double temp) {
    Device *dev = device_open(2, 0, NULL);
    Gpt *gpt = tiny_model(dev, architecture);
    float *h = tiny_params(&gpt->table), *h_grad = malloc(gpt->table.size * sizeof *h_grad);
    double *p = malloc(gpt->table.size * sizeof *p);
    for (size_t i = 0; i < gpt->table.size; i++) p[i] = h[i];
    double want = reference_loss(p, &gpt->table, &gpt->config, temp);
    double got = gradient(gpt, h_grad, 64, 5, (float)(1 / temp));
    if (!(fabs(got - want) <= 2e-5 * fabs(want))) fail_msg("%s: loss %.8f, want %.8f", architecture, got, want);
    for (int i = 0; i < gpt->table.count; i++) { // several entries of every tensor
        const Param *param = &gpt->table.params[i];
        for (int k = 0; k < 6; k++) {
            double part = (test_random(7, (uint64_t)(i * 10 + k)) + 1) * 0.49999;
            size_t at = param->offset + (size_t)(part * (double)param_elements(param));
            double keep = p[at], step = 1e-5, up, down;
            p[at] = keep + step, up = reference_loss(p, &gpt->table, &gpt->config, temp);
            p[at] = keep - step, down = reference_loss(p, &gpt->table, &gpt->config, temp);
            p[at] = keep;
            double slope = (up - down) / (2 * step);
            if (!(fabs(h_grad[at] - slope) <= 2e-5 + 2e-4 * fabs(slope)))
                fail_msg("%s: d %s [%zu] = %.8f, want %.8f", architecture, param->name, at - param->offset, h_grad[at],
                         slope);
        }
    }
    free(h), free(h_grad), free(p);
    gpt_free(gpt);
    device_close(dev);
}

static void test_llama(void **state) { (void)state, check_architecture("llama", 1.0); }
static void test_qwen2(void **state) { (void)state, check_architecture("qwen2", 0.7); }
static void test_qwen3(void **state) { (void)state, check_architecture("qwen3", 1.3); }

// Micro-batches, the rows of logits at a time and threads do not change the gradient: bit-exact.
static void test_split(void **state) {
    (void)state;
    const char *const architectures[] = {"llama", "qwen2", "qwen3"};
    for (int a = 0; a < 3; a++) {
        float *first = NULL;
        for (int variant = 0; variant < 6; variant++) {
            Device *dev = device_open(1 + variant % 3, 0, NULL);
            Gpt *gpt = tiny_model(dev, architectures[a]);
            float *h_grad = malloc(gpt->table.size * sizeof *h_grad);
            gradient(gpt, h_grad, (int[]){64, 1, 11, 12, 18, 64}[variant], (int[]){64, 1, 3, 5, 2, 13}[variant], 1.0f);
            if (first) assert_memory_equal(first, h_grad, gpt->table.size * sizeof *h_grad);
            if (first) free(h_grad);
            else first = h_grad;
            gpt_free(gpt);
            device_close(dev);
        }
        free(first);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_llama), cmocka_unit_test(test_qwen2),
                                       cmocka_unit_test(test_qwen3), cmocka_unit_test(test_split)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
