// tokenizer.json is a pipeline described by its parts. A part that is not known here changes the tokens, so it is refused
// by name.
#include "model/tokenizer/file.h"
#include "base/json.h"
#include <string.h>
#include <utf8proc.h>

static const cJSON *get(const cJSON *json, const char *key) { return json_get(json, key); }
static bool is_on(const cJSON *json, const char *key) { return cJSON_IsTrue(get(json, key)); }
static bool is_empty(const cJSON *item) { return !item || cJSON_IsNull(item) || (cJSON_IsString(item) && !*item->valuestring); }

static const char *text_of(const cJSON *json, const char *key) {
    const cJSON *item = get(json, key);
    return cJSON_IsString(item) ? item->valuestring : "";
}

static bool read_id(const cJSON *item, int *id) {
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble < VOCAB_MAX)) return false;
    *id = (int)item->valuedouble;
    return *id == item->valuedouble;
}

bool normalize_nfc(const char *text, size_t n, char **out, size_t *n_out) {
    utf8proc_uint8_t *result = NULL;
    utf8proc_ssize_t length = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &result,
                                           UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    *out = (char *)result;
    *n_out = length < 0 ? 0 : (size_t)length;
    return length >= 0;
}

// A token as spelled in a file, found or made. `bytes` has room for the spelling.
static bool add_token(Tokenizer *tokenizer, const char *spelling, int id, char *bytes, const char *path, Error *err) {
    Error why = {0};
    size_t n;
    TokenKind kind = token_from_spelling(spelling, strlen(spelling), bytes, &n);
    if (kind == TOKEN_MISSING) return fail(err, "%s: the token of id %d is not UTF-8", path, id);
    return vocab_add(&tokenizer->vocab, id, bytes, n, kind, &why) || fail(err, "%s: %s", path, why.text);
}

// Room for ids up to the highest in the file, and a buffer for the longest spelling.
static bool size_vocab(Tokenizer *tokenizer, const cJSON *vocab, const cJSON *added, char **buffer, const char *path, Error *err) {
    size_t longest = 0, n;
    int top = -1, id;
    if (!cJSON_IsObject(vocab)) return fail(err, "%s: no vocabulary", path);
    for (const cJSON *item = vocab->child; item; item = item->next) {
        if (!read_id(item, &id)) return fail(err, "%s: token \"%.100s\": its id is not a whole number below %d", path, item->string, VOCAB_MAX);
        top = id > top ? id : top;
        longest = (n = strlen(item->string)) > longest ? n : longest;
    }
    for (const cJSON *item = added ? added->child : NULL; item; item = item->next) {
        if (!read_id(get(item, "id"), &id)) return fail(err, "%s: an added token's id is not a whole number below %d", path, VOCAB_MAX);
        top = id > top ? id : top;
        longest = (n = strlen(text_of(item, "content"))) > longest ? n : longest;
    }
    if (top < 0) return fail(err, "%s: the vocabulary is empty", path);
    *buffer = malloc(3 * longest + 2); // form C of an added token may be three times as long
    if (!*buffer || !vocab_init(&tokenizer->vocab, top + 1)) return fail(err, "%s: out of memory", path);
    return true;
}

static bool read_vocab(Tokenizer *tokenizer, const cJSON *vocab, char *buffer, const char *path, Error *err) {
    int id = 0;
    for (const cJSON *item = vocab->child; item; item = item->next)
        if (!read_id(item, &id) || !add_token(tokenizer, item->string, id, buffer, path, err)) return false;
    return true;
}

// The token may be in the vocabulary already, under the same id.
static bool add_added(Tokenizer *tokenizer, const cJSON *item, int id, const char *content, size_t n, char *buffer, const char *path, Error *err) {
    Error why = {0};
    Vocab *vocab = &tokenizer->vocab;
    size_t n_bytes;
    TokenKind kind = token_from_spelling(content, n, buffer, &n_bytes);
    if (kind == TOKEN_MISSING) return fail(err, "%s: added token %d is not UTF-8", path, id);
    int known = vocab_find(vocab, buffer, n_bytes, kind);
    if (known >= 0 && known != id) return fail(err, "%s: added token \"%.100s\" has ids %d and %d", path, content, known, id);
    if (known < 0 && !vocab_add(vocab, id, content, n, TOKEN_LITERAL, &why)) return fail(err, "%s: %s", path, why.text);
    vocab->entries[id].special = is_on(item, "special");
    AddedTokens *matched = is_on(item, "normalized") ? &tokenizer->normalized : &tokenizer->raw;
    return added_add(matched, content, n, id, is_on(item, "lstrip"), is_on(item, "rstrip")) || fail(err, "%s: out of memory", path);
}

static bool read_added(Tokenizer *tokenizer, const cJSON *added, char *buffer, const char *path, Error *err) {
    int id = 0;
    if (added && !cJSON_IsArray(added)) return fail(err, "%s: added_tokens is not a list", path);
    for (const cJSON *item = added ? added->child : NULL; item; item = item->next) {
        const char *content = text_of(item, "content");
        size_t n = strlen(content);
        char *form = NULL;
        if (!read_id(get(item, "id"), &id) || !*content) return fail(err, "%s: an added token without id or content", path);
        if (is_on(item, "single_word")) return fail(err, "%s: added token \"%.100s\": single_word is not supported", path, content);
        if (is_on(item, "normalized") && tokenizer->nfc && !normalize_nfc(content, n, &form, &n)) return fail(err, "%s: added token %d is not UTF-8", path, id);
        bool good = add_added(tokenizer, item, id, form ? form : content, n, buffer, path, err);
        free(form);
        if (!good) return false;
    }
    added_sort(&tokenizer->raw);
    added_sort(&tokenizer->normalized);
    return true;
}

// One merge: the pair and what it makes must be tokens. The halves are spelled like tokens.
static bool add_merge(Tokenizer *tokenizer, const char *left, size_t n_left, const char *right, size_t n_right, uint32_t rank,
                      char *buffer, const char *path, Error *err) {
    const Vocab *vocab = &tokenizer->vocab;
    size_t n, n_more;
    if (n_left + n_right > 4 * vocab->longest) return fail(err, "%s: merge %u: longer than any token", path, rank);
    if (token_from_spelling(left, n_left, buffer, &n) != TOKEN_BYTES || n == 0 ||
        token_from_spelling(right, n_right, buffer + n, &n_more) != TOKEN_BYTES || n_more == 0)
        return fail(err, "%s: merge %u: not two tokens of the byte alphabet: \"%.60s\"", path, rank, left);
    int a = vocab_find(vocab, buffer, n, TOKEN_BYTES), b = vocab_find(vocab, buffer + n, n_more, TOKEN_BYTES);
    int both = vocab_find(vocab, buffer, n + n_more, TOKEN_BYTES);
    if (a < 0 || b < 0 || both < 0)
        return fail(err, "%s: merge %u: \"%.*s\" + \"%.*s\": %s is not in the vocabulary", path, rank, (int)(n_left < 60 ? n_left : 60), left,
                    (int)(n_right < 60 ? n_right : 60), right, a < 0 ? "the left one" : b < 0 ? "the right one" : "what they make");
    merges_add(&tokenizer->merges, a, b, rank, both);
    return true;
}

// Merges are pairs ["a", "b"] or, in older files, one string "a b".
static bool read_merges(Tokenizer *tokenizer, const cJSON *merges, const char *path, Error *err) {
    if (!cJSON_IsArray(merges)) return fail(err, "%s: no list of merges", path);
    uint32_t rank = 0;
    char *buffer = malloc(4 * tokenizer->vocab.longest + 16);
    bool good = (buffer && merges_init(&tokenizer->merges, (size_t)cJSON_GetArraySize(merges))) || fail(err, "%s: out of memory", path);
    for (const cJSON *item = merges->child; good && item; item = item->next, rank++) {
        const cJSON *first = item->child, *second = first ? first->next : NULL;
        const char *left = cJSON_IsString(item) ? item->valuestring : cJSON_IsString(first) ? first->valuestring : NULL;
        const char *right = cJSON_IsString(second) && !second->next ? second->valuestring : NULL;
        size_t n_left = left ? strlen(left) : 0;
        if (cJSON_IsString(item)) {
            const char *space = strchr(left, ' ');
            n_left = space ? (size_t)(space - left) : 0;
            right = space ? space + 1 : NULL;
        }
        if (!left || !right) good = fail(err, "%s: merge %u is not a pair of tokens", path, rank);
        else good = add_merge(tokenizer, left, n_left, right, strlen(right), rank, buffer, path, err);
    }
    free(buffer);
    return good;
}

static bool read_normalizer(Tokenizer *tokenizer, const cJSON *normalizer, int depth, const char *path, Error *err) {
    if (!normalizer || cJSON_IsNull(normalizer)) return true;
    const char *type = text_of(normalizer, "type");
    if (strcmp(type, "NFC") == 0) return tokenizer->nfc = true;
    if (strcmp(type, "Sequence") || depth > 8) return fail(err, "%s: normalizer \"%.40s\" is not supported", path, type);
    const cJSON *parts = get(normalizer, "normalizers");
    for (const cJSON *part = parts ? parts->child : NULL; part; part = part->next)
        if (!read_normalizer(tokenizer, part, depth + 1, path, err)) return false;
    return true;
}

static bool read_split(Tokenizer *tokenizer, const cJSON *json, Error *err) {
    const char *behavior = text_of(json, "behavior");
    const cJSON *pattern = get(json, "pattern"), *regex = get(pattern, "Regex"), *text = get(pattern, "String");
    bool removed = strcmp(behavior, "Removed") == 0, invert = is_on(json, "invert");
    if (!removed && strcmp(behavior, "Isolated") != 0) return fail(err, "Split with behavior \"%.40s\" is not supported", behavior);
    if (cJSON_IsString(regex)) return splitter_add(&tokenizer->splitter, regex->valuestring, removed && !invert, removed && invert, err);
    if (cJSON_IsString(text)) return splitter_add_text(&tokenizer->splitter, text->valuestring, removed && !invert, removed && invert, err);
    return fail(err, "Split without a pattern");
}

// byte_level: set where the last step to the byte alphabet is named, without which the model would see plain characters.
static bool read_pre_tokenizer(Tokenizer *tokenizer, const cJSON *json, int depth, bool *byte_level, Error *err) {
    const char *type = text_of(json, "type");
    if (*byte_level) return fail(err, "pre-tokenizer \"%.40s\" behind ByteLevel is not supported", type);
    if (strcmp(type, "ByteLevel") == 0) {
        *byte_level = true;
        if (is_on(json, "add_prefix_space")) return fail(err, "ByteLevel with add_prefix_space is not supported");
        return cJSON_IsFalse(get(json, "use_regex")) || splitter_add_gpt2(&tokenizer->splitter, err);
    }
    if (strcmp(type, "Split") == 0) return read_split(tokenizer, json, err);
    if (strcmp(type, "Digits") == 0)
        return splitter_add(&tokenizer->splitter, is_on(json, "individual_digits") ? "\\p{N}" : "\\p{N}+", false, false, err);
    if (strcmp(type, "Sequence") || depth > 8) return fail(err, "pre-tokenizer \"%.40s\" is not supported", type);
    const cJSON *parts = get(json, "pretokenizers");
    for (const cJSON *part = parts ? parts->child : NULL; part; part = part->next)
        if (!read_pre_tokenizer(tokenizer, part, depth + 1, byte_level, err)) return false;
    return true;
}

static bool check_model(const cJSON *model, const char *path, Error *err) {
    static const char *const unused[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix"};
    const char *type = text_of(model, "type");
    if (!cJSON_IsObject(model)) return fail(err, "%s: no model: is this a tokenizer.json?", path);
    if (*type ? strcmp(type, "BPE") != 0 : !get(model, "merges")) return fail(err, "%s: model \"%.40s\" is not supported (only BPE is)", path, type);
    for (int i = 0; i < 3; i++)
        if (!is_empty(get(model, unused[i]))) return fail(err, "%s: the model's %s is not supported", path, unused[i]);
    return !is_on(model, "byte_fallback") || fail(err, "%s: the model's byte_fallback is not supported", path);
}

static bool check_ids(const Tokenizer *tokenizer, const char *path, Error *err) {
    for (int id = 0; id < tokenizer->vocab.size; id++)
        if (tokenizer->vocab.entries[id].kind == TOKEN_MISSING) return fail(err, "%s: no token has id %d of %d", path, id, tokenizer->vocab.size);
    return true;
}

// Marks the tokens that BPE makes of their own bytes: a word equal to one needs no merging.
static bool mark_whole(Tokenizer *tokenizer, const char *path, Error *err) {
    Vocab *vocab = &tokenizer->vocab;
    BpeSpace space = {0};
    bool good = true;
    for (int id = 0; good && id < vocab->size; id++) {
        TokenEntry *entry = &vocab->entries[id];
        if (entry->kind != TOKEN_BYTES || entry->len == 0) continue;
        good = bpe_reserve(&space, entry->len) || fail(err, "%s: out of memory", path);
        if (good) entry->whole = tokenizer->ignore_merges || bpe_word(&tokenizer->merges, vocab, vocab_bytes(vocab, id), entry->len, &space) == 1;
    }
    bpe_free(&space);
    return good;
}

bool tokenizer_read_json(Tokenizer *tokenizer, const cJSON *json, const char *path, Error *err) {
    const cJSON *model = get(json, "model"), *added = get(json, "added_tokens"), *pre = get(json, "pre_tokenizer");
    char *buffer = NULL;
    bool byte_level = false;
    Error why = {0};
    if (!check_model(model, path, err) || !read_normalizer(tokenizer, get(json, "normalizer"), 0, path, err)) return false;
    if (!read_pre_tokenizer(tokenizer, pre, 0, &byte_level, &why)) return fail(err, "%s: %s", path, why.text);
    if (!byte_level) return fail(err, "%s: not byte-level: its pre_tokenizer does not end in ByteLevel", path);
    tokenizer->ignore_merges = is_on(model, "ignore_merges");
    bool good = size_vocab(tokenizer, get(model, "vocab"), added, &buffer, path, err) &&
                read_vocab(tokenizer, get(model, "vocab"), buffer, path, err) && read_added(tokenizer, added, buffer, path, err) &&
                check_ids(tokenizer, path, err) && read_merges(tokenizer, get(model, "merges"), path, err) &&
                mark_whole(tokenizer, path, err);
    free(buffer);
    return good;
}
