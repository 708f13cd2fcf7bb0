// The tokenizer on real text: for every string of every data set, and for the tokenizers of Qwen3, GPT-2 and the small
// ones, the ids equal those of Hugging Face's `tokenizers` (a hash in the fixture) and decode to the text. The data and
// the two real tokenizers are outside the repository, in DATA_DIR (default ../shared).
#include "base/files.h"
#include "tests/model/tokenizer/tokenizer_cases.h"
#include <unistd.h>

enum { TOKENIZERS = 6 };
static const struct {
    const char *name, *path; // a path that begins with "tokenizers/" is in DATA_DIR
} tokenizers[TOKENIZERS] = {{"Qwen3", "tokenizers/qwen3"}, {"GPT-2", "tokenizers/gpt2"},
                            {"gpt2", NULL}, {"llama3", NULL}, {"qwen2", NULL}, {"smollm2", NULL}};
static const char *const files[] = {"aime/train-1983-2023.json", "aime/aime24.jsonl",     "aime/aime25.jsonl",
                                    "amc/amc23.jsonl",           "deepmath/sample.jsonl", "gsm8k/train.jsonl",
                                    "gsm8k/test.jsonl",          "math/train.json",       "math/math500.jsonl",
                                    "mawps/test.jsonl",          "minerva/test.jsonl",    "olympiadbench/test.jsonl",
                                    "svamp/test.jsonl"};

static const char *data_path(const char *name) {
    static char path[4096]; // of the caller's next call only
    const char *dir = getenv("DATA_DIR");
    snprintf(path, sizeof path, "%s/%s", dir ? dir : "../shared", name);
    return path;
}

static bool has_data(void) {
    if (access(data_path("tokenizers/qwen3/tokenizer.json"), R_OK) == 0) return true;
    printf("skipped: no tokenizers and data sets in DATA_DIR\n");
    return false;
}

static Tokenizer *open_tokenizer(int i) {
    char path[200];
    snprintf(path, sizeof path, TOKENIZER_FIXTURES "/%s.json", tokenizers[i].name);
    return load_tokenizer(tokenizers[i].path ? data_path(tokenizers[i].path) : path);
}

static void add_strings(const Tokenizer *t, const char *name, const cJSON *node, Hash *hash) {
    if (cJSON_IsString(node)) encode_and_hash(t, name, node->valuestring, strlen(node->valuestring), hash);
    for (const cJSON *item = node->child; item; item = item->next) add_strings(t, name, item, hash);
}

// JSON lines, or one array
static cJSON *read_rows(const char *name) {
    size_t n;
    Error err = {""};
    char *text = file_read(data_path(name), (size_t)64 << 20, &n, &err);
    if (!text) fail_msg("%s", err.text);
    cJSON *rows = *text == '[' ? cJSON_Parse(text) : cJSON_CreateArray();
    for (char *at = text; *text != '[' && *at;) {
        size_t line = strcspn(at, "\n");
        cJSON *row = cJSON_ParseWithLength(at, line);
        if (row) cJSON_AddItemToArray(rows, row);
        else assert_int_equal(strspn(at, " \r\t"), line);
        at += line + (at[line] != 0);
    }
    free(text);
    assert_non_null(rows);
    return rows;
}

static void data_sets_match(void **state) {
    (void)state;
    if (!has_data()) return;
    Tokenizer *loaded[TOKENIZERS];
    for (int i = 0; i < TOKENIZERS; i++) loaded[i] = open_tokenizer(i);
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        char name[64];
        snprintf(name, sizeof name, "data/%s", files[f]);
        cJSON *rows = read_rows(name);
        for (int i = 0; i < TOKENIZERS; i++) {
            Hash hash = hash_start();
            add_strings(loaded[i], tokenizers[i].name, rows, &hash);
            hash_check(&hash, tokenizers[i].name, files[f]);
        }
        cJSON_Delete(rows);
    }
    for (int i = 0; i < TOKENIZERS; i++) tokenizer_free(loaded[i]);
}

static void random_texts_match(void **state) {
    (void)state;
    for (int i = 0; i < 2 && has_data(); i++) {
        Tokenizer *t = open_tokenizer(i);
        check_random(t, tokenizers[i].name);
        check_decode(t, tokenizers[i].name);
        tokenizer_free(t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(data_sets_match), cmocka_unit_test(random_texts_match)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
