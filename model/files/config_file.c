// Optional (Hugging Face models): the reader and writer of config.json.
#include "model/files/config_file.h"
#include "base/json.h"
#include "model/files/safetensors.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// One token id or a list, of which the first MODEL_MAX_EOS are used.
static void get_eos(ModelConfig *c, const cJSON *json) {
    const cJSON *eos = json_get(json, "eos_token_id");
    if (cJSON_IsNumber(eos)) {
        c->eos[0] = json_whole(eos);
        c->n_eos = 1;
    } else if (cJSON_IsArray(eos)) {
        c->n_eos = 0;
        for (const cJSON *id = eos->child; id && c->n_eos < MODEL_MAX_EOS; id = id->next)
            c->eos[c->n_eos++] = json_whole(id);
    }
}

// New versions of transformers write rope_parameters {rope_type, rope_theta, ..}, old ones rope_theta, rope_scaling.
static bool read_rope(ModelConfig *c, const cJSON *json, const char *where, Error *err) {
    c->rope_theta = json_double(json, "rope_theta", 10000.0);
    const cJSON *rope = json_get(json, "rope_scaling");
    if (!cJSON_IsObject(rope)) rope = json_get(json, "rope_parameters");
    if (!cJSON_IsObject(rope)) return true;
    c->rope_theta = json_double(rope, "rope_theta", c->rope_theta);
    const char *type = json_string(rope, "rope_type", json_string(rope, "type", "default"));
    if (strcmp(type, "default") == 0) return true;
    if (strcmp(type, "llama3") != 0)
        return fail(err, "%s: rope scaling \"%s\" is not supported (only llama3 is)", where, type);
    c->rope_factor = json_double(rope, "factor", 8.0);
    c->rope_low_freq = json_double(rope, "low_freq_factor", 1.0);
    c->rope_high_freq = json_double(rope, "high_freq_factor", 4.0);
    c->rope_original_T = json_int(rope, "original_max_position_embeddings", 8192);
    if (!(c->rope_factor >= 1) || !(c->rope_high_freq > c->rope_low_freq) || c->rope_original_T < 1)
        return fail(err, "%s: rope scaling llama3 has impossible factors", where);
    return true;
}

static bool slides(const cJSON *json) {
    const cJSON *type;
    cJSON_ArrayForEach(type, json_get(json, "layer_types"))
        if (!cJSON_IsString(type) || strcmp(type->valuestring, "full_attention") != 0) return true;
    return json_bool(json, "use_sliding_window", false);
}

static bool check_supported(const cJSON *json, const char *where, Error *err) {
    const cJSON *quantised = json_get(json, "quantization_config");
    if (quantised && !cJSON_IsNull(quantised))
        return fail(err, "%s: the weights are quantised; use the unquantised model", where);
    if (json_int(json, "num_experts", 0) > 1 || json_int(json, "num_local_experts", 0) > 1)
        return fail(err, "%s: mixture-of-experts models are not supported", where);
    if (slides(json)) return fail(err, "%s: a sliding window is in use; not supported", where);
    if (json_bool(json, "mlp_bias", false)) return fail(err, "%s: mlp_bias is not supported", where);
    if (json_double(json, "partial_rotary_factor", 1) != 1)
        return fail(err, "%s: partial_rotary_factor is not supported", where);
    const char *act = json_string(json, "hidden_act", "silu");
    return strcmp(act, "silu") == 0 || fail(err, "%s: activation \"%s\" is not supported (only silu is)", where, act);
}

static bool from_json(ModelConfig *c, const cJSON *json, const char *where, Error *err) {
    const char *type = json_string(json, "model_type", "");
    if (strcmp(type, "llama") && strcmp(type, "qwen2") && strcmp(type, "qwen3"))
        return fail(err, "%s: model_type \"%.40s\" is not supported (llama, qwen2 and qwen3 are)", where, type);
    if (!check_supported(json, where, err)) return false;
    *c = (ModelConfig){0};
    snprintf(c->architecture, sizeof c->architecture, "%s", type);
#define READ(key, size) c->size = json_int(json, key, 0);
    MODEL_SIZES(READ)
    c->NKV = json_int(json, "num_key_value_heads", c->NH);
    c->HS = json_int(json, "head_dim", c->NH > 0 ? c->C / c->NH : 0);
    c->T_max = json_int(json, "max_position_embeddings", 2048);
    c->eps = (float)json_double(json, "rms_norm_eps", 1e-6);
    c->qkv_bias = strcmp(type, "qwen2") == 0;
    c->qk_norm = strcmp(type, "qwen3") == 0;
    c->tied = json_bool(json, "tie_word_embeddings", false);
    if (!c->qkv_bias && json_bool(json, "attention_bias", false))
        return fail(err, "%s: attention_bias is not supported", where);
    get_eos(c, json);
    return read_rope(c, json, where, err) && model_config_check(c, where, err);
}

bool model_folder_check(const char *dir, Error *err) {
    struct stat info;
    bool there = stat(dir, &info) == 0;
    const char *slash = strchr(dir, '/');
    if (there && S_ISDIR(info.st_mode)) return true;
    if (!there && slash && slash > dir && *dir != '.' && slash[1] && !strchr(slash + 1, '/'))
        return fail(err,
                    "%.200s: no such folder; if it is a model of the Hugging Face hub, download it: hf download %.200s "
                    "--local-dir %.200s",
                    dir, dir, slash + 1);
    if (!there) return fail(err, "%.400s: no such folder", dir);
    char magic[4] = "";
    FILE *file = fopen(dir, "rb");
    bool gguf = file && fread(magic, 1, 4, file) == 4 && memcmp(magic, "GGUF", 4) == 0;
    if (file) fclose(file);
    return fail(err,
                gguf ? "%.200s: a GGUF file; convert it: make convert; build/cpu/dev/convert/convert %.200s FOLDER"
                     : "%.200s: not a folder",
                dir, dir);
}

// Whether two tensors have the same values.
static bool same_values(const Safetensor *a, const Safetensor *b) {
    enum { PIECE = 1 << 12 };
    float x[PIECE], y[PIECE];
    bool same = a->elements == b->elements;
    for (size_t first = 0, n; same && first < a->elements; first += n) {
        n = a->elements - first < PIECE ? a->elements - first : PIECE;
        same = safetensor_part_to_float(a, first, n, x, NULL) && safetensor_part_to_float(b, first, n, y, NULL) &&
               memcmp(x, y, n * sizeof *x) == 0;
    }
    return same;
}

// Unties a head that is stored with values of its own.
static void check_head(ModelConfig *c, const char *dir) {
    Safetensors *file = c->tied ? safetensors_open_model(dir, NULL) : NULL; // without weights there is nothing to see
    const Safetensor *head = file ? safetensors_find(file, "lm_head.weight") : NULL;
    const Safetensor *embed = file ? safetensors_find(file, "model.embed_tokens.weight") : NULL;
    if (head && embed && !same_values(head, embed)) {
        c->tied = false;
        fprintf(stderr,
                "%s: config.json ties the head to the embedding table, but lm_head.weight has other values: it is "
                "used as it is stored\n",
                dir);
    }
    safetensors_close(file);
}

bool model_config_load(ModelConfig *config, const char *dir, Error *err) {
    char path[4096];
    if (!model_folder_check(dir, err)) return false;
    snprintf(path, sizeof path, "%s/config.json", dir);
    cJSON *json = json_read(path, err);
    bool good = json && from_json(config, json, path, err);
    cJSON_Delete(json);
    if (good) check_head(config, dir);
    snprintf(path, sizeof path, "%s/generation_config.json", dir);
    if (!good || access(path, F_OK) != 0) return good;
    json = json_read(path, err);
    get_eos(config, json);
    cJSON_Delete(json);
    return json && model_config_check(config, path, err);
}

static cJSON *to_json(const ModelConfig *c) {
    cJSON *json = cJSON_CreateObject();
    const char *class = c->qk_norm ? "Qwen3ForCausalLM" : c->qkv_bias ? "Qwen2ForCausalLM" : "LlamaForCausalLM";
    cJSON_AddItemToObject(json, "architectures", cJSON_CreateStringArray(&class, 1));
    cJSON_AddStringToObject(json, "model_type", c->architecture);
#define WRITE(key, size) cJSON_AddNumberToObject(json, key, c->size);
    MODEL_SIZES(WRITE)
    char eps[32]; // 1e-6 as a float would print as 9.99999997e-07
    snprintf(eps, sizeof eps, "%.6g", c->eps);
    cJSON_AddRawToObject(json, "rms_norm_eps", eps);
    cJSON_AddNumberToObject(json, "rope_theta", c->rope_theta);
    cJSON_AddBoolToObject(json, "tie_word_embeddings", c->tied);
    cJSON_AddBoolToObject(json, "attention_bias", c->qkv_bias);
    cJSON_AddStringToObject(json, "hidden_act", "silu");
    cJSON_AddStringToObject(json, "torch_dtype", "float32");
    if (c->rope_factor > 0) {
        cJSON *rope = cJSON_AddObjectToObject(json, "rope_scaling");
        cJSON_AddStringToObject(rope, "rope_type", "llama3");
        cJSON_AddNumberToObject(rope, "factor", c->rope_factor);
        cJSON_AddNumberToObject(rope, "low_freq_factor", c->rope_low_freq);
        cJSON_AddNumberToObject(rope, "high_freq_factor", c->rope_high_freq);
        cJSON_AddNumberToObject(rope, "original_max_position_embeddings", c->rope_original_T);
    }
    if (c->n_eos) cJSON_AddItemToObject(json, "eos_token_id", cJSON_CreateIntArray(c->eos, c->n_eos));
    return json;
}

bool model_config_save(const ModelConfig *c, const char *dir, Error *err) {
    char path[4096];
    cJSON *json = to_json(c), *generation = cJSON_CreateObject();
    if (c->n_eos) cJSON_AddItemToObject(generation, "eos_token_id", cJSON_CreateIntArray(c->eos, c->n_eos));
    snprintf(path, sizeof path, "%s/config.json", dir);
    bool ok = json_replace(path, json, err);
    snprintf(path, sizeof path, "%s/generation_config.json", dir);
    ok = ok && json_replace(path, generation, err);
    cJSON_Delete(json);
    cJSON_Delete(generation);
    return ok;
}
