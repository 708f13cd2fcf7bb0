// Optional (converters): GGUF files, memory-mapped and untrusted. The format, from ggml's documentation:
//
//   "GGUF" | version | tensors | pairs | (key, type, value)... | (name, rank, dims, type, offset)... | padding | data
#ifndef DEV_CONVERT_GGUF_H
#define DEV_CONVERT_GGUF_H
#include "base/check.h"
#include <stddef.h>
#include <stdint.h>

enum { GGUF_MAX_RANK = 4 };
typedef enum GgufType {
    GGUF_U8, GGUF_I8, GGUF_U16, GGUF_I16, GGUF_U32, GGUF_I32, GGUF_F32, GGUF_BOOL, GGUF_STRING, GGUF_ARRAY, GGUF_U64,
    GGUF_I64, GGUF_F64, GGUF_TYPES
} GgufType;

typedef struct GgufText { // not terminated
    const char *bytes;
    size_t n;
} GgufText;

// The arguments of %.*s in a message
#define GGUF_SHOWN(text) (int)((text).n < 60 ? (text).n : 60), (text).bytes ? (text).bytes : ""

typedef struct GgufPair {
    GgufText key;
    GgufType type; // of the value, or of the array's elements
    bool is_array;
    uint64_t count; // elements; 1 if not an array
    const unsigned char *data;
} GgufPair;

typedef struct GgufTensor {
    GgufText name;
    int rank;
    size_t dims[GGUF_MAX_RANK]; // innermost first: (columns, rows)
    uint32_t type;              // ggml's number
    size_t elements, bytes;
    const unsigned char *data;
} GgufTensor;

typedef struct Gguf {
    const char *path; // belongs to the caller
    const unsigned char *map;
    size_t size;
    bool mapped; // by gguf_open
    GgufPair *pairs;
    GgufTensor *tensors;
    size_t n_pairs, n_tensors;
} Gguf;

// Maps and checks the whole file: every length, count, type and offset. Refuses duplicate names, tensor types other
// than F32, F16, Q4_0, Q4_1 and Q8_0, and rows that are not whole blocks. False with file and byte in err. Call
// gguf_close in both cases.
bool gguf_open(Gguf *file, const char *path, Error *err);
// The same for bytes in memory, which belong to the caller.
bool gguf_parse(Gguf *file, const unsigned char *bytes, size_t n, const char *path, Error *err);
void gguf_close(Gguf *file);

const GgufPair *gguf_find(const Gguf *file, const char *key);           // NULL if there is none
const GgufTensor *gguf_tensor(const Gguf *file, const char *name);      // NULL if there is none
double gguf_number(const Gguf *file, const char *key, double fallback); // also if it is not a number
GgufText gguf_text(const Gguf *file, const char *key);                  // bytes NULL if there is none, or not a string
bool gguf_text_is(GgufText text, const char *want);
char *gguf_text_copy(GgufText text); // terminated; ends at the first 0 byte. Free with free.

// Steps through an array of strings: *at and *index start at 0; after the last string the text's bytes are NULL.
GgufText gguf_next_string(const GgufPair *pair, size_t *at, uint64_t *index);
double gguf_element(const GgufPair *pair, uint64_t i); // of an array of numbers, i < count

// A tensor type's name and its block: elements and bytes. False for types that are not read.
bool gguf_type_info(uint32_t type, const char **name, size_t *elements, size_t *bytes);

// Writes dst (tensor->elements): the values, exactly as ggml dequantises them in fp32.
void gguf_to_float(const GgufTensor *tensor, float *dst);

#endif
