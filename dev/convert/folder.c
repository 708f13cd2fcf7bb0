// Optional (converters): what both converters write: tokenizer.json, tokenizer_config.json, reordered q and k rows.
#include "dev/convert/convert.h"
#include "base/json.h"
#include <string.h>

void convert_rotation_rows(float *dst, const float *src, int heads, int HS, int C) {
    size_t row = (size_t)C;
    for (int h = 0; h < heads; h++)
        for (int i = 0; i < HS; i++) {
            size_t from = (size_t)h * (size_t)HS + (size_t)(i < HS / 2 ? 2 * i : 2 * (i - HS / 2) + 1);
            memcpy(dst + ((size_t)h * (size_t)HS + (size_t)i) * row, src + from * row, row * sizeof *dst);
        }
}

static void add_flags(cJSON *json, const char *const *names, int n, bool value) {
    for (int i = 0; i < n; i++) cJSON_AddBoolToObject(json, names[i], value);
}

static void add_byte_level(cJSON *part, bool use_regex) {
    cJSON_AddStringToObject(part, "type", "ByteLevel");
    cJSON_AddFalseToObject(part, "add_prefix_space");
    cJSON_AddTrueToObject(part, "trim_offsets");
    cJSON_AddBoolToObject(part, "use_regex", use_regex);
}

static void add_pre_tokenizer(cJSON *json, const ConvertedTokenizer *t) {
    cJSON *pre = cJSON_AddObjectToObject(json, "pre_tokenizer");
    cJSON_AddStringToObject(pre, "type", "Sequence");
    cJSON *parts = cJSON_AddArrayToObject(pre, "pretokenizers"), *level = cJSON_CreateObject();
    if (t->digits || t->split) {
        cJSON *first = cJSON_CreateObject();
        cJSON_AddItemToArray(parts, first);
        cJSON_AddStringToObject(first, "type", t->digits ? "Digits" : "Split");
        if (t->digits) cJSON_AddTrueToObject(first, "individual_digits");
        else {
            cJSON_AddStringToObject(cJSON_AddObjectToObject(first, "pattern"), "Regex", t->split);
            cJSON_AddStringToObject(first, "behavior", "Isolated");
            cJSON_AddFalseToObject(first, "invert");
        }
    }
    add_byte_level(level, t->gpt2_split);
    cJSON_AddItemToArray(parts, level);
}

static void add_model(cJSON *json, const ConvertedTokenizer *t) {
    static const char *const none[] = {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"};
    static const char *const off[] = {"fuse_unk", "byte_fallback"};
    cJSON *model = cJSON_AddObjectToObject(json, "model");
    cJSON_AddStringToObject(model, "type", "BPE");
    for (int i = 0; i < 4; i++) cJSON_AddNullToObject(model, none[i]);
    add_flags(model, off, 2, false);
    cJSON_AddBoolToObject(model, "ignore_merges", t->ignore_merges);
    cJSON *vocab = cJSON_AddObjectToObject(model, "vocab");
    for (int i = 0; i < t->V; i++) cJSON_AddNumberToObject(vocab, t->tokens[i], i);
    cJSON_AddItemToObject(model, "merges", cJSON_CreateStringArray(t->merges, (int)t->n_merges));
}

static cJSON *tokenizer_json(const ConvertedTokenizer *t) {
    static const char *const off[] = {"single_word", "lstrip", "rstrip", "normalized"};
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "version", "1.0");
    cJSON_AddNullToObject(json, "truncation");
    cJSON_AddNullToObject(json, "padding");
    cJSON *added = cJSON_AddArrayToObject(json, "added_tokens");
    for (int i = 0; i < t->V; i++) {
        if (!t->is_added[i]) continue;
        cJSON *token = cJSON_CreateObject();
        cJSON_AddNumberToObject(token, "id", i);
        cJSON_AddStringToObject(token, "content", t->tokens[i]);
        add_flags(token, off, 4, false);
        cJSON_AddBoolToObject(token, "special", t->is_special[i]);
        cJSON_AddItemToArray(added, token);
    }
    if (t->nfc) cJSON_AddStringToObject(cJSON_AddObjectToObject(json, "normalizer"), "type", "NFC");
    else cJSON_AddNullToObject(json, "normalizer");
    add_pre_tokenizer(json, t);
    cJSON_AddNullToObject(json, "post_processor");
    add_byte_level(cJSON_AddObjectToObject(json, "decoder"), false);
    add_model(json, t);
    return json;
}

static cJSON *config_json(const ConvertedTokenizer *t) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "tokenizer_class", "PreTrainedTokenizerFast");
    cJSON_AddFalseToObject(json, "clean_up_tokenization_spaces");
    if (t->bos >= 0) cJSON_AddStringToObject(json, "bos_token", t->tokens[t->bos]);
    if (t->eos >= 0) cJSON_AddStringToObject(json, "eos_token", t->tokens[t->eos]);
    if (t->chat_template) cJSON_AddStringToObject(json, "chat_template", t->chat_template);
    return json;
}

bool convert_write_tokenizer(const ConvertedTokenizer *t, const char *dir, Error *err) {
    char path[4200];
    cJSON *json = tokenizer_json(t), *config = config_json(t);
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    bool ok = json_replace(path, json, err);
    snprintf(path, sizeof path, "%s/tokenizer_config.json", dir);
    ok = ok && json_replace(path, config, err);
    cJSON_Delete(json), cJSON_Delete(config);
    return ok;
}
