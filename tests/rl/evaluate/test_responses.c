// rl/evaluate/responses: rows are read back as written, for any bytes; a file cut anywhere is resumed after its last
// whole problem and ends with the same bytes; another evaluation's file is refused.
#include "rl/evaluate/responses.h"
#include "data/random.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROBLEMS = 4, SAMPLES = 3 };

static Problem problem_of(int i) {
    static char prompts[PROBLEMS][16], gold[] = "1";
    snprintf(prompts[i], sizeof prompts[i], "q\"%d\n", i);
    return (Problem){.id = INT64_MAX - 1000000 * i, .prompt = prompts[i], .gold = gold};
}

// Any bytes, NUL and broken UTF-8 among them; a function of (i, s).
static Response response_of(int i, int s) {
    Random random = random_keyed(7, (uint64_t)i, (uint64_t)s);
    Response r = {.tokens = random_range(&random, 0, 9)};
    r.verdict = (Verdict)random_range(&random, 0, VERDICT_COUNT - 1);
    r.truncated = r.verdict == VERDICT_TRUNCATED;
    r.len = (size_t)random_range(&random, 0, 40);
    r.text = calloc(r.len + 1, 1);
    assert_non_null(r.text);
    int low = (i + s) % 2 == 0, high = low ? 126 : 255; // ASCII without NUL, or any bytes
    for (size_t b = 0; b < r.len; b++) r.text[b] = (char)random_range(&random, low, high);
    return r;
}

static cJSON *identity_of(const char *seed) {
    cJSON *identity = cJSON_CreateObject();
    cJSON_AddStringToObject(identity, "model_files", "abc");
    cJSON_AddRawToObject(identity, "temp", "0.6");
    cJSON_AddRawToObject(identity, "seed", seed);
    return identity;
}

static ResponseFile *open_file(const char *path, const char *seed, bool fresh, Error *err) {
    cJSON *identity = identity_of(seed);
    ResponseFile *file = responses_open(path, identity, fresh, err);
    cJSON_Delete(identity);
    return file;
}

static void write_problem(ResponseFile *file, int i) {
    Problem problem = problem_of(i);
    for (int s = 0; s < SAMPLES; s++) {
        Response r = response_of(i, s);
        responses_write(file, "set", &problem, s, &r);
        free(r.text);
    }
}

// Reads problem i and checks it. Returns what responses_read returned.
static int read_problem(ResponseFile *file, int i, Error *err) {
    Problem problem = problem_of(i);
    Response got[SAMPLES] = {0};
    int result = responses_read(file, &problem, SAMPLES, got, err);
    for (int s = 0; s < SAMPLES; s++) {
        if (result == 1) {
            Response want = response_of(i, s);
            assert_int_equal(got[s].len, want.len);
            assert_memory_equal(got[s].text, want.text, want.len + 1);
            assert_true(got[s].tokens == want.tokens && got[s].verdict == want.verdict);
            assert_true(got[s].truncated == want.truncated);
            free(want.text);
        }
        free(got[s].text);
    }
    return result;
}

// Reads what is saved and writes the rest. Returns how many problems were saved; -1 with the reason in err.
static int resume(ResponseFile *file, Error *err) {
    int i = 0, got;
    for (; i < PROBLEMS; i++)
        if ((got = read_problem(file, i, err)) <= 0) break;
    if (i < PROBLEMS && got < 0) return -1;
    int saved = i;
    for (; i < PROBLEMS; i++) write_problem(file, i);
    responses_flush(file);
    return saved;
}

static char *slurp(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    char *bytes = calloc(1, 1 << 20);
    assert_true(file && bytes);
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

static char folder[100], partial[120], whole[120];

static int make_folder(void **state) {
    (void)state;
    strcpy(folder, P_tmpdir "/test_responses_XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(partial, sizeof partial, "%s/r.partial", folder);
    snprintf(whole, sizeof whole, "%s/r", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(partial), unlink(whole);
    return rmdir(folder);
}

// The bytes of the partial file of an uninterrupted evaluation.
static char *uninterrupted(size_t *size) {
    Error err;
    ResponseFile *file = open_file(partial, "1", true, &err);
    assert_non_null(file);
    assert_int_equal(resume(file, &err), 0);
    responses_close(file); // as if killed
    return slurp(partial, size);
}

static void test_rows_are_read_back(void **state) {
    (void)state;
    Error err;
    size_t size, rows;
    char *all = uninterrupted(&size);
    FILE *more = fopen(partial, "ab"); // after the last problem: the garbage of a power failure
    assert_true(more && fwrite("\0\0{\n\0", 1, 5, more) == 5 && fclose(more) == 0);
    ResponseFile *file = open_file(partial, "1", false, &err);
    assert_non_null(file);
    assert_int_equal(resume(file, &err), PROBLEMS);
    assert_true(responses_finish(file, whole, &err));
    responses_close(file);
    assert_int_not_equal(access(partial, F_OK), 0);
    char *final = slurp(whole, &rows); // the rows without the first line
    const char *first_row = strchr(all, '\n') + 1;
    assert_int_equal(rows, size - (size_t)(first_row - all));
    assert_memory_equal(final, first_row, rows);
    int lines = 0;
    for (char *at = final, *end; (end = strchr(at, '\n')); at = end + 1, lines++) {
        *end = 0;
        cJSON *row = cJSON_Parse(at); // every row is JSON, whatever the response was
        assert_true(cJSON_IsObject(row) && cJSON_IsString(cJSON_GetObjectItem(row, "response")));
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(row, "set")), "set");
        cJSON_Delete(row);
    }
    assert_int_equal(lines, PROBLEMS * SAMPLES);
    free(all), free(final);
}

static void test_cut_anywhere(void **state) {
    (void)state;
    size_t size, got;
    char *all = uninterrupted(&size);
    int seen[PROBLEMS + 1] = {0};
    for (size_t cut = 0; cut <= size; cut++) {
        FILE *file = fopen(partial, "wb");
        assert_true(file && fwrite(all, 1, cut, file) == cut);
        fclose(file);
        Error err = {0};
        ResponseFile *again = open_file(partial, "1", false, &err);
        if (!again) fail_msg("cut at %zu: %s", cut, err.text);
        int saved = resume(again, &err);
        assert_in_range(saved, 0, PROBLEMS);
        seen[saved]++;
        responses_close(again);
        char *now = slurp(partial, &got);
        assert_int_equal(got, size);
        assert_memory_equal(now, all, size);
        free(now);
    }
    for (int i = 0; i <= PROBLEMS; i++) assert_true(seen[i] > 0); // so what was saved is not generated twice
    assert_int_equal(seen[PROBLEMS], 1);
    free(all);
}

static void test_other_evaluations_are_refused(void **state) {
    (void)state;
    Error err = {0};
    size_t size, got;
    char *all = uninterrupted(&size);
    assert_null(open_file(partial, "2", false, &err));
    assert_non_null(strstr(err.text, "seed 1, not 2"));
    assert_non_null(strstr(err.text, "--fresh"));
    char *now = slurp(partial, &got); // and the file is unchanged
    assert_int_equal(got, size);
    free(now);
    ResponseFile *file = open_file(partial, "2", true, &err);
    assert_non_null(file);
    assert_int_equal(resume(file, &err), 0);
    responses_close(file);
    FILE *foreign = fopen(partial, "wb");
    fputs("{\"question\":\"a data set\"}\n", foreign);
    fclose(foreign);
    assert_null(open_file(partial, "1", false, &err));
    assert_non_null(strstr(err.text, "model_files (none)"));
    assert_null(open_file("/no/such/folder/r.partial", "1", false, &err));
    free(all);
}

// Foreign rows in the middle: an error that names the line, never a wrong count.
static void test_damaged_rows(void **state) {
    (void)state;
    static const char *const edits[][2] = {
        {"\"sample\":1", "\"sample\":2"}, {"\"prompt_id\":92", "\"prompt_id\":12"}, {"\"verdict\":", "\"verdikt\":"},
        {"\"tokens\":", "\"tokenz\":"},   {"{\"set\"", "[\"set\""},                  {"\"response\":", "\"reponse\":"},
    };
    size_t size;
    char *all = uninterrupted(&size);
    for (size_t e = 0; e < sizeof edits / sizeof *edits; e++) {
        const char *at = strstr(strchr(all, '\n'), edits[e][0]);
        FILE *file = fopen(partial, "wb");
        assert_true(at && file);
        fprintf(file, "%.*s%s%s", (int)(at - all), all, edits[e][1], at + strlen(edits[e][0]));
        fclose(file);
        Error err = {0};
        ResponseFile *again = open_file(partial, "1", false, &err);
        assert_non_null(again);
        assert_int_equal(resume(again, &err), -1);
        assert_true(strstr(err.text, "r.partial:2: not the row") || strstr(err.text, "r.partial:3: not the row"));
        responses_close(again);
    }
    free(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_read_back),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_other_evaluations_are_refused),
        cmocka_unit_test(test_damaged_rows),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
