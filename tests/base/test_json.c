// base/json: files, and fields of every wrong type.
#include "base/json.h"
#include "base/files.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static void reads_and_replaces(void **state) {
    (void)state;
    char path[] = P_tmpdir "/test_json_XXXXXX";
    Error err = {""};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    cJSON *json = cJSON_Parse("{\"a\":[1,2.5,\"\\u00e9\"],\"b\":null}");
    assert_true(json_replace(path, json, &err));
    cJSON *back = json_read(path, &err);
    assert_true(cJSON_Compare(json, back, true));
    cJSON_Delete(json);
    cJSON_Delete(back);
    assert_true(file_replace(path, "{\"a\":1,}", 8, &err));
    assert_null(json_read(path, &err));
    assert_non_null(strstr(err.text, "not valid JSON (at byte 7)"));
    assert_non_null(strstr(err.text, path));
    assert_true(file_replace(path, "", 0, &err));
    assert_null(json_read(path, &err));
    unlink(path);
    assert_null(json_read(path, &err));
    assert_non_null(strstr(err.text, "No such file"));
}

static void fields(void **state) {
    (void)state;
    cJSON *json = cJSON_Parse("{\"i\":7,\"I\":8,\"negative\":-3,\"half\":2.5,\"large\":2147483648,\"below\":2147483647,"
                              "\"s\":\"text\",\"t\":true,\"f\":false,\"null\":null,\"list\":[1]}");
    assert_int_equal(json_int(json, "i", 1), 7);
    assert_int_equal(json_int(json, "I", 1), 8); // keys are case-sensitive
    assert_int_equal(json_int(json, "below", 1), 2147483647);
    assert_int_equal(json_int(json, "negative", 1), -3);
    assert_int_equal(json_int(json, "none", 1), 1);
    assert_int_equal(json_int(json, "null", 1), 1);
    static const char *const no_int[] = {"half", "large", "s", "t", "list"};
    for (int i = 0; i < 5; i++) assert_int_equal(json_int(json, no_int[i], 1), -1);
    assert_true(json_double(json, "half", 1) == 2.5);
    assert_true(json_double(json, "none", 1) == 1 && json_double(json, "null", 1) == 1);
    assert_true(isnan(json_double(json, "s", 1)) && isnan(json_double(json, "t", 1)));
    assert_true(json_bool(json, "t", false) && !json_bool(json, "f", true));
    assert_true(json_bool(json, "i", true) && !json_bool(json, "none", false));
    assert_string_equal(json_string(json, "s", "else"), "text");
    assert_string_equal(json_string(json, "i", "else"), "else");
    assert_null(json_string(json, "none", NULL));
    assert_null(json_get(NULL, "i"));
    assert_null(json_get(json_get(json, "list"), "i"));
    assert_int_equal(json_int(NULL, "i", 5), 5);
    assert_int_equal(json_whole(NULL), -1);
    cJSON_Delete(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_and_replaces), cmocka_unit_test(fields)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
