// Optional (Hugging Face models): the writer of .safetensors files.
#include "model/files/safetensors.h"
#include "base/files.h"
#include "base/text.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

static const size_t MAX_BYTES = (size_t)1 << 49; // cJSON prints whole numbers exactly to 15 digits

static bool tensor_bytes(const Safetensor *t, size_t *bytes) {
    if (t->rank < 0 || t->rank > SAFETENSOR_MAX_RANK || (unsigned)t->type >= SAFETENSOR_TYPES) return false;
    *bytes = safetensor_type_size(t->type);
    for (int d = 0; d < t->rank; d++)
        if (__builtin_mul_overflow(*bytes, t->shape[d], bytes)) return false;
    return *bytes < MAX_BYTES && (t->data || *bytes == 0);
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static bool is_text(const char *text) { return text && utf8_valid(text, strlen(text), NULL); }

// Whether every name is valid and occurs once. Sorts them.
static bool check_names(const char *path, const char **names, size_t n, Error *err) {
    for (size_t i = 0; i < n; i++)
        if (!is_text(names[i]) || !*names[i] || strcmp(names[i], "__metadata__") == 0)
            return fail(err, "%s: \"%s\" cannot be a name", path, names[i] ? names[i] : "");
    qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 1; i < n; i++)
        if (strcmp(names[i - 1], names[i]) == 0) return fail(err, "%s: the name \"%s\" is given twice", path, names[i]);
    return true;
}

static bool check_all(const char *path, const Safetensor *tensors, size_t n, const SafetensorsPair *metadata,
                      size_t n_metadata, Error *err) {
    size_t bytes, total = 0;
    const char **names = malloc((n + n_metadata + 1) * sizeof *names);
    if (!names) return fail(err, "%s: out of memory", path);
    for (size_t i = 0; i < n; i++) names[i] = tensors[i].name;
    for (size_t i = 0; i < n_metadata; i++) names[n + i] = metadata[i].key;
    bool good = check_names(path, names, n, err) && check_names(path, names + n, n_metadata, err);
    free(names);
    for (size_t i = 0; good && i < n; i++) {
        if (!tensor_bytes(&tensors[i], &bytes) || (total += bytes) >= MAX_BYTES)
            good = fail(err, "%s: %s: no data, or a rank, type or size that cannot be written", path, tensors[i].name);
    }
    for (size_t i = 0; good && i < n_metadata; i++)
        if (!is_text(metadata[i].value))
            good = fail(err, "%s: metadata %s is not UTF-8 text", path, metadata[i].key);
    return good;
}

static bool add_tensor(cJSON *header, const Safetensor *t, size_t *offset) {
    size_t bytes = 0;
    cJSON *entry = cJSON_AddObjectToObject(header, t->name);
    cJSON_AddStringToObject(entry, "dtype", safetensor_type_name(t->type));
    cJSON *shape = cJSON_AddArrayToObject(entry, "shape");
    for (int d = 0; d < t->rank; d++) cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)t->shape[d]));
    cJSON *offsets = cJSON_AddArrayToObject(entry, "data_offsets");
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)*offset));
    if (!tensor_bytes(t, &bytes)) return false;
    *offset += bytes;
    return cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)*offset));
}

// The header's text, or NULL when out of memory.
static char *make_header(const Safetensor *tensors, size_t n, const SafetensorsPair *metadata, size_t n_metadata) {
    size_t offset = 0;
    cJSON *header = cJSON_CreateObject();
    cJSON *pairs = n_metadata ? cJSON_AddObjectToObject(header, "__metadata__") : NULL;
    bool good = header && (pairs || !n_metadata);
    for (size_t i = 0; good && i < n_metadata; i++)
        good = cJSON_AddStringToObject(pairs, metadata[i].key, metadata[i].value);
    for (size_t size = 8; size; size /= 2)
        for (size_t i = 0; good && i < n; i++)
            if (safetensor_type_size(tensors[i].type) == size) good = add_tensor(header, &tensors[i], &offset);
    char *text = good ? cJSON_PrintUnformatted(header) : NULL;
    cJSON_Delete(header);
    return text;
}

static bool write_bytes(FILE *file, const void *bytes, size_t n) { return n == 0 || fwrite(bytes, 1, n, file) == n; }

static bool write_file(FILE *file, const char *header, const Safetensor *tensors, size_t n) {
    int length = (int)((strlen(header) + 7) / 8 * 8); // padded with spaces, so the data starts at a multiple of 8
    unsigned char prefix[8];
    for (int i = 0; i < 8; i++) prefix[i] = (unsigned char)((size_t)length >> (8 * i));
    bool good = write_bytes(file, prefix, 8) && fprintf(file, "%-*s", length, header) == length;
    for (size_t size = 8; size; size /= 2)
        for (size_t i = 0; good && i < n; i++) {
            size_t bytes = 0;
            if (safetensor_type_size(tensors[i].type) == size)
                good = tensor_bytes(&tensors[i], &bytes) && write_bytes(file, tensors[i].data, bytes);
        }
    return good;
}

bool safetensors_write(const char *path, const Safetensor *tensors, size_t n, const SafetensorsPair *metadata,
                       size_t n_metadata, Error *err) {
    FileReplacement r;
    if (!check_all(path, tensors, n, metadata, n_metadata, err)) return false;
    char *header = make_header(tensors, n, metadata, n_metadata);
    if (!header) return fail(err, "%s: out of memory", path);
    bool good = file_replace_begin(&r, path, err);
    if (good && !write_file(r.file, header, tensors, n)) {
        good = fail(err, "%s: %s", path, strerror(errno));
        file_replace_abandon(&r);
    }
    cJSON_free(header);
    return good && file_replace_commit(&r, err);
}
