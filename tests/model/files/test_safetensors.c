// Safetensors: hand-made files and written files read back, half and bfloat16 are exact, and every kind of broken or
// hostile file is refused with a reason that names it.
#include "model/files/safetensors.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Folder {
    char dir[64], path[96];
} Folder;

static void folder_make(Folder *folder) {
    snprintf(folder->dir, sizeof folder->dir, P_tmpdir "/test_safetensors_XXXXXX");
    assert_non_null(mkdtemp(folder->dir));
    snprintf(folder->path, sizeof folder->path, "%s/model.safetensors", folder->dir);
}

static void folder_put(const char *dir, const char *name, const void *bytes, size_t n) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void folder_remove(const char *dir, const char *const *names, int n) {
    char path[200];
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(dir), 0);
}

static const char *const MODEL_FILE[] = {"model.safetensors"};

// The bytes of a file with this header and data_size bytes 0, 1, 2, ..
static size_t file_bytes(unsigned char *out, const char *header, size_t data_size) {
    size_t n = strlen(header);
    for (int i = 0; i < 8; i++) out[i] = (unsigned char)((uint64_t)n >> (8 * i));
    memcpy(out + 8, header, n);
    for (size_t i = 0; i < data_size; i++) out[8 + n + i] = (unsigned char)i;
    return 8 + n + data_size;
}

static void assert_refused_bytes(const void *bytes, size_t n, const char *reason) {
    Folder folder;
    Error err = {0};
    folder_make(&folder);
    folder_put(folder.dir, "model.safetensors", bytes, n);
    Safetensors *file = safetensors_open(folder.path, &err);
    if (file || !strstr(err.text, reason) || !strstr(err.text, folder.path))
        fail_msg("wanted \"%s\", got \"%s\"", reason, err.text);
    folder_remove(folder.dir, MODEL_FILE, 1);
}

#define VALUE(name, offsets) "\"" name "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" offsets "}"

static void assert_refused(const char *header, size_t data_size, const char *reason) {
    unsigned char bytes[4096];
    assert_refused_bytes(bytes, file_bytes(bytes, header, data_size), reason);
}

static void reads_by_name(void **state) {
    (void)state;
    unsigned char bytes[1024];
    Folder folder;
    Error err = {0};
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"U8\",\"shape\":[2,3],\"data_offsets\":[8,14]},"
        "\"a\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]},"
        "\"none\":{\"dtype\":\"F32\",\"shape\":[4,0],\"data_offsets\":[8,8]}}  ";
    size_t n = file_bytes(bytes, header, 14);
    folder_make(&folder);
    folder_put(folder.dir, "model.safetensors", bytes, n);
    Safetensors *file = safetensors_open_model(folder.dir, &err);
    if (!file) fail_msg("%s", err.text);
    assert_int_equal(safetensors_count(file), 3);
    assert_string_equal(safetensors_at(file, 0)->name, "a");
    const Safetensor *b = safetensors_find(file, "b"), *none = safetensors_find(file, "none");
    assert_non_null(b);
    assert_int_equal(b->rank, 2);
    assert_int_equal(b->shape[1], 3);
    assert_int_equal(b->bytes, 6);
    assert_int_equal(((const unsigned char *)b->data)[5], 13);
    assert_int_equal(none->elements, 0);
    assert_null(safetensors_find(file, "c"));
    assert_string_equal(safetensors_metadata(file, "format"), "pt");
    assert_null(safetensors_metadata(file, "step"));
    float unused[6];
    assert_false(safetensor_to_float(b, unused, &err));
    assert_non_null(strstr(err.text, "b: U8, where"));
    safetensors_close(file);
    folder_remove(folder.dir, MODEL_FILE, 1);
}

static void refuses_hostile_headers(void **state) {
    (void)state;
    assert_refused("{", 0, "not valid JSON");
    assert_refused(" {}", 0, "does not begin with {");
    assert_refused("{} x", 0, "text after");
    assert_refused("{}", 1, "belong to no tensor");
    assert_refused("{\"a\":3}", 0, "a: not an object");
    assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "not exactly");
    assert_refused("{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "unknown dtype F33");
    assert_refused("{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "not a string");
    assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}", 4, "no shape");
    assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "whole number");
    assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,6]}}", 6, "whole number");
    assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1e300],\"data_offsets\":[0,6]}}", 6, "whole number");
    assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "dimensions");
    assert_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
                   "overflows");
    assert_refused("{\"a\":{\"dtype\":\"F64\",\"shape\":[2251799813685248,1024],\"data_offsets\":[0,0]}}", 0,
                   "overflows");
    assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
                   "are 8 bytes, its offsets hold 4");
    assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "ascending");
    assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4, "pair");
    assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "ends at byte 8 of 4");
    assert_refused("{" VALUE("a", "[0,4]") "," VALUE("b", "[0,4]") "}", 4, "overlaps");
    assert_refused("{" VALUE("a", "[0,4]") "," VALUE("b", "[2,6]") "}", 6, "overlaps");
    assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "hole");
    assert_refused("{" VALUE("a", "[0,4]") "," VALUE("a", "[4,8]") "}", 8, "\"a\" occurs twice");
    assert_refused("{\"__metadata__\":{\"a\":3}}", 0, "\"a\" is not a string");
    assert_refused("{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", 0, "\"a\" occurs twice");
    assert_refused("{\"__metadata__\":[]}", 0, "not an object");
}

static void refuses_hostile_files(void **state) {
    (void)state;
    unsigned char bytes[16 + 3000];
    Error err = {0};
    assert_refused_bytes("", 0, "too few");
    assert_refused_bytes("1234567", 7, "too few");
    assert_refused_bytes("\3\0\0\0\0\0\0\0{}", 10, "a header of 3 bytes");
    assert_refused_bytes("\377\377\377\377\377\377\377\377{}", 10, "a header of 18446744073709551615 bytes");
    assert_refused_bytes("\0\0\0\0\0\0\0\0", 8, "begin");
    assert_refused_bytes("\3\0\0\0\0\0\0\0{\0}", 11, "zero byte");
    memset(bytes, '[', sizeof bytes); // nesting
    memcpy(bytes, "\xb8\x0b\0\0\0\0\0\0{\"a\":", 13);
    assert_refused_bytes(bytes, 8 + 3000, "not valid JSON");
    assert_null(safetensors_open("/nonexistent/model.safetensors", &err));
    assert_non_null(strstr(err.text, "/nonexistent/model.safetensors: No such file"));
    assert_null(safetensors_open(P_tmpdir, &err));
    assert_non_null(strstr(err.text, "not a regular file"));
}

// A damaged file is refused, or its tensors are still inside it.
static void survives_any_damage(void **state) {
    (void)state;
    unsigned char bytes[1024], damaged[1024];
    Folder folder;
    Error err = {0};
    uint64_t random = 1;
    int opened = 0;
    static const char header[] =
        "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F16\",\"shape\":[2,2],\"data_offsets\":[0,8]},"
        "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}";
    size_t n = file_bytes(bytes, header, 12);
    folder_make(&folder);
    for (int round = 0; round < 4000; round++) {
        memcpy(damaged, bytes, n);
        for (int i = 0; i <= round % 3; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            damaged[(random >> 33) % n] = "0123456789[]{}\",:\\ -eFU\0\xff"[(random >> 20) % 25];
        }
        folder_put(folder.dir, "model.safetensors", damaged, round % 7 ? n : (random >> 40) % n);
        Safetensors *file = safetensors_open(folder.path, &err);
        float values[16];
        for (size_t i = 0; file && i < safetensors_count(file); i++)
            if (safetensors_at(file, i)->elements <= 16) safetensor_to_float(safetensors_at(file, i), values, &err);
        opened += file != NULL;
        safetensors_close(file);
    }
    assert_in_range(opened, 50, 3000); // the damage is neither always harmless nor always fatal
    folder_remove(folder.dir, MODEL_FILE, 1);
}

static Safetensors *write_and_open(const Folder *folder, const Safetensor *tensors, size_t n,
                                   const SafetensorsPair *pairs, size_t n_pairs) {
    Error err = {0};
    if (!safetensors_write(folder->path, tensors, n, pairs, n_pairs, &err)) fail_msg("%s", err.text);
    Safetensors *file = safetensors_open(folder->path, &err);
    if (!file) fail_msg("%s", err.text);
    return file;
}

static void writes_what_it_reads(void **state) {
    (void)state;
    const float a[6] = {0, 1, -2.5f, 1e-40f, INFINITY, 7};
    const unsigned char odd[3] = {1, 2, 255};
    const int64_t step = -5;
    const uint16_t bf16[2] = {0x3f80, 0xc040};
    const Safetensor tensors[] = {{"odd", SAFETENSOR_U8, 1, {3}, odd, 0, 0, NULL},
                                  {"model.\"a\".weight", SAFETENSOR_F32, 2, {2, 3}, a, 0, 0, NULL},
                                  {"\xc3\xa9\n", SAFETENSOR_BF16, 1, {2}, bf16, 0, 0, NULL},
                                  {"empty", SAFETENSOR_F32, 2, {0, 3}, NULL, 0, 0, NULL},
                                  {"step", SAFETENSOR_I64, 0, {0}, &step, 0, 0, NULL}};
    const SafetensorsPair pairs[] = {{"format", "pt"}, {"flags", "--a \"b\"\n\\"}};
    Folder folder;
    folder_make(&folder);
    Safetensors *file = write_and_open(&folder, NULL, 0, NULL, 0);
    assert_int_equal(safetensors_count(file), 0);
    safetensors_close(file);
    file = write_and_open(&folder, tensors, 5, pairs, 2);
    assert_int_equal(safetensors_count(file), 5);
    for (int i = 0; i < 5; i++) {
        const Safetensor *t = safetensors_find(file, tensors[i].name);
        assert_non_null(t);
        assert_int_equal(t->type, tensors[i].type);
        assert_int_equal(t->rank, tensors[i].rank);
        for (int d = 0; d < t->rank; d++) assert_int_equal(t->shape[d], tensors[i].shape[d]);
        assert_int_equal((uintptr_t)t->data % safetensor_type_size(t->type), 0);
        if (t->bytes) assert_memory_equal(t->data, tensors[i].data, t->bytes);
    }
    float values[6];
    assert_true(safetensor_to_float(safetensors_find(file, "\xc3\xa9\n"), values, NULL));
    assert_true(values[0] == 1 && values[1] == -3);
    assert_true(safetensor_to_float(safetensors_find(file, "model.\"a\".weight"), values, NULL));
    assert_memory_equal(values, a, sizeof a);
    assert_string_equal(safetensors_metadata(file, "flags"), pairs[1].value);
    safetensors_close(file);
    folder_remove(folder.dir, MODEL_FILE, 1); // fails if path.tmp is still there
}

static void refuses_to_write(void **state) {
    (void)state;
    const float one = 1;
    const Safetensor twice[] = {{"a", SAFETENSOR_F32, 0, {0}, &one, 0, 0, NULL},
                                {"a", SAFETENSOR_F32, 0, {0}, &one, 0, 0, NULL}};
    const Safetensor missing = {"a", SAFETENSOR_F32, 0, {0}, NULL, 0, 0, NULL};
    const Safetensor huge = {"a", SAFETENSOR_F32, 2, {SIZE_MAX / 2, 3}, &one, 0, 0, NULL};
    const Safetensor reserved = {"__metadata__", SAFETENSOR_F32, 0, {0}, &one, 0, 0, NULL};
    const Safetensor latin1 = {"\xe9", SAFETENSOR_F32, 0, {0}, &one, 0, 0, NULL};
    const SafetensorsPair bad = {"key", "\xff"};
    Folder folder;
    Error err = {0};
    folder_make(&folder);
    assert_false(safetensors_write(folder.path, twice, 2, NULL, 0, &err));
    assert_non_null(strstr(err.text, "\"a\" is given twice"));
    assert_false(safetensors_write(folder.path, &missing, 1, NULL, 0, &err));
    assert_false(safetensors_write(folder.path, &huge, 1, NULL, 0, &err));
    assert_false(safetensors_write(folder.path, &reserved, 1, NULL, 0, &err));
    assert_false(safetensors_write(folder.path, &latin1, 1, NULL, 0, &err));
    assert_false(safetensors_write(folder.path, twice, 1, &bad, 1, &err));
    assert_non_null(strstr(err.text, "metadata key is not UTF-8"));
    assert_int_equal(rmdir(folder.dir), 0); // nothing is left
    assert_false(safetensors_write(folder.path, twice, 1, NULL, 0, &err));
    assert_non_null(strstr(err.text, "model.safetensors.tmp: No such file"));
}

// Every half, against the definition: (-1)^s 2^(e-15) (1 + m/1024), denormals m 2^-24.
static void half_is_exact(void **state) {
    (void)state;
    enum { HALVES = 1 << 16 };
    uint16_t *bits = malloc(HALVES * sizeof *bits);
    float *values = malloc(HALVES * sizeof *values);
    assert_true(bits && values);
    for (int i = 0; i < HALVES; i++) bits[i] = (uint16_t)i;
    const Safetensor tensor = {"h", SAFETENSOR_F16, 1, {HALVES}, bits, HALVES, 2 * HALVES, "none"};
    assert_true(safetensor_to_float(&tensor, values, NULL));
    for (int i = 0; i < HALVES; i++) {
        int e = i >> 10 & 31, m = i & 1023;
        double want = (e ? ldexp(1 + m / 1024.0, e - 15) : ldexp(m, -24)) * (i >> 15 ? -1 : 1);
        if (e == 31 && m) assert_true(isnan(values[i]));
        else if (e == 31) assert_true(values[i] == (i >> 15 ? -INFINITY : INFINITY));
        else assert_true((double)values[i] == want && !signbit(values[i]) == !(i >> 15));
    }
    free(bits);
    free(values);
}

static void open_model_refused(const char *dir, const char *index, const char *reason) {
    Error err = {0};
    folder_put(dir, "model.safetensors.index.json", index, strlen(index));
    assert_null(safetensors_open_model(dir, &err));
    if (!strstr(err.text, reason)) fail_msg("wanted \"%s\", got \"%s\"", reason, err.text);
}

static void reads_shards(void **state) {
    (void)state;
    static const char *const files[] = {"1.safetensors", "2.safetensors", "model.safetensors.index.json"};
    static const char good[] = "{\"weight_map\":{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}}";
    unsigned char bytes[1024];
    Folder folder;
    Error err = {0};
    folder_make(&folder);
    assert_null(safetensors_open_model(folder.dir, &err));
    assert_non_null(strstr(err.text, "neither"));
    size_t n = file_bytes(bytes, "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4);
    folder_put(folder.dir, files[0], bytes, n);
    folder_put(folder.dir, files[1], bytes, n);
    open_model_refused(folder.dir, good, "a is in "); // the same tensor in both
    n = file_bytes(bytes, "{\"b\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4);
    folder_put(folder.dir, files[1], bytes, n);
    open_model_refused(folder.dir, "{\"weight_map\":{\"a\":\"2.safetensors\",\"b\":\"1.safetensors\"}}", "is not in");
    open_model_refused(folder.dir, "{\"weight_map\":{\"c\":\"2.safetensors\"}}", "c is not in");
    open_model_refused(folder.dir, "{\"weight_map\":{\"a\":\"../1.safetensors\"}}", "not a file of this folder");
    open_model_refused(folder.dir, "{\"weight_map\":{\"a\":3}}", "not a file of this folder");
    open_model_refused(folder.dir, "{\"weight_map\":{\"a\":\"3.safetensors\"}}", "3.safetensors: No such file");
    open_model_refused(folder.dir, "{\"weight_map\":{}}", "no weight_map");
    open_model_refused(folder.dir, "{", "not valid JSON");
    folder_put(folder.dir, files[2], good, sizeof good - 1);
    Safetensors *file = safetensors_open_model(folder.dir, &err);
    if (!file) fail_msg("%s", err.text);
    assert_int_equal(safetensors_count(file), 2);
    assert_int_equal(safetensors_find(file, "b")->type, SAFETENSOR_F16);
    safetensors_close(file);
    folder_remove(folder.dir, files, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_by_name),         cmocka_unit_test(refuses_hostile_headers),
        cmocka_unit_test(refuses_hostile_files), cmocka_unit_test(survives_any_damage),
        cmocka_unit_test(writes_what_it_reads),  cmocka_unit_test(refuses_to_write),
        cmocka_unit_test(half_is_exact),         cmocka_unit_test(reads_shards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
