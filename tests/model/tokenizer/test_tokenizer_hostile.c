// tokenizer.json files that are broken, hostile or use unsupported features are refused with file and reason; a damaged
// good one is refused or still gives a tokenizer that works.
#include "tests/model/tokenizer/tokenizer_cases.h"
#include <unistd.h>

// A small good file in parts; a case replaces one of them.
typedef struct Parts {
    const char *added, *normalizer, *pre, *model, *vocab, *merges;
} Parts;
#define SPECIAL "{\"id\":5,\"content\":\"<end>\",\"special\":true}"
#define LEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}"
static const Parts good = {"[" SPECIAL "]", "null", LEVEL, "\"type\":\"BPE\"",
                           "{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"abc\":4}", "[[\"a\",\"b\"],[\"ab\",\"c\"]]"};
// A pre-tokenizer that splits by a regular expression.
#define SPLIT(regex, behavior) SPLIT_BY("Regex", regex, behavior)
#define SPLIT_BY(kind, pattern, behavior)                                                                              \
    "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"" kind "\":\"" pattern "\"},"        \
    "\"behavior\":\"" behavior "\"}," LEVEL "]}"

static char path[64];

static int make_file(void **state) {
    (void)state;
    snprintf(path, sizeof path, P_tmpdir "/test_tokenizer_hostile_XXXXXX");
    int handle = mkstemp(path);
    return handle < 0 ? -1 : close(handle);
}

static int remove_file(void **state) {
    (void)state;
    return unlink(path);
}

static Tokenizer *load_bytes(const char *bytes, size_t n, Error *err) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    return tokenizer_load(path, err);
}

static int print_parts(char *text, size_t room, const Parts *p) {
    return snprintf(
        text, room,
        "{\"added_tokens\":%s,\"normalizer\":%s,\"pre_tokenizer\":%s,\"model\":{%s,\"vocab\":%s,\"merges\":%s}}",
        p->added, p->normalizer, p->pre, p->model, p->vocab, p->merges);
}

static void assert_refused(const char *text, const char *reason) {
    Error err = {""};
    Tokenizer *t = load_bytes(text, strlen(text), &err);
    if (t || !strstr(err.text, reason) || !strstr(err.text, path))
        fail_msg("wanted \"%s\", got \"%s\"", reason, err.text);
}

// `at` names the part by its place in the struct
static void refuse_part(size_t at, const char *with, const char *reason) {
    char text[8192];
    Parts parts = good;
    memcpy((char *)&parts + at, &with, sizeof with);
    assert_true(print_parts(text, sizeof text, &parts) < (int)sizeof text);
    assert_refused(text, reason);
}
#define REFUSE(part, with, reason) refuse_part(offsetof(Parts, part), with, reason)

static void good_file_works(void **state) {
    (void)state;
    char text[2048];
    Error err = {""};
    int n = print_parts(text, sizeof text, &good), ids[8];
    Tokenizer *t = load_bytes(text, (size_t)n, &err);
    if (!t) fail_msg("%s", err.text);
    assert_int_equal(tokenizer_encode(t, "abcab<end>c", 11, ids, 8, &err), 4);
    assert_true(ids[0] == 4 && ids[1] == 3 && ids[2] == 5 && ids[3] == 2);
    assert_int_equal(tokenizer_encode(t, "abd", 3, ids, 8, &err), -1);
    assert_non_null(strstr(err.text, "lacks the byte 0x64 'd' (at byte 2"));
    tokenizer_free(t);
}

static void refuses_bad_ids(void **state) {
    (void)state;
    REFUSE(vocab, "{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"abc\":7}", "no token has id 4");
    REFUSE(vocab, "{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"abc\":3}", "given twice");
    REFUSE(vocab, "{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"a\":4}", "same token");
    REFUSE(vocab, "{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"abc\":-1}", "whole number below");
    REFUSE(vocab, "{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"abc\":4.5}", "whole number below");
    REFUSE(vocab, "{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"abc\":4e15}", "whole number below");
    REFUSE(vocab, "{\"a\":\"0\"}", "whole number below");
    REFUSE(vocab, "{}", "no token has id 0");
    REFUSE(vocab, "[]", "no vocabulary");
    REFUSE(vocab, "{\"\xff\":0,\"b\":1,\"c\":2,\"ab\":3,\"abc\":4}", "not UTF-8");
    REFUSE(added, "[{\"id\":4,\"content\":\"<end>\"}]", "given twice");
    REFUSE(added, "[{\"id\":5,\"content\":\"ab\"}]", "has ids 3 and 5");
    REFUSE(added, "[{\"id\":5}]", "without id or content");
    REFUSE(added, "[{\"content\":\"x\"}]", "id is not a whole number");
    REFUSE(added, "[{\"id\":5,\"content\":\"x\",\"single_word\":true}]", "single_word");
    REFUSE(added, "{\"id\":5,\"content\":\"x\"}", "id is not a whole number");
}

static void refuses_bad_merges(void **state) {
    (void)state;
    REFUSE(merges, "[[\"a\",\"b\"],[\"ab\",\"x\"]]", "the right one is not in the vocabulary");
    REFUSE(merges, "[[\"x\",\"b\"]]", "the left one is not in the vocabulary");
    REFUSE(merges, "[[\"abc\",\"a\"]]", "the result is not in the vocabulary"); // a cycle would grow without end
    REFUSE(merges, "[[\"a\",\"\"]]", "not two tokens");
    REFUSE(merges, "[[\"\",\"a\"]]", "not two tokens");
    REFUSE(merges, "[[\"a\",\"b\",\"c\"]]", "not a pair");
    REFUSE(merges, "[[\"a\"]]", "not a pair");
    REFUSE(merges, "[\"ab\"]", "not a pair");
    REFUSE(merges, "[3]", "not a pair");
    REFUSE(merges, "{\"a\":\"b\"}", "no list of merges");
    REFUSE(merges, "[\"a \xff\"]", "not two tokens");
}

static void refuses_what_is_not_supported(void **state) {
    (void)state;
    REFUSE(normalizer, "{\"type\":\"NFKC\"}", "normalizer \"NFKC\"");
    REFUSE(normalizer, "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\"}]}", "normalizer \"Prepend\"");
    REFUSE(pre, "{\"type\":\"Metaspace\"}", "pre-tokenizer \"Metaspace\"");
    REFUSE(pre, "null", "pre-tokenizer \"\"");
    REFUSE(pre, "{\"type\":\"Sequence\",\"pretokenizers\":[]}", "not byte-level");
    REFUSE(pre, "{\"type\":\"ByteLevel\",\"add_prefix_space\":true}", "add_prefix_space");
    REFUSE(pre, SPLIT("(", "Isolated"), "does not compile");
    REFUSE(pre, SPLIT("\\\\w", "Isolated"), "\\w, \\b");
    REFUSE(pre, SPLIT("a", "MergedWithNext"), "MergedWithNext");
    REFUSE(pre, SPLIT_BY("String", "", "Isolated"), "without a pattern");
    REFUSE(pre, "{\"type\":\"Sequence\",\"pretokenizers\":[" LEVEL "," LEVEL "]}", "after ByteLevel");
    REFUSE(model, "\"type\":\"WordPiece\"", "model \"WordPiece\"");
    REFUSE(model, "\"type\":\"BPE\",\"byte_fallback\":true", "byte_fallback");
    REFUSE(model, "\"type\":\"BPE\",\"dropout\":0.1", "dropout");
    REFUSE(model, "\"type\":\"BPE\",\"end_of_word_suffix\":\"</w>\"", "end_of_word_suffix");
}

static void refuses_what_is_no_tokenizer(void **state) {
    (void)state;
    enum { DEEP = 10000 };
    static char deep[DEEP + 1];
    Error err = {""};
    memset(deep, '[', DEEP);
    assert_refused(deep, "not valid JSON, or nested too deeply");
    assert_refused("", "not valid JSON");
    assert_refused("{\"model\":", "not valid JSON");
    assert_refused("[]", "no model");
    assert_refused("{\"model\":{}}", "is not supported (only BPE is)");
    for (int i = 0; i < DEEP; i++) deep[i] = "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":["[i % 46];
    assert_refused(deep, "not valid JSON, or nested too deeply");
    assert_null(tokenizer_load("/nonexistent", &err));
    assert_non_null(strstr(err.text, "/nonexistent: no such file or folder"));
    assert_null(tokenizer_load(P_tmpdir "/..", &err));
    assert_non_null(strstr(err.text, "no tokenizer.json in it"));
}

// A text that splits is no pattern: "." is not any character, "(" alone is fine.
static void splits_by_a_text(void **state) {
    (void)state;
    static const struct {
        const char *pre;
        int count, ids[3];
    } cases[] = {{SPLIT_BY("String", "b", "Isolated"), 3, {0, 1, 2}}, {SPLIT_BY("String", "b", "Removed"), 2, {0, 2}},
                 {SPLIT_BY("String", ".", "Isolated"), 1, {4}}, {SPLIT("[.]|b(?=c)", "Isolated"), 3, {0, 1, 2}},
                 {SPLIT_BY("String", "(", "Isolated"), 1, {4}}, {SPLIT(".", "Isolated"), 3, {0, 1, 2}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[4096];
        Error err = {""};
        Parts parts = good;
        parts.pre = cases[i].pre;
        int n = print_parts(text, sizeof text, &parts), ids[8];
        Tokenizer *t = load_bytes(text, (size_t)n, &err);
        if (!t) fail_msg("%s", err.text);
        assert_int_equal(tokenizer_encode(t, "abc", 3, ids, 8, &err), cases[i].count);
        assert_memory_equal(ids, cases[i].ids, (size_t)cases[i].count * sizeof *ids);
        tokenizer_free(t);
    }
}

// A pattern with too much backtracking ends in an error, not in a hang.
static void gives_up_on_endless_patterns(void **state) {
    (void)state;
    char text[4096], word[300];
    Error err = {""};
    Parts parts = good;
    parts.pre = SPLIT("(a+)+(a+)+(a+)+[bx]", "Isolated");
    int n = print_parts(text, sizeof text, &parts);
    Tokenizer *t = load_bytes(text, (size_t)n, &err);
    if (!t) fail_msg("%s", err.text);
    memset(word, 'a', sizeof word);
    word[150] = 'c';
    assert_int_equal(tokenizer_encode(t, word, sizeof word, NULL, 0, &err), -1);
    assert_non_null(strstr(err.text, "gives up"));
    tokenizer_free(t);
}

static void survives_any_damage(void **state) {
    (void)state;
    char text[2048], damaged[2048];
    Error err = {""};
    int n = print_parts(text, sizeof text, &good), loaded = 0;
    for (int round = 0; round < 2000; round++) {
        Draws draws = draws_of((uint64_t)round);
        memcpy(damaged, text, (size_t)n);
        for (int i = 0; i <= round % 3; i++)
            damaged[draw(&draws, n)] = "0123456789[]{}\",:\\ -eabcFU\xff"[draw(&draws, 27)];
        Tokenizer *t = load_bytes(damaged, round % 9 ? (size_t)n : (size_t)draw(&draws, n), &err);
        if (t) {
            free(tokenizer_decode(t, (int[]){0, 3, 4}, tokenizer_vocab_size(t) > 4 ? 3 : 1, NULL, &err));
            tokenizer_encode(t, "abc<end>", 8, NULL, 0, &err);
        }
        loaded += t != NULL;
        tokenizer_free(t);
    }
    assert_in_range(loaded, 50, 1500); // the damage is neither always harmless nor always fatal
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(good_file_works),
                                       cmocka_unit_test(refuses_bad_ids),
                                       cmocka_unit_test(refuses_bad_merges),
                                       cmocka_unit_test(refuses_what_is_not_supported),
                                       cmocka_unit_test(refuses_what_is_no_tokenizer),
                                       cmocka_unit_test(splits_by_a_text),
                                       cmocka_unit_test(gives_up_on_endless_patterns),
                                       cmocka_unit_test(survives_any_damage)};
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
