// Optional (Hugging Face models): a model's parameters from and to safetensors files.
#include "model/files/gpt_files.h"
#include "model/files/config_file.h"
#include "model/files/safetensors.h"
#include <math.h>
#include <string.h>

enum { PART = 1 << 22, PIECE = 1 << 16 }; // elements read at a time by all threads, and by one thread

typedef struct Target { // where the values go: to h_params, or to gpt and the fp32 weights of opt
    float *h_params;
    Gpt *gpt;
    const Optimizer *opt; // or NULL
} Target;

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static const Safetensor *find_tensor(const Safetensors *file, const Param *p, const char *dir, Error *err) {
    const Safetensor *t = safetensors_find(file, p->name);
    size_t rows = (size_t)p->shape[0], cols = p->rank == 2 ? (size_t)p->shape[1] : 1;
    if (t && t->rank == p->rank && t->shape[0] == rows && (p->rank == 1 || t->shape[1] == cols)) return t;
    if (!t) fail(err, "%s: has no tensor %s", dir, p->name);
    else fail(err, "%s: %s has another shape than config.json implies (%zu x %zu)", dir, p->name, rows, cols);
    return NULL;
}

// The index of the first value that is not finite, or n.
static size_t first_not_finite(const float *values, size_t n) {
    uint32_t bits, worst = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(&bits, &values[i], sizeof bits);
        worst = (bits & 0x7f800000) > worst ? bits & 0x7f800000 : worst;
    }
    size_t i = worst == 0x7f800000 ? 0 : n;
    while (i < n && isfinite(values[i])) i++;
    return i;
}

// Reads elements first .. first + n - 1, pieces in parallel.
static bool read_part(const Safetensor *t, size_t first, size_t n, float *to, const char *dir, Error *err) {
    size_t bad = SIZE_MAX;
    bool good = true;
#pragma omp parallel for reduction(min : bad) reduction(&& : good)
    for (size_t at = 0; at < n; at += PIECE) {
        size_t m = smaller(n - at, PIECE), where;
        good = safetensor_part_to_float(t, first + at, m, to + at, NULL) && good;
        if (good && (where = first_not_finite(to + at, m)) < m && at + where < bad) bad = at + where;
    }
    if (!good) return safetensor_part_to_float(t, 0, 0, to, err); // again, for the reason
    return bad == SIZE_MAX || fail(err, "%s: %s: element %zu is not finite", dir, t->name, first + bad);
}

// Takes the n values that belong at `offset` of the flat buffer.
static void take(const Target *to, size_t offset, const float *h_values, size_t n) {
    if (to->h_params) memcpy(to->h_params + offset, h_values, n * sizeof *h_values);
    if (!to->gpt) return;
    device_upload_floats(to->gpt->dev, to->gpt->params + offset, h_values, n);
    bool master = to->opt && (void *)to->opt->master != (void *)to->gpt->params;
    if (master) optimizer_write(to->gpt, to->opt, to->opt->master, offset, h_values, n);
}

static bool load_tensor(const Param *p, const Safetensor *t, const char *dir, float *space, Target to, Error *err) {
    size_t elements = param_elements(p);
    for (size_t first = 0; first < elements; first += PART) {
        size_t n = smaller(elements - first, PART);
        safetensor_read_next(t, first + n, smaller(elements - first - n, PART));
        if (!read_part(t, first, n, space, dir, err)) return false;
        take(&to, p->offset + first, space, n);
        safetensor_read_done(t, first, n);
    }
    return true;
}

// An unexpected tensor, such as a bias that config.json does not mention, means another model. Two are ignored: the
// head's copy of a tied embedding (model_config_load unties any other), and the rotary frequencies, which are computed.
static bool check_unused(const ParamTable *table, const Safetensors *file, const char *dir, Error *err) {
    static const char frequencies[] = ".rotary_emb.inv_freq";
    bool tied = table->head == table->embed;
    for (size_t i = 0; safetensors_count(file) > (size_t)table->count && i < safetensors_count(file); i++) {
        const char *name = safetensors_at(file, i)->name, *end = strstr(name, frequencies);
        bool ignored = (end && end[sizeof frequencies - 1] == 0) || (tied && strcmp(name, "lm_head.weight") == 0);
        if (!ignored && !params_find(table, name))
            return fail(err, "%s: has a tensor %s, which the model of config.json does not", dir, name);
    }
    return true;
}

static bool load_all(const ParamTable *table, const char *dir, Target to, Error *err) {
    float *space = malloc((size_t)PART * sizeof *space);
    Safetensors *file = space ? safetensors_open_model(dir, err) : NULL;
    bool ok = file ? check_unused(table, file, dir, err) : !space && fail(err, "%s: out of memory", dir);
    for (int i = 0; ok && i < table->count; i++) {
        const Safetensor *t = find_tensor(file, &table->params[i], dir, err), *next = NULL;
        if (i + 1 < table->count) next = safetensors_find(file, table->params[i + 1].name);
        if (next) safetensor_read_next(next, 0, smaller(next->elements, PART));
        ok = t && load_tensor(&table->params[i], t, dir, space, to, err);
    }
    safetensors_close(file);
    free(space);
    return ok;
}

bool params_load(const ParamTable *table, const char *dir, float *h_params, Error *err) {
    return load_all(table, dir, (Target){.h_params = h_params}, err);
}

bool gpt_load(Gpt *gpt, const Optimizer *opt, const char *dir, Error *err) {
    return load_all(&gpt->table, dir, (Target){.gpt = gpt, .opt = opt}, err);
}

bool gpt_save(const ParamTable *table, const ModelConfig *config, const char *dir, const float *h_params, Error *err) {
    char path[4200];
    Safetensor *tensors = calloc((size_t)table->count, sizeof *tensors);
    if (!tensors) return fail(err, "%s: out of memory", dir);
    for (int i = 0; i < table->count; i++) {
        const Param *p = &table->params[i];
        tensors[i] = (Safetensor){.name = p->name, .type = SAFETENSOR_F32, .rank = p->rank,
                                  .shape = {(size_t)p->shape[0], (size_t)p->shape[1]}, .data = h_params + p->offset};
    }
    SafetensorsPair format = {"format", "pt"}; // transformers refuses a file without it
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    bool ok = safetensors_write(path, tensors, (size_t)table->count, &format, 1, err);
    free(tensors);
    return ok && model_config_save(config, dir, err);
}
