// Optional (converters): ggml's tensor types. A block holds 32 values x = d q + m of one row: d (and m) as halves, then
// q.
//
//   Q8_0: d, 32 int8    Q4_0: d, 16 bytes, q = nibble - 8    Q4_1: d, m, 16 bytes, q = nibble
//
// Byte i of a 4-bit block has value i in its low half and value i + 16 in its high half.
#include "dev/convert/gguf.h"
#include "model/files/safetensors.h"
#include <string.h>

enum { BLOCK = 32, F32 = 0, F16 = 1, Q4_0 = 2, Q4_1 = 3, Q8_0 = 8 };

bool gguf_type_info(uint32_t type, const char **name, size_t *elements, size_t *bytes) {
    static const struct {
        uint32_t type;
        const char *name;
        size_t elements, bytes;
    } known[] = {{F32, "F32", 1, 4}, {F16, "F16", 1, 2}, {Q4_0, "Q4_0", BLOCK, 18}, {Q4_1, "Q4_1", BLOCK, 20},
                 {Q8_0, "Q8_0", BLOCK, 34}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].type == type) {
            *name = known[i].name, *elements = known[i].elements, *bytes = known[i].bytes;
            return true;
        }
    return false;
}

static float half_at(const unsigned char *bytes) { return float_from_half((uint16_t)(bytes[0] | bytes[1] << 8)); }

static void nibbles(float *dst, const unsigned char *q, float d, float m, int zero) {
    for (int i = 0; i < BLOCK / 2; i++) {
        dst[i] = (float)((q[i] & 15) - zero) * d + m;
        dst[i + BLOCK / 2] = (float)((q[i] >> 4) - zero) * d + m;
    }
}

void gguf_to_float(const GgufTensor *t, float *dst) {
    const unsigned char *at = t->data;
    if (t->type == F32) memcpy(dst, at, t->bytes);
    if (t->type == F16)
        for (size_t i = 0; i < t->elements; i++) dst[i] = half_at(at + 2 * i);
    for (size_t i = 0; t->type == Q8_0 && i < t->elements; i += BLOCK, at += 34)
        for (int k = 0; k < BLOCK; k++) dst[i + (size_t)k] = (float)(signed char)at[2 + k] * half_at(at);
    for (size_t i = 0; t->type == Q4_0 && i < t->elements; i += BLOCK, at += 18)
        nibbles(dst + i, at + 2, half_at(at), 0, 8);
    for (size_t i = 0; t->type == Q4_1 && i < t->elements; i += BLOCK, at += 20)
        nibbles(dst + i, at + 4, half_at(at), half_at(at + 2), 0);
}
