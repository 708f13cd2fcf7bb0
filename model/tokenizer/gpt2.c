// Optional (Hugging Face models): GPT-2's own files.
// encoder.json maps tokens to ids; vocab.bpe has a line "#version" and then a line "left right" per merge, in order of
// rank. They are converted to the equivalent tokenizer.json.
#include "model/tokenizer/file.h"
#include "base/json.h"
#include <string.h>

static const char END_OF_TEXT[] = "<|endoftext|>";

static bool add_merges(cJSON *list, const char *text, const char *path, Error *err) {
    char pair[4096];
    int line = 1;
    for (const char *at = text; *at; line++) {
        size_t n = strcspn(at, "\n"), kept = n && at[n - 1] == '\r' ? n - 1 : n;
        if (kept && !(line == 1 && strncmp(at, "#version", 8) == 0)) {
            if (kept >= sizeof pair) return fail(err, "%s:%d: a line of %zu bytes", path, line, kept);
            memcpy(pair, at, kept);
            pair[kept] = 0;
            cJSON *item = cJSON_CreateString(pair);
            if (!cJSON_AddItemToArray(list, item)) return fail(err, "%s: out of memory", path);
        }
        at += at[n] ? n + 1 : n;
    }
    return true;
}

cJSON *tokenizer_json_from_gpt2(cJSON *encoder, const char *merges, const char *merges_path, Error *err) {
    const cJSON *end = json_get(encoder, END_OF_TEXT);
    cJSON *json = cJSON_CreateObject(), *added = cJSON_AddArrayToObject(json, "added_tokens");
    cJSON *pre = cJSON_AddObjectToObject(json, "pre_tokenizer"), *model = cJSON_AddObjectToObject(json, "model");
    cJSON_AddStringToObject(pre, "type", "ByteLevel");
    cJSON_AddStringToObject(model, "type", "BPE");
    if (cJSON_IsNumber(end)) {
        cJSON *token = cJSON_CreateObject();
        cJSON_AddNumberToObject(token, "id", end->valuedouble);
        cJSON_AddStringToObject(token, "content", END_OF_TEXT);
        cJSON_AddTrueToObject(token, "special");
        cJSON_AddItemToArray(added, token);
    }
    cJSON *list = cJSON_AddArrayToObject(model, "merges");
    bool taken = model && cJSON_AddItemToObject(model, "vocab", encoder);
    if (!taken) cJSON_Delete(encoder);
    if (taken && list && add_merges(list, merges, merges_path, err)) return json;
    if (!taken || !list) fail(err, "%s: out of memory", merges_path);
    cJSON_Delete(json);
    return NULL;
}
