// Optional (Hugging Face models): GPT-2's own files.
// encoder.json maps tokens to ids; vocab.bpe has a line "#version" and then a line "left right" per merge, in order of
// rank. They are converted to the equivalent tokenizer.json.
#include "model/tokenizer/file.h"
#include "base/json.h"
#include <string.h>

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
    cJSON *json = cJSON_Parse("{\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\",\"merges\":[]},"
                              "\"added_tokens\":[{\"content\":\"<|endoftext|>\",\"special\":true}]}");
    cJSON *model = cJSON_GetObjectItem(json, "model"), *added = cJSON_GetObjectItem(json, "added_tokens");
    REQUIRE(json && cJSON_AddItemToObject(model, "vocab", encoder), "out of memory");
    const cJSON *end = json_get(encoder, "<|endoftext|>");
    if (cJSON_IsNumber(end)) cJSON_AddNumberToObject(added->child, "id", end->valuedouble);
    else cJSON_DeleteItemFromArray(added, 0);
    if (add_merges(cJSON_GetObjectItem(model, "merges"), merges, merges_path, err)) return json;
    cJSON_Delete(json);
    return NULL;
}
