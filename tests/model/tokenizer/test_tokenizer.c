// The tokenizer against Hugging Face's `tokenizers`: the four ways in which real models split text, each with a small
// vocabulary (tests/model/fixtures/tokenizers, made by dev/reference/make_tokenizers.py), and its errors.
#include "base/files.h"
#include "tests/model/tokenizer/tokenizer_cases.h"
#include <sys/stat.h>
#include <unistd.h>

static const char *const families[] = {"gpt2", "llama3", "qwen2", "smollm2"};

static Tokenizer *family(const char *name) {
    char path[200];
    snprintf(path, sizeof path, TOKENIZER_FIXTURES "/%s.json", name);
    return load_tokenizer(path);
}

static void cases_match(void **state) {
    (void)state;
    cJSON *json = cases_read();
    for (int f = 0; f < 4; f++) {
        Tokenizer *t = family(families[f]);
        const cJSON *item;
        int count = 0;
        cJSON_ArrayForEach(item, cJSON_GetObjectItem(json, "cases")) {
            const char *text = cJSON_GetObjectItem(item, "text")->valuestring;
            const cJSON *want = cJSON_GetObjectItem(item, families[f]);
            int ids[1024], n = tokenizer_encode(t, text, strlen(text), ids, 1024, NULL), at = 0;
            if (n != cJSON_GetArraySize(want))
                fail_msg("%s: \"%s\" has %d tokens, not %d", families[f], text, n, cJSON_GetArraySize(want));
            for (const cJSON *id = want->child; id; id = id->next, at++)
                if (ids[at] != id->valueint)
                    fail_msg("%s: \"%s\": token %d is %d, not %d", families[f], text, at, ids[at], id->valueint);
            assert_int_equal(tokenizer_encode(t, text, strlen(text), NULL, 0, NULL), n);
            if (n > 0) assert_int_equal(tokenizer_encode(t, text, strlen(text), ids, n - 1, NULL), -1);
            count++;
        }
        assert_true(count > 35);
        tokenizer_free(t);
    }
    cJSON_Delete(json);
}

static void random_texts_match(void **state) {
    (void)state;
    for (int f = 0; f < 4; f++) {
        Tokenizer *t = family(families[f]);
        check_random(t, families[f]);
        check_decode(t, families[f]);
        tokenizer_free(t);
    }
}

// The comparison above must detect a wrong id, a missing one, and two exchanged ones.
static void hash_sees_changes(void **state) {
    (void)state;
    const int a[][3] = {{5, 6, 7}, {5, 6, 8}, {6, 5, 7}};
    Hash hash[4] = {hash_start(), hash_start(), hash_start(), hash_start()};
    for (int i = 0; i < 3; i++) hash_ids(&hash[i], a[i], 3);
    hash_ids(&hash[3], a[0], 2);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++) assert_true(hash[i].value != hash[j].value);
}

// Any bytes: UTF-8 is encoded and decoded back; anything else is refused with the offset of the first wrong byte.
static void raw_bytes_are_text_or_refused(void **state) {
    (void)state;
    Tokenizer *t = family("gpt2");
    int texts = 0;
    for (int number = 0; number < 100000; number++) {
        Draws draws = draws_of((uint64_t)number);
        Error err = {""};
        Hash unused = hash_start();
        char bytes[24], reason[64];
        size_t n = (size_t)draw(&draws, 24), good = 0;
        for (size_t i = 0; i < n; i++) bytes[i] = (char)(draw(&draws, 8) ? draw(&draws, 128) : draw(&draws, 256));
        for (utf8proc_ssize_t step = 1; good < n && step > 0; good += step > 0 ? (size_t)step : 0) {
            utf8proc_int32_t rune;
            step = utf8proc_iterate((const utf8proc_uint8_t *)bytes + good, (utf8proc_ssize_t)(n - good), &rune);
        }
        texts += good == n;
        snprintf(reason, sizeof reason, "not UTF-8 (at byte %zu)", good);
        if (good == n) encode_and_hash(t, "gpt2", bytes, n, &unused);
        else if (tokenizer_encode(t, bytes, n, NULL, 0, &err) != -1 || !strstr(err.text, reason))
            fail_msg("wanted \"%s\", got \"%s\"", reason, err.text);
    }
    assert_in_range(texts, 20000, 80000);
    tokenizer_free(t);
}

static void finds_special_tokens(void **state) {
    (void)state;
    Tokenizer *t = family("qwen2");
    Error err = {""};
    int id = tokenizer_id(t, "<|im_end|>"), ids[8];
    assert_true(id > 0 && tokenizer_is_special(t, id) && !tokenizer_is_special(t, tokenizer_id(t, "<think>")));
    assert_int_equal(tokenizer_id(t, "<|no_such|>"), -1);
    assert_false(tokenizer_is_special(t, -1) || tokenizer_is_special(t, tokenizer_vocab_size(t)));
    size_t len;
    assert_null(tokenizer_token_bytes(t, tokenizer_vocab_size(t), &len));
    assert_null(tokenizer_decode(t, (int[]){-1}, 1, NULL, &err));
    assert_int_equal(tokenizer_encode(t, "ab\xff", 3, ids, 8, &err), -1);
    assert_non_null(strstr(err.text, "byte 2"));
    tokenizer_free(t);
}

static void assert_same_file(const char *a, const char *b) {
    size_t n_a, n_b;
    char *x = file_read(a, 1 << 20, &n_a, NULL), *y = file_read(b, 1 << 20, &n_b, NULL);
    if (!x || !y || n_a != n_b || memcmp(x, y, n_a) != 0) fail_msg("%s is not %s", a, b);
    free(x), free(y);
}

static void saves_what_it_read(void **state) {
    (void)state;
    static const char *const names[] = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                                        "chat_template.jinja"};
    char from[] = P_tmpdir "/test_tokenizer_XXXXXX", to[] = P_tmpdir "/test_tokenizer_XXXXXX", a[100], b[100];
    size_t n;
    assert_true(mkdtemp(from) && mkdtemp(to));
    char *bytes = file_read(TOKENIZER_FIXTURES "/llama3.json", 1 << 20, &n, NULL);
    assert_non_null(bytes);
    for (int i = 0; i < 4; i++) { // the last two need not be anything in particular
        snprintf(a, sizeof a, "%s/%s", from, names[i]);
        assert_true(file_replace(a, i == 1 ? " {}\n" : bytes, (const size_t[]){n, 4, 20, 30}[i], NULL));
    }
    Tokenizer *t = load_tokenizer(from);
    assert_true(tokenizer_save(t, to, NULL));
    tokenizer_free(t);
    tokenizer_free(load_tokenizer(to));
    for (int i = 0; i < 4; i++) {
        snprintf(a, sizeof a, "%s/%s", from, names[i]);
        snprintf(b, sizeof b, "%s/%s", to, names[i]);
        assert_same_file(a, b);
        unlink(a), unlink(b);
    }
    free(bytes);
    assert_true(rmdir(from) == 0 && rmdir(to) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_match), cmocka_unit_test(random_texts_match), cmocka_unit_test(hash_sees_changes),
        cmocka_unit_test(raw_bytes_are_text_or_refused),
        cmocka_unit_test(finds_special_tokens), cmocka_unit_test(saves_what_it_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
