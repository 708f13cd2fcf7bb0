// Small random models for tests: every architecture, odd sizes, norms that are not 1 and biases that are not 0.
#ifndef TESTS_MODEL_TINY_MODEL_H
#define TESTS_MODEL_TINY_MODEL_H
#include "kernels/philox.h"
#include "model/gpt.h"
#include <stdlib.h>
#include <string.h>

static inline ModelConfig tiny_config(const char *architecture) {
    ModelConfig c = {.V = 29, .C = 20, .F = 28, .L = 2, .NH = 4, .NKV = 2, .HS = 6, .T_max = 64, .eps = 1e-5f,
                     .rope_theta = 10000.0, .eos = {3}, .n_eos = 1};
    c.qkv_bias = !strcmp(architecture, "qwen2");
    c.qk_norm = !strcmp(architecture, "qwen3");
    c.tied = strcmp(architecture, "llama") != 0;
    snprintf(c.architecture, sizeof c.architecture, "%s", architecture);
    return c;
}

// uniform in [-1, 1], a function of (stream, i)
static inline float test_random(uint32_t stream, uint64_t i) {
    Philox bits = philox(2024, stream, 0, (uint32_t)i, (uint32_t)(i >> 32));
    return 2.0f * philox_uniform(bits.word[0]) - 1.0f;
}

// (table.size) values; the caller frees
static inline float *tiny_params(const ParamTable *table) {
    float *h = calloc(table->size, sizeof *h);
    REQUIRE(h, "out of memory");
    for (int i = 0; i < table->count; i++) {
        const Param *p = &table->params[i];
        for (size_t k = 0; k < param_elements(p); k++)
            h[p->offset + k] = (p->init == INIT_ONE ? 1.0f : 0.0f) + 0.4f * test_random((uint32_t)i + 10, k);
    }
    return h;
}

static inline Gpt *tiny_model(Device *dev, const char *architecture) {
    ModelConfig config = tiny_config(architecture);
    Gpt *gpt = gpt_new(dev, &config, config.T_max);
    float *h = tiny_params(&gpt->table);
    device_upload_floats(dev, gpt->params, h, gpt->table.size);
    free(h);
    return gpt;
}

#endif
