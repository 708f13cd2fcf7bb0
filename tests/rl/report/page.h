// What the tests of rl/report share: a folder for a run, and the data of the page made from it.
#ifndef TESTS_RL_REPORT_PAGE_H
#define TESTS_RL_REPORT_PAGE_H
#include "base/files.h" // before cmocka.h, whose macro fail() would rewrite check.h
#include "base/json.h"
#include "base/text.h"
#include "rl/report/report.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline void put(const char *path, const char *text, size_t size) {
    assert_true(file_replace(path, text, size, NULL));
}

static inline char *get(const char *path) {
    size_t n = 0;
    char *text = file_read(path, (size_t)1 << 30, &n, NULL);
    assert_true(text && strlen(text) == n); // no NUL in a page
    return text;
}

// Each test runs in a folder of its own, which is a run's folder.
static inline int setup(void **state) {
    char dir[256];
    snprintf(dir, sizeof dir, "%s/test_report.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : P_tmpdir);
    if (!mkdtemp(dir) || chdir(dir) != 0) return 1;
    *state = strdup(dir);
    return *state == NULL;
}

static inline int teardown(void **state) {
    remove("metrics.jsonl"), remove("rollouts.jsonl"), remove("report.html"), remove("report.html.tmp");
    int left = chdir("/") != 0 || rmdir(*state) != 0;
    free(*state);
    return left;
}

// The page of a run with these logs; samples (rollouts.jsonl) may be NULL.
static inline char *page_of(const char *log, size_t log_size, const char *samples, size_t samples_size) {
    Error err = {""};
    put("metrics.jsonl", log, log_size);
    remove("rollouts.jsonl");
    if (samples) put("rollouts.jsonl", samples, samples_size);
    if (!report_write(".", &err)) fail_msg("%s", err.text);
    assert_int_not_equal(access("report.html.tmp", F_OK), 0);
    return get("report.html");
}

static inline size_t count(const char *text, const char *what) {
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++) found++;
    return found;
}

// Whether the text holds nothing that a script element or a JavaScript string could trip over.
static inline bool inert(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strchr("<>&", text[i]) || (unsigned char)text[i] < 0x20 || strncmp(text + i, "\u2028", 3) == 0 ||
            strncmp(text + i, "\u2029", 3) == 0)
            return false;
    return true;
}

// The data of a page, after a look at the whole of it. Release with cJSON_Delete.
static inline cJSON *data_of(const char *page) {
    const char *data = strstr(page, " id=\"data\">"), *end = data ? strstr(data, "</script>") : NULL;
    assert_non_null(end);
    data += strlen(" id=\"data\">");
    assert_true(utf8_valid(page, strlen(page), NULL));
    assert_true(inert(data, (size_t)(end - data)));
    assert_int_equal(count(page, "<script"), 2); // the data and the page's own
    assert_int_equal(count(page, "</script"), 2);
    assert_non_null(strstr(page, "</html>\n"));
    cJSON *json = cJSON_ParseWithLength(data, (size_t)(end - data));
    assert_non_null(json);
    return json;
}

static inline cJSON *run_of(const char *log, size_t log_size, const char *samples, size_t samples_size) {
    char *page = page_of(log, log_size, samples, samples_size);
    cJSON *data = data_of(page);
    free(page);
    return data;
}
#define RUN_OF(log, samples) run_of(log, sizeof(log) - 1, samples, sizeof(samples) - 1)

// The value at a path such as "runs.0.rl.columns.reward.y.1"; NULL where there is none.
static const cJSON *at(const cJSON *json, const char *path) {
    char part[128];
    for (const char *s = path; json && *s;) {
        size_t n = strcspn(s, ".");
        assert_true(n < sizeof part);
        memcpy(part, s, n);
        part[n] = 0;
        json = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, atoi(part)) : json_get(json, part);
        s += n + (s[n] == '.');
    }
    return json;
}

static inline void assert_number(const cJSON *data, const char *path, double want) {
    const cJSON *item = at(data, path);
    if (!cJSON_IsNumber(item) || item->valuedouble != want) fail_msg("%s is not %g", path, want);
}

static inline void assert_text(const cJSON *data, const char *path, const char *want) {
    const cJSON *item = at(data, path);
    if (!cJSON_IsString(item)) fail_msg("%s is not text", path);
    assert_string_equal(item->valuestring, want);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
