// Optional (converters): looks up values and tensors in an open GGUF file.
#include "dev/convert/gguf.h"
#include <string.h>

bool gguf_text_is(GgufText text, const char *want) {
    return text.bytes && text.n == strlen(want) && memcmp(text.bytes, want, text.n) == 0;
}

char *gguf_text_copy(GgufText text) {
    char *copy = strndup(text.bytes ? text.bytes : "", text.n);
    REQUIRE(copy, "out of memory");
    return copy;
}

const GgufPair *gguf_find(const Gguf *file, const char *key) {
    for (size_t i = 0; i < file->n_pairs; i++)
        if (gguf_text_is(file->pairs[i].key, key)) return &file->pairs[i];
    return NULL;
}

const GgufTensor *gguf_tensor(const Gguf *file, const char *name) {
    for (size_t i = 0; i < file->n_tensors; i++)
        if (gguf_text_is(file->tensors[i].name, name)) return &file->tensors[i];
    return NULL;
}

static uint64_t little_endian(const unsigned char *at, size_t n) {
    uint64_t value = 0;
    memcpy(&value, at, n);
    return value;
}

double gguf_element(const GgufPair *p, uint64_t i) {
    float single;
    double wide;
    switch (p->type) {
    case GGUF_U8: case GGUF_BOOL: return p->data[i];
    case GGUF_I8: return (int8_t)p->data[i];
    case GGUF_U16: return (double)little_endian(p->data + 2 * i, 2);
    case GGUF_I16: return (int16_t)little_endian(p->data + 2 * i, 2);
    case GGUF_U32: return (double)little_endian(p->data + 4 * i, 4);
    case GGUF_I32: return (int32_t)little_endian(p->data + 4 * i, 4);
    case GGUF_U64: return (double)little_endian(p->data + 8 * i, 8);
    case GGUF_I64: return (double)(int64_t)little_endian(p->data + 8 * i, 8);
    case GGUF_F32: return memcpy(&single, p->data + 4 * i, 4), single;
    case GGUF_F64: return memcpy(&wide, p->data + 8 * i, 8), wide;
    default: return 0;
    }
}

double gguf_number(const Gguf *file, const char *key, double fallback) {
    const GgufPair *p = gguf_find(file, key);
    return p && !p->is_array && p->type != GGUF_STRING ? gguf_element(p, 0) : fallback;
}

GgufText gguf_text(const Gguf *file, const char *key) {
    const GgufPair *p = gguf_find(file, key);
    size_t at = 0;
    uint64_t index = 0;
    return p && !p->is_array && p->type == GGUF_STRING ? gguf_next_string(p, &at, &index) : (GgufText){NULL, 0};
}

GgufText gguf_next_string(const GgufPair *p, size_t *at, uint64_t *index) {
    if (*index >= p->count) return (GgufText){NULL, 0};
    size_t n = (size_t)little_endian(p->data + *at, 8);
    GgufText text = {(const char *)p->data + *at + 8, n};
    *at += 8 + n;
    ++*index;
    return text;
}
