// Optional (Hugging Face models): the reader of .safetensors files.
// Tensors point into the mapping and their names into the parsed header, so opening a model reads only its headers.
#include "model/files/safetensors.h"
#include "base/files.h"
#include "base/json.h"
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TYPE_ROW(name, size) {#name, size},
static const struct {
    const char *name;
    size_t size;
} TYPES[] = {SAFETENSOR_TYPE_LIST(TYPE_ROW)};

static const uint64_t MAX_HEADER = 100000000;        // the reference reader's limit
static const double MAX_NUMBER = 9007199254740992.0; // 2^53: JSON numbers are read as doubles
static const char METADATA[] = "__metadata__";

typedef struct ShardFile {
    char *path;
    unsigned char *map; // NULL: not mapped
    size_t size, data;  // bytes of the file, and those before its tensors
    cJSON *header;
} ShardFile;

struct Safetensors {
    Safetensor *tensors; // (count) sorted by name
    size_t count;
    ShardFile *shards; // (n_shards)
    size_t n_shards;
};

size_t safetensor_type_size(SafetensorType type) { return TYPES[type].size; }
const char *safetensor_type_name(SafetensorType type) { return TYPES[type].name; }

static bool read_size(const cJSON *item, size_t *value) {
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= MAX_NUMBER)) return false;
    *value = (size_t)item->valuedouble;
    return (double)*value == item->valuedouble;
}

static int compare_strings(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static bool bad(const Safetensor *t, const char *why, Error *err) {
    return fail(err, "%s: %s: %s", t->path, t->name, why);
}

// Whether every key occurs once; otherwise two readers could see different files.
static bool check_keys(const cJSON *object, const char *path, Error *err) {
    size_t n = (size_t)cJSON_GetArraySize(object), i = 0;
    const char **keys = malloc((n + 1) * sizeof *keys);
    if (!keys) return fail(err, "%s: out of memory", path);
    for (const cJSON *item = object->child; item; item = item->next) keys[i++] = item->string;
    qsort(keys, n, sizeof *keys, compare_strings);
    for (i = 1; i < n && strcmp(keys[i - 1], keys[i]) != 0;) i++;
    bool good = i >= n || fail(err, "%s: the name \"%s\" occurs twice", path, keys[i]);
    free(keys);
    return good;
}

static bool read_metadata(const ShardFile *shard, const cJSON *metadata, Error *err) {
    if (!cJSON_IsObject(metadata)) return fail(err, "%s: %s is not an object", shard->path, METADATA);
    for (const cJSON *item = metadata->child; item; item = item->next)
        if (!cJSON_IsString(item))
            return fail(err, "%s: %s: \"%s\" is not a string", shard->path, METADATA, item->string);
    return check_keys(metadata, shard->path, err);
}

static bool read_shape(Safetensor *t, const cJSON *shape, Error *err) {
    if (!cJSON_IsArray(shape)) return bad(t, "no shape", err);
    t->elements = 1;
    for (const cJSON *item = shape->child; item; item = item->next) {
        if (t->rank == SAFETENSOR_MAX_RANK) return bad(t, "too many dimensions", err);
        size_t *dim = &t->shape[t->rank++];
        if (!read_size(item, dim)) return bad(t, "a dimension is not a whole number", err);
        if (__builtin_mul_overflow(t->elements, *dim, &t->elements)) return bad(t, "the shape overflows", err);
    }
    bool overflow = __builtin_mul_overflow(t->elements, TYPES[t->type].size, &t->bytes);
    return !overflow || bad(t, "the shape overflows", err);
}

static bool read_tensor(Safetensor *t, const ShardFile *shard, const cJSON *item, Error *err) {
    *t = (Safetensor){.name = item->string, .path = shard->path};
    const cJSON *dtype = json_get(item, "dtype"), *offsets = json_get(item, "data_offsets");
    const cJSON *shape = json_get(item, "shape");
    if (!cJSON_IsObject(item)) return bad(t, "not an object", err);
    if (!dtype || !shape || !offsets || cJSON_GetArraySize(item) != 3)
        return bad(t, "not exactly dtype, shape and data_offsets", err);
    if (!cJSON_IsString(dtype)) return bad(t, "the dtype is not a string", err);
    while (t->type < SAFETENSOR_TYPES && strcmp(TYPES[t->type].name, dtype->valuestring) != 0) t->type++;
    if (t->type == SAFETENSOR_TYPES)
        return fail(err, "%s: %s: unknown dtype %s", t->path, t->name, dtype->valuestring);
    if (!read_shape(t, shape, err)) return false;

    size_t begin, end, room = shard->size - shard->data;
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 || !read_size(offsets->child, &begin) ||
        !read_size(offsets->child->next, &end) || begin > end)
        return bad(t, "data_offsets is not a pair of ascending whole numbers", err);
    if (end > room)
        return fail(err, "%s: %s: ends at byte %zu of %zu bytes of data: is the file truncated?", t->path, t->name, end,
                    room);
    if (end - begin != t->bytes)
        return fail(err, "%s: %s: %zu elements of %s are %zu bytes, its offsets hold %zu", t->path, t->name,
                    t->elements, TYPES[t->type].name, t->bytes, end - begin);
    t->data = shard->map + shard->data + begin;
    return true;
}

static int compare_places(const void *a, const void *b) {
    const Safetensor *s = a, *t = b;
    if (s->data != t->data) return (const char *)s->data < (const char *)t->data ? -1 : 1;
    return (s->bytes > t->bytes) - (s->bytes < t->bytes); // an empty tensor precedes the one that starts there
}

static int compare_names(const void *a, const void *b) {
    return strcmp(((const Safetensor *)a)->name, ((const Safetensor *)b)->name);
}

// Whether the tensors cover the file's data without overlaps and holes. Sorts them.
static bool check_cover(Safetensor *tensors, size_t n, const ShardFile *shard, Error *err) {
    const unsigned char *next = shard->map + shard->data;
    qsort(tensors, n, sizeof *tensors, compare_places);
    for (size_t i = 0; i < n; i++) {
        const unsigned char *data = tensors[i].data;
        if (data < next) return bad(&tensors[i], "overlaps another tensor", err);
        if (data > next) return bad(&tensors[i], "a hole in the data precedes it", err);
        next += tensors[i].bytes;
    }
    ptrdiff_t left = shard->map + shard->size - next;
    return left == 0 || fail(err, "%s: %td bytes of data belong to no tensor", shard->path, left);
}

static bool read_header(ShardFile *shard, Error *err) {
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--) length = length << 8 | shard->map[i];
    if (length > MAX_HEADER || length > shard->size - 8)
        return fail(err, "%s: a header of %zu bytes in a file of %zu", shard->path, (size_t)length, shard->size);
    const char *text = (const char *)shard->map + 8, *end = text;
    if (length == 0 || *text != '{') return fail(err, "%s: the header does not begin with {", shard->path);
    if (memchr(text, 0, length)) return fail(err, "%s: a zero byte in the header", shard->path);
    shard->header = cJSON_ParseWithLengthOpts(text, length, &end, 0);
    if (!shard->header) return fail(err, "%s: the header is not valid JSON (at byte %td)", shard->path, end - text + 8);
    while (end < text + length && *end == ' ') end++;
    if (end != text + length)
        return fail(err, "%s: text after the header's end (at byte %td)", shard->path, end - text + 8);
    shard->data = 8 + length;
    return check_keys(shard->header, shard->path, err);
}

// Appends a file's tensors in any order. On failure `file` still owns what was opened, for safetensors_close.
static bool add_shard(Safetensors *file, const char *path, Error *err) {
    ShardFile *shards = realloc(file->shards, (file->n_shards + 1) * sizeof *shards);
    if (!shards) return fail(err, "%s: out of memory", path);
    file->shards = shards;
    ShardFile *shard = &shards[file->n_shards++];
    *shard = (ShardFile){.path = strdup(path)};
    if (!shard->path) return fail(err, "%s: out of memory", path);
    if (!(shard->map = file_map(path, 8, &shard->size, err)) || !read_header(shard, err)) return false;

    size_t room = file->count + (size_t)cJSON_GetArraySize(shard->header);
    Safetensor *tensors = realloc(file->tensors, (room + 1) * sizeof *tensors);
    if (!tensors) return fail(err, "%s: out of memory", path);
    file->tensors = tensors;
    size_t first = file->count;
    for (const cJSON *item = shard->header->child; item; item = item->next) {
        if (strcmp(item->string, METADATA) == 0) {
            if (!read_metadata(shard, item, err)) return false;
        } else if (!read_tensor(&tensors[file->count++], shard, item, err)) return false;
    }
    return check_cover(tensors + first, file->count - first, shard, err);
}

static bool sort_names(Safetensors *file, Error *err) {
    if (file->count) qsort(file->tensors, file->count, sizeof *file->tensors, compare_names);
    for (size_t i = 1; i < file->count; i++) {
        const Safetensor *t = &file->tensors[i];
        if (strcmp(t[-1].name, t->name) == 0) return fail(err, "%s: %s is in %s too", t->path, t->name, t[-1].path);
    }
    return true;
}

static Safetensors *new_file(void) {
    Safetensors *file = calloc(1, sizeof *file);
    REQUIRE(file, "out of memory");
    return file;
}

Safetensors *safetensors_open(const char *path, Error *err) {
    Safetensors *file = new_file();
    if (add_shard(file, path, err) && sort_names(file, err)) return file;
    safetensors_close(file);
    return NULL;
}

static bool has_shard(const Safetensors *file, const char *path) {
    for (size_t i = 0; i < file->n_shards; i++)
        if (strcmp(file->shards[i].path, path) == 0) return true;
    return false;
}

static bool open_shards(Safetensors *file, const char *dir, const char *index_path, const cJSON *map, Error *err) {
    char path[4200];
    if (!cJSON_IsObject(map) || !map->child) return fail(err, "%s: no weight_map", index_path);
    if (!check_keys(map, index_path, err)) return false;
    for (const cJSON *item = map->child; item; item = item->next) {
        const char *name = cJSON_IsString(item) ? item->valuestring : "";
        if (!*name || strchr(name, '/'))
            return fail(err, "%s: %s: \"%s\" is not a file of this folder", index_path, item->string, name);
        if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path)
            return fail(err, "%s: a path is too long", index_path);
        if (!has_shard(file, path) && !add_shard(file, path, err)) return false;
    }
    if (!sort_names(file, err)) return false;
    for (const cJSON *item = map->child; item; item = item->next) {
        const Safetensor *tensor = safetensors_find(file, item->string);
        snprintf(path, sizeof path, "%s/%s", dir, item->valuestring);
        if (!tensor || strcmp(tensor->path, path) != 0)
            return fail(err, "%s: %s is not in %s as %s says", dir, item->string, item->valuestring, index_path);
    }
    return true;
}

Safetensors *safetensors_open_model(const char *dir, Error *err) {
    char path[4200];
    if (strlen(dir) > 4096) return fail(err, "the path of the model is too long"), NULL;
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    if (access(path, F_OK) == 0) return safetensors_open(path, err);
    snprintf(path, sizeof path, "%s/model.safetensors.index.json", dir);
    if (access(path, F_OK) != 0)
        return fail(err, "%s: has neither model.safetensors nor model.safetensors.index.json", dir), NULL;
    cJSON *index = json_read(path, err);
    Safetensors *file = new_file();
    bool good = index && open_shards(file, dir, path, json_get(index, "weight_map"), err);
    cJSON_Delete(index);
    if (good) return file;
    safetensors_close(file);
    return NULL;
}

void safetensors_close(Safetensors *file) {
    if (!file) return;
    for (size_t i = 0; i < file->n_shards; i++) {
        if (file->shards[i].map) munmap(file->shards[i].map, file->shards[i].size);
        cJSON_Delete(file->shards[i].header);
        free(file->shards[i].path);
    }
    free(file->shards);
    free(file->tensors);
    free(file);
}

size_t safetensors_count(const Safetensors *file) { return file->count; }
const Safetensor *safetensors_at(const Safetensors *file, size_t i) { return &file->tensors[i]; }

const Safetensor *safetensors_find(const Safetensors *file, const char *name) {
    Safetensor key = {.name = name};
    return file->count ? bsearch(&key, file->tensors, file->count, sizeof key, compare_names) : NULL;
}

const char *safetensors_metadata(const Safetensors *file, const char *key) {
    for (size_t i = 0; i < file->n_shards; i++) {
        const cJSON *metadata = json_get(file->shards[i].header, METADATA);
        const cJSON *item = json_get(metadata, key);
        if (item) return item->valuestring;
    }
    return NULL;
}

typedef union FloatBits {
    uint32_t bits;
    float value;
} FloatBits;

// With a half's exponent field in a float's place the value is 2^-112 of the true one, denormals included, and the
// product is exact. Infinity and NaN get a float's all-ones exponent and keep their payload.
float float_from_half(uint16_t half) {
    FloatBits x = {(uint32_t)(half & 0x7fff) << 13};
    x.value *= 0x1p112f;
    if ((half & 0x7c00) == 0x7c00) x.bits = 0x7f800000 | (uint32_t)(half & 0x3ff) << 13;
    x.bits |= (uint32_t)(half & 0x8000) << 16;
    return x.value;
}

bool safetensor_to_float(const Safetensor *tensor, float *dst, Error *err) {
    return safetensor_part_to_float(tensor, 0, tensor->elements, dst, err);
}

bool safetensor_part_to_float(const Safetensor *tensor, size_t first, size_t n, float *dst, Error *err) {
    const unsigned char *data = (const unsigned char *)tensor->data + first * TYPES[tensor->type].size;
    uint16_t half;
    if (tensor->type == SAFETENSOR_F32) {
        if (n) memcpy(dst, data, n * sizeof *dst);
    } else if (tensor->type == SAFETENSOR_BF16) {
        for (size_t i = 0; i < n; i++) {
            memcpy(&half, data + 2 * i, 2);
            dst[i] = (FloatBits){(uint32_t)half << 16}.value;
        }
    } else if (tensor->type == SAFETENSOR_F16) {
        for (size_t i = 0; i < n; i++) {
            memcpy(&half, data + 2 * i, 2);
            dst[i] = float_from_half(half);
        }
    } else {
        return fail(err, "%s: %s: %s, where F32, F16 or BF16 is read", tensor->path, tensor->name,
                    TYPES[tensor->type].name);
    }
    return true;
}

// Advises on the whole pages inside the range.
static void advise(const Safetensor *tensor, size_t first, size_t n, int advice) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = TYPES[tensor->type].size;
    uintptr_t start = (uintptr_t)tensor->data + first * size, end = start + n * size;
    start = (start + page - 1) / page * page;
    end = end / page * page;
    if (start < end) madvise((void *)start, end - start, advice);
}

void safetensor_read_next(const Safetensor *tensor, size_t first, size_t n) { advise(tensor, first, n, MADV_WILLNEED); }
void safetensor_read_done(const Safetensor *tensor, size_t first, size_t n) { advise(tensor, first, n, MADV_DONTNEED); }
