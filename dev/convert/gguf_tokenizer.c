// Optional (converters): a GGUF file's tokenizer as tokenizer.json. GGUF only names the pre-tokenizer's pattern
// (tokenizer.ggml.pre); the patterns here come from the tokenizer.json files of the models.
#include "dev/convert/gguf_model.h"
#include "base/text.h"
#include "model/tokenizer/vocab.h"
#include <string.h>

enum { CONTROL = 3, USER_DEFINED = 4 };

#define SPLIT(NUMBERS)                                                                                                 \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" NUMBERS                                              \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
static const char LLAMA3[] = SPLIT("\\p{N}{1,3}"), QWEN2[] = SPLIT("\\p{N}");

static bool choose_split(ConvertedTokenizer *t, const Gguf *file, Error *err) {
    GgufText pre = gguf_text(file, "tokenizer.ggml.pre");
    if (gguf_text_is(pre, "gpt-2")) t->gpt2_split = true;
    else if (gguf_text_is(pre, "smollm")) t->digits = t->gpt2_split = true;
    else if (gguf_text_is(pre, "llama-bpe")) t->split = LLAMA3, t->ignore_merges = true;
    else if (gguf_text_is(pre, "qwen2")) t->split = QWEN2, t->nfc = true;
    else return fail(err, "%s: tokenizer.ggml.pre is \"%.*s\"; gpt-2, smollm, llama-bpe and qwen2 are known",
                     file->path, GGUF_SHOWN(pre));
    return true;
}

static const GgufPair *strings(const Gguf *file, const char *key, Error *err) {
    const GgufPair *p = gguf_find(file, key);
    if (p && p->is_array && p->type == GGUF_STRING && p->count < VOCAB_MAX) return p;
    fail(err, "%s: no list of strings %s", file->path, key);
    return NULL;
}

// Writes list (pair->count): copies, which the caller frees.
static bool copy_strings(const char **list, const GgufPair *pair, const char *path, Error *err) {
    size_t at = 0;
    uint64_t index = 0;
    for (GgufText text; (text = gguf_next_string(pair, &at, &index)).bytes;) {
        list[index - 1] = gguf_text_copy(text);
        if (memchr(text.bytes, 0, text.n) || !utf8_valid(text.bytes, text.n, NULL))
            return fail(err, "%s: string %llu of %.*s is not UTF-8 text", path, (unsigned long long)index - 1,
                        GGUF_SHOWN(pair->key));
    }
    return true;
}

static bool mark_kinds(unsigned char *is_added, unsigned char *is_special, const Gguf *file, int V, Error *err) {
    const GgufPair *types = gguf_find(file, "tokenizer.ggml.token_type");
    if (!types || !types->is_array || types->type == GGUF_STRING || types->count != (uint64_t)V)
        return fail(err, "%s: no tokenizer.ggml.token_type for each of its %d tokens", file->path, V);
    for (int i = 0; i < V; i++) {
        double type = gguf_element(types, (uint64_t)i);
        is_added[i] = type == CONTROL || type == USER_DEFINED;
        is_special[i] = type == CONTROL;
    }
    return true;
}

static int token_id(const Gguf *file, const char *key, int V) {
    double id = gguf_number(file, key, -1);
    return id >= 0 && id < V ? (int)id : -1;
}

bool gguf_write_tokenizer(const Gguf *file, int V, const char *dir, Error *err) {
    ConvertedTokenizer t = {.V = V, .bos = token_id(file, "tokenizer.ggml.bos_token_id", V),
                            .eos = token_id(file, "tokenizer.ggml.eos_token_id", V)};
    GgufText model = gguf_text(file, "tokenizer.ggml.model"), chat = gguf_text(file, "tokenizer.chat_template");
    if (!gguf_text_is(model, "gpt2"))
        return fail(err, "%s: its tokenizer is \"%.*s\"; only byte-level BPE (\"gpt2\") is converted", file->path,
                    GGUF_SHOWN(model));
    const GgufPair *tokens = strings(file, "tokenizer.ggml.tokens", err);
    const GgufPair *merges = tokens ? strings(file, "tokenizer.ggml.merges", err) : NULL;
    if (!merges || !choose_split(&t, file, err)) return false;
    if (tokens->count != (uint64_t)V)
        return fail(err, "%s: %llu tokens for an embedding of %d", file->path, (unsigned long long)tokens->count, V);
    t.n_merges = (size_t)merges->count;
    t.tokens = calloc((size_t)V + 1, sizeof *t.tokens);
    t.merges = calloc(t.n_merges + 1, sizeof *t.merges);
    unsigned char *is_added = calloc((size_t)V + 1, 1), *is_special = calloc((size_t)V + 1, 1);
    char *chat_template = chat.bytes ? gguf_text_copy(chat) : NULL;
    t.is_added = is_added, t.is_special = is_special, t.chat_template = chat_template;
    bool ok = (t.tokens && t.merges && is_added && is_special) || fail(err, "%s: out of memory", file->path);
    ok = ok && copy_strings(t.tokens, tokens, file->path, err) && copy_strings(t.merges, merges, file->path, err) &&
         mark_kinds(is_added, is_special, file, V, err) && convert_write_tokenizer(&t, dir, err);
    for (int i = 0; t.tokens && i < V; i++) free((char *)t.tokens[i]);
    for (size_t i = 0; t.merges && i < t.n_merges; i++) free((char *)t.merges[i]);
    free(t.tokens), free(t.merges), free(is_added), free(is_special), free(chat_template);
    return ok;
}
