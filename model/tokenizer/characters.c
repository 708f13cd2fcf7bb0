// Optional (Hugging Face models): the character tokenizer, a tokenizer.json of byte-level BPE without merges, and a
// tokenizer_config.json: tokenizer_load and Hugging Face read it like any other.
#include "base/files.h"
#include "base/json.h"
#include "model/tokenizer/tokenizer.h"
#include "model/tokenizer/vocab.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <utf8proc.h>

#define BYTE_LEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}"
static const char EMPTY[] =
    "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[],\"normalizer\":null,"
    "\"pre_tokenizer\":" BYTE_LEVEL ",\"post_processor\":null,\"decoder\":" BYTE_LEVEL ","
    "\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":null,\"continuing_subword_prefix\":null,"
    "\"end_of_word_suffix\":null,\"fuse_unk\":false,\"byte_fallback\":false,\"ignore_merges\":false,\"vocab\":{},"
    "\"merges\":[]}}";

static bool add_special(cJSON *list, const char *content, int id) {
    static const char *const off[] = {"single_word", "lstrip", "rstrip", "normalized"};
    cJSON *token = cJSON_CreateObject();
    cJSON_AddNumberToObject(token, "id", id);
    cJSON_AddStringToObject(token, "content", content);
    for (int i = 0; i < 4; i++) cJSON_AddFalseToObject(token, off[i]);
    cJSON_AddTrueToObject(token, "special");
    return cJSON_AddItemToArray(list, token);
}

static const cJSON *add_token(cJSON *vocab, const char *spelling, int id) {
    return json_get(vocab, spelling) ? NULL : cJSON_AddNumberToObject(vocab, spelling, id);
}

static bool is_plain(const char *text) { // printable ASCII: its spelling is itself
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c > '~') return false;
    return *text != 0;
}

static bool add_vocab(cJSON *added, cJSON *vocab, const char *characters, const char *const *special, int n_special,
                      Error *err) {
    for (int i = 0; i < n_special; i++)
        if (!is_plain(special[i]) || !add_token(vocab, special[i], i) || !add_special(added, special[i], i))
            return fail(err, "the special token \"%s\" is empty, not printable ASCII, or given twice", special[i]);
    for (int i = 0; characters[i]; i++) {
        utf8proc_uint8_t spelling[8] = {0};
        unsigned char byte = (unsigned char)characters[i];
        if (byte >= 128) return fail(err, "byte 0x%02x: the characters of a character tokenizer are ASCII", byte);
        utf8proc_encode_char(spelling_of_byte(byte), spelling);
        if (!add_token(vocab, (const char *)spelling, n_special + i))
            return fail(err, "the character 0x%02x is given twice", byte);
    }
    return true;
}

bool tokenizer_write_characters(const char *dir, const char *characters, const char *const *special, int n_special,
                                Error *err) {
    char path[4200];
    Error why = {0};
    if (strlen(dir) > 4096) return fail(err, "the path of the folder is too long");
    if (!*characters) return fail(err, "%s: a tokenizer without characters", dir);
    cJSON *json = cJSON_Parse(EMPTY), *added = cJSON_GetObjectItem(json, "added_tokens");
    cJSON *vocab = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "model"), "vocab");
    REQUIRE(vocab, "out of memory");
    cJSON *config = cJSON_CreateObject();
    cJSON_AddStringToObject(config, "tokenizer_class", "PreTrainedTokenizerFast");
    cJSON_AddFalseToObject(config, "clean_up_tokenization_spaces");
    if (strchr(characters, '\n')) cJSON_AddStringToObject(config, "eos_token", "\u010a"); // the line feed's spelling
    bool good = add_vocab(added, vocab, characters, special, n_special, &why) || fail(err, "%s: %s", dir, why.text);
    good = good && (mkdir(dir, 0777) == 0 || errno == EEXIST || fail(err, "%s: %s", dir, strerror(errno)));
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    good = good && json_replace(path, json, err);
    snprintf(path, sizeof path, "%s/tokenizer_config.json", dir);
    good = good && json_replace(path, config, err);
    cJSON_Delete(json);
    cJSON_Delete(config);
    return good;
}
