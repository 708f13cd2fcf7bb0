// Shared by the tokenizer tests: the committed cases, and the hash of their maker, dev/reference/make_tokenizers.py.
#ifndef TESTS_MODEL_TOKENIZER_TOKENIZER_CASES_H
#define TESTS_MODEL_TOKENIZER_TOKENIZER_CASES_H
#include "base/json.h"
#include "model/tokenizer/decode.h"
#include "model/tokenizer/file.h"
#include "tests/model/tokenizer/tokenizer_texts.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <inttypes.h>
#include <string.h>
#include <utf8proc.h>

#define TOKENIZER_FIXTURES "tests/model/fixtures/tokenizers"

// FNV-1a over whole numbers
typedef struct Hash {
    uint64_t value;
    long texts, numbers;
} Hash;

static inline Hash hash_start(void) { return (Hash){.value = 0xcbf29ce484222325u}; }
static inline void hash_add(Hash *hash, uint64_t number) { hash->value = (hash->value ^ number) * 0x100000001b3u; }

static inline void hash_ids(Hash *hash, const int *ids, int n) {
    for (int i = 0; i < n; i++) hash_add(hash, (uint64_t)ids[i]);
    hash_add(hash, (uint64_t)n);
    hash->texts++;
    hash->numbers += n;
}

// The line of expected.txt "tokenizer source ..." must be what was hashed.
static inline void hash_check(const Hash *hash, const char *tokenizer, const char *source) {
    char line[200], start[100], want[200];
    FILE *file = fopen(TOKENIZER_FIXTURES "/expected.txt", "r");
    assert_non_null(file);
    int n = snprintf(start, sizeof start, "%s %s ", tokenizer, source);
    bool found = false;
    while (!found && fgets(line, sizeof line, file)) found = strncmp(line, start, (size_t)n) == 0;
    fclose(file);
    if (!found) fail_msg("expected.txt has no line \"%s\"", start);
    snprintf(want, sizeof want, "%s%ld %ld %016" PRIx64 "\n", start, hash->texts, hash->numbers, hash->value);
    assert_string_equal(line, want);
}

static inline cJSON *cases_read(void) {
    Error err = {""};
    cJSON *cases = json_read(TOKENIZER_FIXTURES "/cases.json", &err);
    if (!cases) fail_msg("%s", err.text);
    return cases;
}

static inline Tokenizer *load_tokenizer(const char *path) {
    Error err = {""};
    Tokenizer *t = tokenizer_load(path, &err);
    if (!t) fail_msg("%s", err.text);
    return t;
}

// One of the small tokenizers does not give every text back: an added token of smollm2 takes spaces with it.
static inline bool is_lossless(const char *name) { return strcmp(name, "smollm2") != 0; }

// Encodes, checks that the ids give the text (in form C where the tokenizer normalises) back, and hashes them.
static inline void encode_and_hash(const Tokenizer *t, const char *name, const char *text, size_t n, Hash *hash) {
    Error err = {""};
    size_t n_back, n_form = n;
    int room = 3 * (int)n + 1, *ids = malloc((size_t)room * sizeof *ids);
    char *form = NULL;
    assert_non_null(ids);
    int count = tokenizer_encode(t, text, n, ids, room, &err);
    if (count < 0) fail_msg("%s", err.text);
    char *back = tokenizer_decode(t, ids, count, &n_back, &err);
    if (!back) fail_msg("%s", err.text);
    if (is_lossless(name) && (n_back != n || memcmp(back, text, n) != 0)) { // only the normalizer may be the reason
        assert_true(t->nfc && normalize_nfc(text, n, &form, &n_form));
        assert_int_equal(n_back, n_form);
        assert_memory_equal(back, form, n_form);
    }
    hash_ids(hash, ids, count);
    free(form), free(back), free(ids);
}

// The sources "random" and "decode" of expected.txt
static inline void check_random(const Tokenizer *t, const char *name) {
    cJSON *cases = cases_read();
    const cJSON *blocks = cJSON_GetObjectItem(cases, "blocks"), *pieces = cJSON_GetObjectItem(cases, "pieces");
    char text[1024];
    Hash hash = hash_start();
    for (int number = 0; number < 100000; number++)
        encode_and_hash(t, name, text, random_text(number, blocks, pieces, text), &hash);
    hash_check(&hash, name, "random");
    cJSON_Delete(cases);
}

// Random ids are random bytes: their text is mended in the same places.
static inline void check_decode(const Tokenizer *t, const char *name) {
    Hash hash = hash_start();
    for (int number = 0; number < 20000; number++) {
        Draws draws = draws_of((uint64_t)number);
        int ids[12], n = 1 + draw(&draws, 12);
        size_t len;
        for (int i = 0; i < n; i++) ids[i] = draw(&draws, tokenizer_vocab_size(t));
        char *text = tokenizer_decode(t, ids, n, &len, NULL);
        assert_non_null(text);
        for (size_t k = 0; k < len; k++) hash_add(&hash, (unsigned char)text[k]);
        hash_add(&hash, len);
        hash.texts++, hash.numbers += n;
        free(text);
    }
    hash_check(&hash, name, "decode");
}

#endif
