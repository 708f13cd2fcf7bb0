#include "model/gpt_files.h"
#include "kernels/philox.h"
#include "model/safetensors.h"
#include <math.h>
#include <string.h>

static bool load_one(const Param *p, const Safetensors *file, const char *dir, float *to, Error *err) {
    const Safetensor *t = safetensors_find(file, p->name);
    if (!t) return fail(err, "%s: has no tensor %s", dir, p->name);
    if (t->rank != p->rank || t->shape[0] != (size_t)p->shape[0] || (p->rank == 2 && t->shape[1] != (size_t)p->shape[1]))
        return fail(err, "%s: %s has another shape than config.json asks for (%d x %d)", dir, p->name, p->shape[0], p->rank == 2 ? p->shape[1] : 1);
    if (!safetensor_to_float(t, to, err)) return false;
    for (size_t i = 0; i < param_elements(p); i++)
        if (!isfinite(to[i])) return fail(err, "%s: %s holds a value that is not finite (element %zu)", dir, p->name, i);
    return true;
}

bool params_load(const ParamTable *table, const char *dir, float *h_params, Error *err) {
    Safetensors *file = safetensors_open_model(dir, err);
    bool ok = file != NULL;
    for (int i = 0; ok && i < table->count; i++) ok = load_one(&table->params[i], file, dir, h_params + table->params[i].offset, err);
    safetensors_close(file);
    return ok;
}

bool gpt_save(const ParamTable *table, const ModelConfig *config, const char *dir, const float *h_params, Error *err) {
    char path[4200];
    Safetensor *tensors = calloc((size_t)table->count, sizeof *tensors);
    if (!tensors) return fail(err, "%s: out of memory", dir);
    for (int i = 0; i < table->count; i++) {
        const Param *p = &table->params[i];
        tensors[i] = (Safetensor){.name = p->name, .type = SAFETENSOR_F32, .rank = p->rank, .shape = {(size_t)p->shape[0], (size_t)p->shape[1]}, .data = h_params + p->offset};
    }
    SafetensorsPair format = {"format", "pt"}; // transformers refuses a file without it
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    bool ok = safetensors_write(path, tensors, (size_t)table->count, &format, 1, err) && model_config_save(config, dir, err);
    free(tensors);
    return ok;
}

// Box-Muller on a Philox draw keyed by (seed, tensor, element)
static float normal(uint64_t seed, uint32_t tensor, size_t element) {
    Philox bits = philox(seed, 0x77656967u, tensor, (uint32_t)element, (uint32_t)(element >> 32));
    double u = (bits.word[0] + 0.5) / 4294967296.0, v = bits.word[1] / 4294967296.0;
    return (float)(sqrt(-2 * log(u)) * cos(2 * M_PI * v));
}

void params_init(const ParamTable *table, uint64_t seed, float *h_params) {
    memset(h_params, 0, table->size * sizeof *h_params);
    for (int i = 0; i < table->count; i++) {
        const Param *p = &table->params[i];
        float *to = h_params + p->offset, std = p->rank == 2 ? 1.0f / sqrtf((float)p->shape[1]) : 0.0f;
        for (size_t k = 0; k < param_elements(p); k++)
            to[k] = p->init == INIT_ONE ? 1.0f : p->init == INIT_ZERO ? 0.0f : std * normal(seed, (uint32_t)i, k);
    }
}
