// Optional (converters): the GGUF reader. Every length and count is checked against the remaining bytes before it is
// used, so no count can allocate more memory than the file could fill.
#include "dev/convert/gguf.h"
#include "base/files.h"
#include <string.h>
#include <sys/mman.h>

static const size_t TYPE_SIZE[GGUF_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

typedef struct Cursor {
    const Gguf *file;
    size_t at;
    Error *err;
} Cursor;

static bool cut_short(const Cursor *c, const char *what) {
    return fail(c->err, "%s: ends inside %s (at byte %zu): is the file cut short?", c->file->path, what, c->at);
}

// Writes the next n <= 8 bytes as a number.
static bool take(Cursor *c, size_t n, uint64_t *value, const char *what) {
    *value = 0;
    if (n > c->file->size - c->at) return cut_short(c, what);
    memcpy(value, c->file->map + c->at, n); // file and machine are little endian
    c->at += n;
    return true;
}

static bool take_text(Cursor *c, GgufText *text, const char *what) {
    uint64_t n;
    if (!take(c, 8, &n, what)) return false;
    if (n > c->file->size - c->at)
        return fail(c->err, "%s: %s of %llu bytes in a file of %zu (at byte %zu)", c->file->path, what,
                    (unsigned long long)n, c->file->size, c->at - 8);
    *text = (GgufText){(const char *)c->file->map + c->at, (size_t)n};
    c->at += (size_t)n;
    return true;
}

// Steps over the elements of a value.
static bool skip_elements(Cursor *c, const GgufPair *p) {
    GgufText text;
    size_t left = c->file->size - c->at, size = TYPE_SIZE[p->type];
    if (p->count > left / (size ? size : 8)) // a string has 8 bytes at least
        return fail(c->err, "%s: %.*s has %llu elements, more than the file can hold", c->file->path,
                    GGUF_SHOWN(p->key), (unsigned long long)p->count);
    if (size) c->at += size * (size_t)p->count;
    for (uint64_t i = 0; !size && i < p->count; i++)
        if (!take_text(c, &text, "a string")) return false;
    return true;
}

static bool take_pair(Cursor *c, GgufPair *p) {
    uint64_t type, count = 1;
    if (!take_text(c, &p->key, "a key") || !take(c, 4, &type, "a value's type")) return false;
    p->is_array = type == GGUF_ARRAY;
    if (p->is_array && (!take(c, 4, &type, "an array's type") || !take(c, 8, &count, "an array's length")))
        return false;
    if (type >= GGUF_TYPES || type == GGUF_ARRAY)
        return fail(c->err, "%s: %.*s: a value of unknown type %llu", c->file->path, GGUF_SHOWN(p->key),
                    (unsigned long long)type);
    p->type = (GgufType)type;
    p->count = count;
    p->data = c->file->map + c->at;
    return skip_elements(c, p);
}

// Writes the tensor's description and its offset from the start of the data.
static bool take_tensor(Cursor *c, GgufTensor *t, uint64_t *offset) {
    uint64_t rank, dim, type;
    const char *type_name, *path = c->file->path;
    size_t per_block, block;
    if (!take_text(c, &t->name, "a tensor's name") || !take(c, 4, &rank, "a tensor's rank")) return false;
    if (rank < 1 || rank > GGUF_MAX_RANK)
        return fail(c->err, "%s: %.*s has %llu dimensions", path, GGUF_SHOWN(t->name), (unsigned long long)rank);
    t->rank = (int)rank;
    t->elements = 1;
    for (int d = 0; d < t->rank; d++) {
        if (!take(c, 8, &dim, "a tensor's dimensions")) return false;
        t->dims[d] = (size_t)dim;
        if (dim == 0 || __builtin_mul_overflow(t->elements, t->dims[d], &t->elements))
            return fail(c->err, "%s: %.*s: impossible dimensions", path, GGUF_SHOWN(t->name));
    }
    if (!take(c, 4, &type, "a tensor's type") || !take(c, 8, offset, "a tensor's offset")) return false;
    t->type = (uint32_t)type;
    if (!gguf_type_info(t->type, &type_name, &per_block, &block))
        return fail(c->err, "%s: %.*s has ggml's type %u; F32, F16, Q8_0, Q4_0 and Q4_1 are read", path,
                    GGUF_SHOWN(t->name), t->type);
    if (t->dims[0] % per_block)
        return fail(c->err, "%s: %.*s: a row of %zu is not whole blocks of %s", path, GGUF_SHOWN(t->name), t->dims[0],
                    type_name);
    if (__builtin_mul_overflow(t->elements / per_block, block, &t->bytes))
        return fail(c->err, "%s: %.*s: impossible dimensions", path, GGUF_SHOWN(t->name));
    return true;
}

static bool place_tensor(const Gguf *file, GgufTensor *t, uint64_t offset, size_t data, size_t alignment, Error *err) {
    if (offset % alignment)
        return fail(err, "%s: %.*s starts at %llu, not a multiple of %zu", file->path, GGUF_SHOWN(t->name),
                    (unsigned long long)offset, alignment);
    if (offset > file->size - data || t->bytes > file->size - data - offset)
        return fail(err, "%s: %.*s extends past the end of the file", file->path, GGUF_SHOWN(t->name));
    t->data = file->map + data + offset;
    return true;
}

static int compare_texts(const GgufText *a, const GgufText *b) {
    int order = memcmp(a->bytes, b->bytes, a->n < b->n ? a->n : b->n);
    return order ? order : (a->n > b->n) - (a->n < b->n);
}
static int compare_pairs(const void *a, const void *b) {
    return compare_texts(&((const GgufPair *)a)->key, &((const GgufPair *)b)->key);
}
static int compare_tensors(const void *a, const void *b) {
    return compare_texts(&((const GgufTensor *)a)->name, &((const GgufTensor *)b)->name);
}
static int compare_places(const void *a, const void *b) {
    const GgufTensor *s = *(GgufTensor *const *)a, *t = *(GgufTensor *const *)b;
    return (s->data > t->data) - (s->data < t->data);
}

static bool check_names(const Gguf *file, Error *err) {
    for (size_t i = 1; i < file->n_pairs; i++)
        if (compare_pairs(&file->pairs[i - 1], &file->pairs[i]) == 0)
            return fail(err, "%s: the key %.*s occurs twice", file->path, GGUF_SHOWN(file->pairs[i].key));
    for (size_t i = 1; i < file->n_tensors; i++)
        if (compare_tensors(&file->tensors[i - 1], &file->tensors[i]) == 0)
            return fail(err, "%s: the tensor %.*s occurs twice", file->path, GGUF_SHOWN(file->tensors[i].name));
    return true;
}

static bool check_overlap(const Gguf *file, Error *err) {
    GgufTensor **order = malloc((file->n_tensors + 1) * sizeof *order);
    if (!order) return fail(err, "%s: out of memory", file->path);
    for (size_t i = 0; i < file->n_tensors; i++) order[i] = &file->tensors[i];
    qsort(order, file->n_tensors, sizeof *order, compare_places);
    size_t i = 1;
    while (i < file->n_tensors && order[i]->data - order[i - 1]->data >= (ptrdiff_t)order[i - 1]->bytes) i++;
    bool good = i >= file->n_tensors;
    if (!good) fail(err, "%s: %.*s overlaps another tensor", file->path, GGUF_SHOWN(order[i]->name));
    free(order);
    return good;
}

static bool read_tensors(Gguf *file, Cursor *c, Error *err) {
    uint64_t *offsets = malloc((file->n_tensors + 1) * sizeof *offsets);
    bool good = offsets != NULL || fail(err, "%s: out of memory", file->path);
    for (size_t i = 0; good && i < file->n_tensors; i++) good = take_tensor(c, &file->tensors[i], &offsets[i]);
    double wanted = gguf_number(file, "general.alignment", 32);
    if (good && !(wanted >= 1 && wanted <= 1 << 20 && wanted == (size_t)wanted))
        good = fail(err, "%s: an alignment of %g", file->path, wanted);
    if (good) {
        size_t alignment = (size_t)wanted, data = (c->at + alignment - 1) / alignment * alignment;
        if (file->n_tensors && data > file->size) good = cut_short(c, "the padding before its data");
        for (size_t i = 0; good && i < file->n_tensors; i++)
            good = place_tensor(file, &file->tensors[i], offsets[i], data, alignment, err);
    }
    free(offsets);
    return good;
}

bool gguf_parse(Gguf *file, const unsigned char *bytes, size_t n, const char *path, Error *err) {
    *file = (Gguf){.path = path, .map = bytes, .size = n};
    Cursor c = {file, 4, err};
    uint64_t version, n_tensors, n_pairs;
    if (n < 4 || memcmp(bytes, "GGUF", 4) != 0) return fail(err, "%s: not a GGUF file", path);
    if (!take(&c, 4, &version, "its header")) return false;
    if (version != 2 && version != 3)
        return fail(err, "%s: GGUF version %llu; versions 2 and 3, little endian, are read", path,
                    (unsigned long long)version);
    if (!take(&c, 8, &n_tensors, "its header") || !take(&c, 8, &n_pairs, "its header")) return false;
    if (n_pairs > n / 13 || n_tensors > n / 32) // the smallest of each
        return fail(err, "%s: %llu tensors and %llu pairs, more than its %zu bytes can hold", path,
                    (unsigned long long)n_tensors, (unsigned long long)n_pairs, n);
    file->pairs = calloc((size_t)n_pairs + 1, sizeof *file->pairs);
    file->tensors = calloc((size_t)n_tensors + 1, sizeof *file->tensors);
    if (!file->pairs || !file->tensors) return fail(err, "%s: out of memory", path);
    for (; file->n_pairs < n_pairs; file->n_pairs++)
        if (!take_pair(&c, &file->pairs[file->n_pairs])) return false;
    qsort(file->pairs, file->n_pairs, sizeof *file->pairs, compare_pairs);
    file->n_tensors = (size_t)n_tensors;
    if (!read_tensors(file, &c, err)) return false;
    qsort(file->tensors, file->n_tensors, sizeof *file->tensors, compare_tensors);
    return check_names(file, err) && check_overlap(file, err);
}

bool gguf_open(Gguf *file, const char *path, Error *err) {
    size_t n;
    *file = (Gguf){0};
    void *map = file_map(path, 4, &n, err);
    if (!map) return false;
    bool good = gguf_parse(file, map, n, path, err);
    file->mapped = true;
    return good;
}

void gguf_close(Gguf *file) {
    free(file->pairs);
    free(file->tensors);
    if (file->mapped) munmap((void *)file->map, file->size);
    *file = (Gguf){0};
}
