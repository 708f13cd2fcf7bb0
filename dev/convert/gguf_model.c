// Optional (converters): the Llama architecture in GGUF: its metadata, and its tensor names with Hugging Face's.
#include "dev/convert/gguf_model.h"
#include "model/files/gpt_files.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static bool read_count(const Gguf *file, const char *key, int fallback, int *value, Error *err) {
    double number = gguf_number(file, key, fallback);
    if (!(number >= 1 && number <= 1 << 24 && number == (int)number))
        return fail(err, "%s: %s is missing or not a number from 1 to %d", file->path, key, 1 << 24);
    *value = (int)number;
    return true;
}

static bool refuse_unsupported(const Gguf *file, Error *err) {
    GgufText architecture = gguf_text(file, "general.architecture");
    GgufText scaling = gguf_text(file, "llama.rope.scaling.type");
    if (!gguf_text_is(architecture, "llama"))
        return fail(err, "%s: architecture \"%.*s\"; only llama is converted", file->path, GGUF_SHOWN(architecture));
    if (gguf_number(file, "llama.expert_count", 0) > 0)
        return fail(err, "%s: mixture-of-experts models are not supported", file->path);
    if (scaling.bytes && !gguf_text_is(scaling, "none"))
        return fail(err, "%s: rope scaling \"%.*s\" is not converted", file->path, GGUF_SHOWN(scaling));
    if (gguf_tensor(file, "rope_freqs.weight"))
        return fail(err, "%s: rope_freqs.weight: scaled RoPE; use the Hugging Face folder", file->path);
    return true;
}

static void add_eos(ModelConfig *c, const Gguf *file, const char *key) {
    double id = gguf_number(file, key, -1);
    if (!(id >= 0 && id < c->V)) return;
    for (int i = 0; i < c->n_eos; i++)
        if (c->eos[i] == (int)id) return;
    c->eos[c->n_eos++] = (int)id;
}

bool gguf_model_config(const Gguf *file, ModelConfig *c, Error *err) {
    const GgufTensor *embed = gguf_tensor(file, "token_embd.weight");
    int rotated;
    *c = (ModelConfig){.architecture = "llama", .tied = gguf_tensor(file, "output.weight") == NULL};
    if (!refuse_unsupported(file, err)) return false;
    if (!embed || embed->rank != 2 || embed->dims[1] > 1 << 24)
        return fail(err, "%s: no token_embd.weight of two dimensions", file->path);
    c->V = (int)embed->dims[1];
    bool ok = read_count(file, "llama.embedding_length", 0, &c->C, err) &&
              read_count(file, "llama.feed_forward_length", 0, &c->F, err) &&
              read_count(file, "llama.block_count", 0, &c->L, err) &&
              read_count(file, "llama.context_length", 0, &c->T_max, err) &&
              read_count(file, "llama.attention.head_count", 0, &c->NH, err) &&
              read_count(file, "llama.attention.head_count_kv", c->NH, &c->NKV, err) &&
              read_count(file, "llama.attention.key_length", c->C / c->NH, &c->HS, err) &&
              read_count(file, "llama.rope.dimension_count", c->HS, &rotated, err);
    if (!ok) return false;
    if (rotated != c->HS)
        return fail(err, "%s: only %d of %d channels of a head are rotated; not supported", file->path, rotated, c->HS);
    c->eps = (float)gguf_number(file, "llama.attention.layer_norm_rms_epsilon", 1e-5);
    c->rope_theta = gguf_number(file, "llama.rope.freq_base", 10000.0);
    add_eos(c, file, "tokenizer.ggml.eos_token_id");
    add_eos(c, file, "tokenizer.ggml.eot_token_id");
    return model_config_check(c, file->path, err);
}

// Writes the Hugging Face name of a GGUF tensor, and its heads if its rows are rotated, else 0. False: unknown name.
static bool translate_name(char *to, size_t room, const GgufTensor *t, const ModelConfig *c, int *heads) {
    static const struct {
        const char *gguf, *name;
    } whole[] = {{"token_embd.weight", "model.embed_tokens.weight"},
                 {"output_norm.weight", "model.norm.weight"},
                 {"output.weight", "lm_head.weight"}},
      in_layer[] = {{"attn_norm.weight", "input_layernorm.weight"},   {"attn_q.weight", "self_attn.q_proj.weight"},
                    {"attn_k.weight", "self_attn.k_proj.weight"},     {"attn_v.weight", "self_attn.v_proj.weight"},
                    {"ffn_norm.weight", "post_attention_layernorm.weight"}, {"ffn_gate.weight", "mlp.gate_proj.weight"},
                    {"attn_output.weight", "self_attn.o_proj.weight"}, {"ffn_up.weight", "mlp.up_proj.weight"},
                    {"ffn_down.weight", "mlp.down_proj.weight"}};
    char name[64], rest[64];
    int layer;
    *heads = 0;
    if (t->name.n >= sizeof name) return false;
    snprintf(name, sizeof name, "%.*s", (int)t->name.n, t->name.bytes);
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcmp(name, whole[i].gguf) == 0) return snprintf(to, room, "%s", whole[i].name), true;
    if (sscanf(name, "blk.%5d.%63s", &layer, rest) != 2) return false;
    for (size_t i = 0; i < sizeof in_layer / sizeof *in_layer; i++)
        if (strcmp(rest, in_layer[i].gguf) == 0) {
            if (strcmp(rest, "attn_q.weight") == 0) *heads = c->NH;
            if (strcmp(rest, "attn_k.weight") == 0) *heads = c->NKV;
            return snprintf(to, room, "model.layers.%d.%s", layer, in_layer[i].name), true;
        }
    return false;
}

static bool convert_tensor(const Gguf *file, const GgufTensor *t, const ParamTable *table, const ModelConfig *c,
                           float *h_params, unsigned char *seen, Error *err) {
    char name[128];
    int heads;
    const Param *p = translate_name(name, sizeof name, t, c, &heads) ? params_find(table, name) : NULL;
    if (!p)
        return fail(err, "%s: %.*s is not a tensor of a Llama with %d layers", file->path, GGUF_SHOWN(t->name), c->L);
    bool fits = t->rank == p->rank && t->dims[0] == (size_t)p->shape[p->rank - 1] &&
                (p->rank == 1 || t->dims[1] == (size_t)p->shape[0]);
    if (!fits) return fail(err, "%s: the shape of %.*s does not match the metadata", file->path, GGUF_SHOWN(t->name));
    if (seen[p - table->params]++) return fail(err, "%s: %s occurs twice", file->path, name);
    float *to = h_params + p->offset, *plain = heads ? malloc(t->elements * sizeof *plain) : to;
    if (!plain) return fail(err, "%s: out of memory", file->path);
    gguf_to_float(t, plain);
    if (heads) {
        convert_rotation_rows(to, plain, heads, c->HS, p->shape[1]);
        free(plain);
    }
    return true;
}

static bool convert_all(const Gguf *file, const ParamTable *table, const ModelConfig *c, float *h_params, Error *err) {
    unsigned char *seen = calloc((size_t)table->count, 1);
    bool ok = seen != NULL || fail(err, "%s: out of memory", file->path);
    for (size_t i = 0; ok && i < file->n_tensors; i++)
        ok = convert_tensor(file, &file->tensors[i], table, c, h_params, seen, err);
    for (int i = 0; ok && i < table->count; i++)
        if (!seen[i]) ok = fail(err, "%s: no tensor for %s", file->path, table->params[i].name);
    free(seen);
    return ok;
}

// The tensors have exactly the metadata's size, so a small file cannot ask for much memory.
static bool check_size(const Gguf *file, const ModelConfig *c, Error *err) {
    double layer = 2.0 * c->C * c->NH * c->HS + 2.0 * c->C * c->NKV * c->HS + 3.0 * c->C * c->F + 2.0 * c->C;
    double wanted = (c->tied ? 1.0 : 2.0) * c->V * c->C + c->C + layer * c->L, elements = 0;
    for (size_t i = 0; i < file->n_tensors; i++) elements += (double)file->tensors[i].elements;
    if (elements == wanted) return true;
    return fail(err, "%s: its tensors hold %.0f values, its metadata %.0f", file->path, elements, wanted);
}

bool convert_gguf(const char *path, const char *dir, Error *err) {
    Gguf file;
    ModelConfig config;
    bool ok = gguf_open(&file, path, err) && gguf_model_config(&file, &config, err) && check_size(&file, &config, err);
    if (ok && mkdir(dir, 0777) != 0 && errno != EEXIST) ok = fail(err, "%s: %s", dir, strerror(errno));
    if (ok) {
        ParamTable table = params_make(&config);
        float *h_params = calloc(table.size, sizeof *h_params);
        ok = (h_params || fail(err, "%s: out of memory", path)) && convert_all(&file, &table, &config, h_params, err) &&
             gpt_save(&table, &config, dir, h_params, err) && gguf_write_tokenizer(&file, config.V, dir, err);
        free(h_params);
        params_free(&table);
    }
    gguf_close(&file);
    return ok;
}
