// Optional (converters): llama2.c's version 0 checkpoint: seven int32 (C, F, L, NH, NKV, V, T; V is negative if the
// head is a separate matrix), then every tensor of all layers as fp32, and nothing after them.
#include "dev/convert/convert.h"
#include "dev/convert/llama2c.h"
#include "model/files/gpt_files.h"
#include "base/files.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const size_t MAX_FILE = (size_t)16 << 30;

typedef struct Source {
    const char *path;
    const float *at; // the next tensor
    size_t left;     // floats from there on
} Source;

static int32_t read_int(const char *bytes) {
    int32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static bool read_header(const char *bytes, size_t n, const char *path, ModelConfig *c, Error *err) {
    int32_t header[7];
    if (n < sizeof header) return fail(err, "%s: %zu bytes are too few for a checkpoint", path, n);
    for (int i = 0; i < 7; i++) header[i] = read_int(bytes + 4 * i);
    if (header[0] == 0x616b3432) return fail(err, "%s: llama2.c version %d; only version 0 is read", path, header[1]);
    *c = (ModelConfig){.architecture = "llama", .C = header[0], .F = header[1], .L = header[2], .NH = header[3],
                       .NKV = header[4], .T_max = header[6], .eps = 1e-5f, .rope_theta = 10000.0, .tied = header[5] > 0,
                       .eos = {LLAMA2C_EOS, LLAMA2C_BOS}, .n_eos = 2};
    c->V = header[5] == INT32_MIN ? 0 : abs(header[5]);
    c->HS = c->NH > 0 ? c->C / c->NH : 0;
    if (c->NH > 0 && c->C % c->NH) return fail(err, "%s: %d channels cannot be shared by %d heads", path, c->C, c->NH);
    return model_config_check(c, path, err);
}

// Copies the next tensor to a parameter. heads > 0: a q or k matrix, whose rows are reordered.
static bool take(Source *s, const ParamTable *table, const char *name, int layer, int heads, float *h_params,
                 Error *err) {
    char full[128];
    if (layer < 0) snprintf(full, sizeof full, "%s", name);
    else snprintf(full, sizeof full, "model.layers.%d.%s", layer, name);
    const Param *p = params_find(table, full);
    if (!p) return fail(err, "%s: no parameter %s", s->path, full);
    size_t n = param_elements(p);
    if (n > s->left) return fail(err, "%s: ends inside %s: is the file cut short?", s->path, full);
    if (heads > 0) convert_rotation_rows(h_params + p->offset, s->at, heads, p->shape[0] / heads, p->shape[1]);
    else memcpy(h_params + p->offset, s->at, n * sizeof *s->at);
    s->at += n;
    s->left -= n;
    return true;
}

static bool take_all(Source *s, const ParamTable *table, const ModelConfig *c, float *h, Error *err) {
    size_t rotations = (size_t)c->T_max * (size_t)c->HS; // cosines and sines, which model/ computes
    const struct {
        const char *name;
        int heads;
    } in_layers[] = {{"input_layernorm.weight", 0},          {"self_attn.q_proj.weight", c->NH},
                     {"self_attn.k_proj.weight", c->NKV},    {"self_attn.v_proj.weight", 0},
                     {"self_attn.o_proj.weight", 0},         {"post_attention_layernorm.weight", 0},
                     {"mlp.gate_proj.weight", 0},            {"mlp.down_proj.weight", 0},
                     {"mlp.up_proj.weight", 0}};
    bool ok = take(s, table, "model.embed_tokens.weight", -1, 0, h, err);
    for (size_t i = 0; ok && i < sizeof in_layers / sizeof *in_layers; i++)
        for (int l = 0; ok && l < c->L; l++) ok = take(s, table, in_layers[i].name, l, in_layers[i].heads, h, err);
    ok = ok && take(s, table, "model.norm.weight", -1, 0, h, err);
    if (!ok) return false;
    if (s->left < rotations) return fail(err, "%s: ends inside its RoPE table: is the file cut short?", s->path);
    s->at += rotations;
    s->left -= rotations;
    if (!c->tied && !take(s, table, "lm_head.weight", -1, 0, h, err)) return false;
    return s->left == 0 || fail(err, "%s: %zu bytes after the last tensor", s->path, s->left * sizeof *s->at);
}

// The file has exactly the length that its header describes; checked before memory is allocated.
static bool check_length(const ModelConfig *c, size_t n, const char *path, Error *err) {
    double C = c->C, kv = (double)c->NKV * c->HS, layer = 2 * C + 2 * C * C + 2 * kv * C + 3 * C * c->F;
    double floats = (double)c->V * C * (c->tied ? 1 : 2) + c->L * layer + C + (double)c->T_max * c->HS;
    if (4 * floats + 28 == (double)n) return true;
    return fail(err, "%s: its header describes a file of %.0f bytes, and it has %zu", path, 4 * floats + 28, n);
}

bool convert_llama2c(const char *checkpoint, const char *tokenizer, const char *dir, Error *err) {
    ModelConfig config;
    size_t n;
    char *bytes = file_read(checkpoint, MAX_FILE, &n, err);
    if (!bytes) return false;
    bool ok = read_header(bytes, n, checkpoint, &config, err) && check_length(&config, n, checkpoint, err);
    if (ok && mkdir(dir, 0777) != 0 && errno != EEXIST) ok = fail(err, "%s: %s", dir, strerror(errno));
    if (ok) {
        ParamTable table = params_make(&config);
        float *h_params = calloc(table.size, sizeof *h_params);
        Source source = {checkpoint, (const float *)(bytes + 28), (n - 28) / sizeof(float)}; // 28 is a multiple of 4
        ok = (h_params || fail(err, "%s: out of memory", checkpoint)) &&
             take_all(&source, &table, &config, h_params, err) && gpt_save(&table, &config, dir, h_params, err) &&
             llama2c_tokenizer(tokenizer, config.V, dir, err);
        free(h_params);
        params_free(&table);
    }
    free(bytes);
    return ok;
}
