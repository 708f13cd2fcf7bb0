// json_same: equal objects, and the first difference by key, whatever kind of value differs.
#include "base/json.h"
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static bool same(const char *wanted, const char *saved, JsonDifference *d) {
    cJSON *a = cJSON_Parse(wanted), *b = saved ? cJSON_Parse(saved) : NULL;
    assert_true(a && (b || !saved));
    bool result = json_same(a, b, d);
    cJSON_Delete(a), cJSON_Delete(b);
    return result;
}

static void test_equal(void **state) {
    (void)state;
    JsonDifference d;
    assert_true(same("{}", "{}", &d));
    assert_true(same("{\"a\": 1, \"b\": [1, \"x\", null], \"c\": {\"d\": true}}",
                     "{\"c\":{\"d\":true},\"b\":[1,\"x\",null],\"a\":1.0}", &d)); // neither order nor spelling matters
    assert_true(same("{\"a\": 1}", "{\"a\": 1, \"later\": 2}", &d)); // only the wanted fields are compared
}

static void test_first_difference(void **state) {
    (void)state;
    static const struct {
        const char *wanted, *saved, *key, *now, *then;
    } cases[] = {
        {"{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1,\"b\":5,\"c\":6}", "b", "2", "5"},
        {"{\"a\":1}", "{}", "a", "1", "(none)"},
        {"{\"a\":1}", "{\"A\":1}", "a", "1", "(none)"}, // keys are case-sensitive
        {"{\"a\":1}", NULL, "a", "1", "(none)"},
        {"{\"a\":1}", "[1]", "a", "1", "(none)"},
        {"{\"a\":1}", "{\"a\":\"1\"}", "a", "1", "\"1\""},
        {"{\"a\":null}", "{\"a\":false}", "a", "null", "false"},
        {"{\"a\":[1,2]}", "{\"a\":[2,1]}", "a", "[1,2]", "[2,1]"},
        {"{\"a\":[1,2]}", "{\"a\":[1,2,3]}", "a", "[1,2]", "[1,2,3]"},
        {"{\"a\":{\"b\":1}}", "{\"a\":{\"B\":1}}", "a", "{\"b\":1}", "{\"B\":1}"},
        {"{\"a\":{\"b\":\"x\"}}", "{\"a\":{\"b\":\"X\"}}", "a", "{\"b\":\"x\"}", "{\"b\":\"X\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        JsonDifference d;
        assert_false(same(cases[i].wanted, cases[i].saved, &d));
        assert_string_equal(d.key, cases[i].key);
        assert_string_equal(d.wanted, cases[i].now);
        assert_string_equal(d.saved, cases[i].then);
    }
}

// Numbers compare as printed: a raw number, which flags_to_json writes for 64-bit values, equals the number read back.
static void test_raw_numbers(void **state) {
    (void)state;
    JsonDifference d;
    cJSON *wanted = cJSON_CreateObject();
    cJSON_AddRawToObject(wanted, "seed", "9000000000000000000");
    cJSON_AddRawToObject(wanted, "temp", "0.6");
    char *text = cJSON_PrintUnformatted(wanted);
    cJSON *saved = cJSON_Parse(text), *other = cJSON_Parse("{\"seed\":9000000000000000000,\"temp\":0.7}");
    assert_true(json_same(wanted, saved, &d));
    assert_false(json_same(wanted, other, &d));
    assert_string_equal(d.key, "temp");
    cJSON_free(text);
    cJSON_Delete(wanted), cJSON_Delete(saved), cJSON_Delete(other);
}

// Long values are cut to the fields of JsonDifference, not beyond them.
static void test_long_values(void **state) {
    (void)state;
    JsonDifference d;
    char key[200], value[400];
    memset(key, 'k', sizeof key - 1), memset(value, 'v', sizeof value - 1);
    key[sizeof key - 1] = value[sizeof value - 1] = 0;
    cJSON *wanted = cJSON_CreateObject(), *saved = cJSON_CreateObject();
    cJSON_AddStringToObject(wanted, key, value);
    assert_false(json_same(wanted, saved, &d));
    assert_int_equal(strlen(d.key), sizeof d.key - 1);
    assert_int_equal(strlen(d.wanted), sizeof d.wanted - 1);
    assert_string_equal(d.saved, "(none)");
    cJSON_Delete(wanted), cJSON_Delete(saved);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_first_difference),
        cmocka_unit_test(test_raw_numbers),
        cmocka_unit_test(test_long_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
