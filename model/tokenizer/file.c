// Optional (Hugging Face models): the reader of tokenizer.json, which describes a pipeline by its components. One that
// is unknown would change the tokens, so it is an error that names it.
#include "model/tokenizer/file.h"
#include "base/json.h"
#include <string.h>
#include <utf8proc.h>

static bool is_on(const cJSON *json, const char *key) { return json_bool(json, key, false); }
static const char *text_of(const cJSON *json, const char *key) { return json_string(json, key, ""); }

static bool read_id(const cJSON *item, int *id) {
    *id = json_whole(item);
    return *id >= 0 && *id < VOCAB_MAX;
}

bool normalize_nfc(const char *text, size_t n, char **out, size_t *n_out) {
    utf8proc_uint8_t *result = NULL;
    utf8proc_ssize_t length = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &result,
                                           UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    *out = (char *)result;
    *n_out = length < 0 ? 0 : (size_t)length;
    return length >= 0;
}

// Reads the id of a token in the file; keeps the highest one, and the length of the longest spelling.
static bool survey(const cJSON *id_item, const char *spelling, int *top, size_t *longest) {
    int id;
    if (!read_id(id_item, &id)) return false;
    if (id > *top) *top = id;
    if (strlen(spelling) > *longest) *longest = strlen(spelling);
    return true;
}

// Makes room for ids up to the highest in the file, and a buffer for the longest spelling.
static bool size_vocab(Tokenizer *t, const cJSON *vocab, const cJSON *added, char **buffer, Error *err) {
    size_t longest = 0;
    int top = -1;
    const cJSON *item;
    if (!cJSON_IsObject(vocab)) return fail(err, "no vocabulary");
    cJSON_ArrayForEach(item, vocab) if (!survey(item, item->string, &top, &longest))
        return fail(err, "token \"%.100s\": its id is not a whole number below %d", item->string, VOCAB_MAX);
    cJSON_ArrayForEach(item, added) if (!survey(json_get(item, "id"), text_of(item, "content"), &top, &longest))
        return fail(err, "an added token's id is not a whole number below %d", VOCAB_MAX);
    if (top < 0) return fail(err, "the vocabulary is empty");
    *buffer = malloc(3 * longest + 2); // NFC may make an added token three times as long
    return (*buffer && vocab_init(&t->vocab, top + 1)) || fail(err, "out of memory");
}

static bool read_vocab(Tokenizer *t, const cJSON *vocab, char *buffer, Error *err) {
    int id = 0;
    size_t n;
    for (const cJSON *item = vocab->child; item; item = item->next) {
        TokenKind kind = token_from_spelling(item->string, strlen(item->string), buffer, &n);
        if (!read_id(item, &id) || kind == TOKEN_MISSING) return fail(err, "the token of id %d is not UTF-8", id);
        if (!vocab_add(&t->vocab, id, buffer, n, kind, err)) return false;
    }
    return true;
}

// The token may be in the vocabulary already, with the same id.
static bool add_added(Tokenizer *t, const cJSON *item, int id, const char *content, size_t n, char *buffer,
                      Error *err) {
    Vocab *vocab = &t->vocab;
    size_t n_bytes;
    TokenKind kind = token_from_spelling(content, n, buffer, &n_bytes);
    if (kind == TOKEN_MISSING) return fail(err, "added token %d is not UTF-8", id);
    int known = vocab_find(vocab, buffer, n_bytes, kind);
    if (known >= 0 && known != id) return fail(err, "added token \"%.100s\" has ids %d and %d", content, known, id);
    if (known < 0 && !vocab_add(vocab, id, content, n, TOKEN_LITERAL, err)) return false;
    vocab->entries[id].special = is_on(item, "special");
    AddedTokens *matched = is_on(item, "normalized") ? &t->normalized : &t->raw;
    added_add(matched, content, n, id, is_on(item, "lstrip"), is_on(item, "rstrip"));
    return true;
}

static bool read_added(Tokenizer *t, const cJSON *added, char *buffer, Error *err) {
    int id = 0;
    if (added && !cJSON_IsArray(added)) return fail(err, "added_tokens is not a list");
    const cJSON *item;
    cJSON_ArrayForEach(item, added) {
        const char *content = text_of(item, "content");
        size_t n = strlen(content);
        char *form = NULL;
        if (!read_id(json_get(item, "id"), &id) || n == 0) return fail(err, "an added token without id or content");
        if (is_on(item, "single_word"))
            return fail(err, "added token \"%.100s\": single_word is not supported", content);
        if (is_on(item, "normalized") && t->nfc && !normalize_nfc(content, n, &form, &n))
            return fail(err, "added token %d is not UTF-8", id);
        bool good = add_added(t, item, id, form ? form : content, n, buffer, err);
        free(form);
        if (!good) return false;
    }
    added_sort(&t->raw);
    added_sort(&t->normalized);
    return true;
}

// One merge, whose halves are spelled like tokens. Both halves and the result must be tokens.
static bool add_merge(Tokenizer *t, const char *left, size_t n_left, const char *right, uint32_t rank, char *buffer,
                      Error *err) {
    const Vocab *vocab = &t->vocab;
    size_t n, n_more, n_right = strlen(right);
    if (n_left + n_right > 4 * vocab->longest) return fail(err, "merge %u: longer than any token", rank);
    if (token_from_spelling(left, n_left, buffer, &n) != TOKEN_BYTES || n == 0 ||
        token_from_spelling(right, n_right, buffer + n, &n_more) != TOKEN_BYTES || n_more == 0)
        return fail(err, "merge %u: not two tokens of the byte alphabet: \"%.60s\"", rank, left);
    int a = vocab_find(vocab, buffer, n, TOKEN_BYTES), b = vocab_find(vocab, buffer + n, n_more, TOKEN_BYTES);
    int both = vocab_find(vocab, buffer, n + n_more, TOKEN_BYTES);
    const char *missing = a < 0 ? "the left one" : b < 0 ? "the right one" : both < 0 ? "the result" : NULL;
    if (missing)
        return fail(err, "merge %u: \"%.*s\" + \"%.60s\": %s is not in the vocabulary", rank,
                    (int)(n_left < 60 ? n_left : 60), left, right, missing);
    merges_add(&t->merges, a, b, rank, both);
    return true;
}

// Merges are pairs ["a", "b"] or, in older files, one string "a b".
static bool read_merges(Tokenizer *t, const cJSON *merges, Error *err) {
    if (!cJSON_IsArray(merges)) return fail(err, "no list of merges");
    uint32_t rank = 0;
    char *buffer = malloc(4 * t->vocab.longest + 16);
    bool good = buffer && merges_init(&t->merges, (size_t)cJSON_GetArraySize(merges));
    if (!good) fail(err, "out of memory");
    for (const cJSON *item = merges->child; good && item; item = item->next, rank++) {
        const cJSON *first = item->child, *second = first ? first->next : NULL;
        const char *left = NULL, *right = NULL, *end = NULL; // end of left
        if (cJSON_IsString(item)) {
            left = item->valuestring;
            end = strchr(left, ' ');
            right = end ? end + 1 : NULL;
        } else if (cJSON_IsString(first) && cJSON_IsString(second) && !second->next) {
            left = first->valuestring;
            end = left + strlen(left);
            right = second->valuestring;
        }
        good = right ? add_merge(t, left, (size_t)(end - left), right, rank, buffer, err)
                     : fail(err, "merge %u is not a pair of tokens", rank);
    }
    free(buffer);
    return good;
}

static bool read_normalizer(Tokenizer *t, const cJSON *normalizer, int depth, Error *err) {
    if (!normalizer || cJSON_IsNull(normalizer)) return true;
    const char *type = text_of(normalizer, "type");
    if (strcmp(type, "NFC") == 0) return t->nfc = true;
    if (strcmp(type, "Sequence") || depth > 8) return fail(err, "normalizer \"%.40s\" is not supported", type);
    const cJSON *part, *parts = json_get(normalizer, "normalizers");
    cJSON_ArrayForEach(part, parts) if (!read_normalizer(t, part, depth + 1, err)) return false;
    return true;
}

static bool read_split(Tokenizer *t, const cJSON *json, Error *err) {
    const char *behavior = text_of(json, "behavior");
    const cJSON *pattern = json_get(json, "pattern");
    const char *regex = json_string(pattern, "Regex", NULL), *text = text_of(pattern, "String");
    bool removed = strcmp(behavior, "Removed") == 0, invert = is_on(json, "invert");
    if (!removed && strcmp(behavior, "Isolated") != 0)
        return fail(err, "Split with behavior \"%.40s\" is not supported", behavior);
    if (!regex && !*text) return fail(err, "Split without a pattern");
    SplitStage stage = {.literal = !regex, .drop_matches = removed && !invert, .drop_gaps = removed && invert};
    return splitter_add(&t->splitter, regex ? regex : text, stage, err);
}

// Sets *byte_level at the final ByteLevel, the conversion to the byte alphabet.
static bool read_pre_tokenizer(Tokenizer *t, const cJSON *json, int depth, bool *byte_level, Error *err) {
    const char *type = text_of(json, "type");
    if (*byte_level) return fail(err, "pre-tokenizer \"%.40s\" after ByteLevel is not supported", type);
    if (strcmp(type, "ByteLevel") == 0) {
        *byte_level = true;
        if (is_on(json, "add_prefix_space")) return fail(err, "ByteLevel with add_prefix_space is not supported");
        return !json_bool(json, "use_regex", true) || splitter_add(&t->splitter, SPLIT_GPT2, (SplitStage){0}, err);
    }
    if (strcmp(type, "Split") == 0) return read_split(t, json, err);
    const char *digits = is_on(json, "individual_digits") ? "\\p{N}" : "\\p{N}+";
    if (strcmp(type, "Digits") == 0) return splitter_add(&t->splitter, digits, (SplitStage){0}, err);
    if (strcmp(type, "Sequence") || depth > 8) return fail(err, "pre-tokenizer \"%.40s\" is not supported", type);
    const cJSON *part, *parts = json_get(json, "pretokenizers");
    cJSON_ArrayForEach(part, parts) if (!read_pre_tokenizer(t, part, depth + 1, byte_level, err)) return false;
    return true;
}

// What is put before a text: one token, by a template "token text". Nothing else is supported.
static bool read_template(Tokenizer *t, const cJSON *json, Error *err) {
    const cJSON *item;
    bool text = false;
    cJSON_ArrayForEach(item, json_get(json, "single")) {
        const cJSON *special = json_get(item, "SpecialToken");
        text |= json_get(item, "Sequence") != NULL;
        if (!special) continue;
        const cJSON *ids = json_get(json_get(json_get(json, "special_tokens"), text_of(special, "id")), "ids");
        if (text || t->first >= 0 || cJSON_GetArraySize(ids) != 1 || !read_id(ids->child, &t->first))
            return fail(err, "a post_processor that adds more than one token before a text is not supported");
    }
    return true;
}

static bool read_post_processor(Tokenizer *t, const cJSON *json, int depth, Error *err) {
    if (!json || cJSON_IsNull(json)) return true;
    const char *type = text_of(json, "type");
    if (strcmp(type, "ByteLevel") == 0) return true;
    if (strcmp(type, "TemplateProcessing") == 0) return read_template(t, json, err);
    if (strcmp(type, "Sequence") || depth > 8) return fail(err, "post_processor \"%.40s\" is not supported", type);
    const cJSON *part;
    cJSON_ArrayForEach(part,
                       json_get(json, "processors")) if (!read_post_processor(t, part, depth + 1, err)) return false;
    return true;
}

static bool check_model(const cJSON *model, Error *err) {
    static const char *const unused[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix"};
    const char *type = text_of(model, "type");
    if (!cJSON_IsObject(model)) return fail(err, "no model: is this a tokenizer.json?");
    if (*type ? strcmp(type, "BPE") != 0 : !json_get(model, "merges"))
        return fail(err, "model \"%.40s\" is not supported (only BPE is)", type);
    for (int i = 0; i < 3; i++) {
        const cJSON *item = json_get(model, unused[i]);
        bool empty = !item || cJSON_IsNull(item) || (cJSON_IsString(item) && !*item->valuestring);
        if (!empty) return fail(err, "the model's %s is not supported", unused[i]);
    }
    return !is_on(model, "byte_fallback") || fail(err, "the model's byte_fallback is not supported");
}

static bool check_ids(const Vocab *vocab, Error *err) {
    int id = 0;
    while (id < vocab->size && vocab->entries[id].kind != TOKEN_MISSING) id++;
    return id == vocab->size || fail(err, "no token has id %d of %d", id, vocab->size);
}

// Marks the tokens that BPE makes of their own bytes: a word equal to one needs no merging.
static bool mark_whole(Tokenizer *t, Error *err) {
    Vocab *vocab = &t->vocab;
    BpeSpace space = {0};
    if (!bpe_reserve(&space, vocab->longest)) return fail(err, "out of memory");
    for (int id = 0; id < vocab->size; id++) {
        TokenEntry *entry = &vocab->entries[id];
        if (entry->kind != TOKEN_BYTES || entry->len == 0) continue;
        entry->whole = t->ignore_merges || bpe_word(&t->merges, vocab, vocab_bytes(vocab, id), entry->len, &space) == 1;
    }
    bpe_free(&space);
    return true;
}

// The id of a token by its name in tokenizer_config.json: a text, or an added token. -1: none.
static int named_token(const Tokenizer *t, const cJSON *config, const char *key) {
    const cJSON *item = json_get(config, key);
    const char *text = cJSON_IsObject(item) ? text_of(item, "content") : text_of(config, key);
    char bytes[256];
    size_t n = strlen(text);
    if (n == 0 || n >= sizeof bytes) return -1;
    int id = tokenizer_id(t, text);
    TokenKind kind = token_from_spelling(text, n, bytes, &n); // as transformers looks it up: by its spelling
    return id >= 0 || kind == TOKEN_MISSING ? id : vocab_find(&t->vocab, bytes, n, kind);
}

bool tokenizer_read_config(Tokenizer *t, const cJSON *config, const char *path, Error *err) {
    t->eos = named_token(t, config, "eos_token");
    if (is_on(config, "add_eos_token")) return fail(err, "%s: add_eos_token is not supported", path);
    if (json_get(config, "add_bos_token")) // it decides, whatever the post-processor says
        t->first = is_on(config, "add_bos_token") ? named_token(t, config, "bos_token") : -1;
    return true;
}

bool tokenizer_read_json(Tokenizer *t, const cJSON *json, const char *path, Error *err) {
    const cJSON *model = json_get(json, "model"), *vocab = json_get(model, "vocab");
    const cJSON *added = json_get(json, "added_tokens");
    char *buffer = NULL;
    bool byte_level = false;
    Error why = {0};
    bool good = check_model(model, &why) && read_normalizer(t, json_get(json, "normalizer"), 0, &why) &&
                read_pre_tokenizer(t, json_get(json, "pre_tokenizer"), 0, &byte_level, &why);
    t->first = t->eos = -1;
    good = good && read_post_processor(t, json_get(json, "post_processor"), 0, &why);
    if (good && !byte_level) good = fail(&why, "not byte-level: its pre_tokenizer does not end in ByteLevel");
    t->ignore_merges = is_on(model, "ignore_merges");
    good = good && size_vocab(t, vocab, added, &buffer, &why) && read_vocab(t, vocab, buffer, &why) &&
           read_added(t, added, buffer, &why) && check_ids(&t->vocab, &why) &&
           read_merges(t, json_get(model, "merges"), &why) && mark_whole(t, &why);
    if (good && t->first >= t->vocab.size) good = fail(&why, "the post_processor's token %d is not there", t->first);
    free(buffer);
    return good || fail(err, "%s: %s", path, why.text);
}
