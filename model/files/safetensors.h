// Optional (Hugging Face models): tensors in .safetensors files, read in place through mmap and written whole.
//
//   n, 8 bytes little endian | n bytes of JSON: {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]},
//   .., "__metadata__": {"key": "value", ..}} | the data; begin and end count from its first byte
//
// Source: the description of the format in huggingface/safetensors. As there, the tensors must cover the data without
// overlaps and holes. Files are untrusted: every length and offset is checked before any tensor is returned. Truncating
// a mapped file kills its reader (SIGBUS), so writers must rename, as ours does.
#ifndef MODEL_FILES_SAFETENSORS_H
#define MODEL_FILES_SAFETENSORS_H
#include "base/check.h"
#include <stddef.h>
#include <stdint.h>

enum { SAFETENSOR_MAX_RANK = 8 };

// Names in files, and bytes of an element.
#define SAFETENSOR_TYPE_LIST(ROW)                                                                                \
    ROW(BOOL, 1) ROW(U8, 1) ROW(I8, 1) ROW(F8_E5M2, 1) ROW(F8_E4M3, 1) ROW(I16, 2) ROW(U16, 2) ROW(F16, 2)       \
    ROW(BF16, 2) ROW(I32, 4) ROW(U32, 4) ROW(F32, 4) ROW(I64, 8) ROW(U64, 8) ROW(F64, 8)
#define SAFETENSOR_ENUMERATOR(name, size) SAFETENSOR_##name,
typedef enum SafetensorType { SAFETENSOR_TYPE_LIST(SAFETENSOR_ENUMERATOR) SAFETENSOR_TYPES } SafetensorType;

// A tensor of an open file, valid until safetensors_close, or one to be written: then the caller owns name and data and
// sets only the first five fields.
typedef struct Safetensor {
    const char *name;
    SafetensorType type;
    int rank;                          // 0 .. SAFETENSOR_MAX_RANK; 0 is a scalar
    size_t shape[SAFETENSOR_MAX_RANK]; // outermost dimension first, row major
    const void *data;                  // little endian, not necessarily aligned for its type
    size_t elements, bytes;
    const char *path; // its file, for messages
} Safetensor;

typedef struct SafetensorsPair {
    const char *key, *value;
} SafetensorsPair;

typedef struct Safetensors Safetensors;

// Maps and checks one file. NULL with file and reason in err: unreadable, a header longer than the file or 100 MB, bad
// JSON, an unknown dtype, a rank above SAFETENSOR_MAX_RANK, a shape that disagrees with its offsets (or numbers above
// 2^53), tensors that overlap, leave a hole or extend past the end, a name given twice, metadata that is not strings.
Safetensors *safetensors_open(const char *path, Error *err);

// dir/model.safetensors, or if there is none the shards in dir/model.safetensors.index.json, as one. Further errors: a
// shard outside dir, a tensor that is not in the shard that the index gives, a name in two shards.
Safetensors *safetensors_open_model(const char *dir, Error *err);

void safetensors_close(Safetensors *file); // NULL is fine

size_t safetensors_count(const Safetensors *file);
const Safetensor *safetensors_at(const Safetensors *file, size_t i);           // sorted by name, i < count
const Safetensor *safetensors_find(const Safetensors *file, const char *name); // or NULL
const char *safetensors_metadata(const Safetensors *file, const char *key);    // from the first shard with it, or NULL

size_t safetensor_type_size(SafetensorType type);
const char *safetensor_type_name(SafetensorType type);

// writes dst (elements) from F32, F16 or BF16, exactly; any other type is an error
bool safetensor_to_float(const Safetensor *tensor, float *dst, Error *err);

// The same for n elements from `first` on, which must be in the tensor. Thread-safe.
bool safetensor_part_to_float(const Safetensor *tensor, size_t first, size_t n, float *dst, Error *err);

// Tells the system which elements are read next, and which are not read again soon, so that their pages leave this
// program's memory. Neither affects what is read.
void safetensor_read_next(const Safetensor *tensor, size_t first, size_t n);
void safetensor_read_done(const Safetensor *tensor, size_t first, size_t n);

// From an IEEE 754 binary16, exactly.
float float_from_half(uint16_t half);

// Replaces path (base/files.h) by n tensors and n_metadata strings. The data is stored by decreasing element size,
// otherwise in the order given, so every tensor is aligned. False with file and reason in err; checked before anything
// is written: a name that is empty, given twice or "__metadata__", text that is not UTF-8, data NULL.
bool safetensors_write(const char *path, const Safetensor *tensors, size_t n, const SafetensorsPair *metadata,
                       size_t n_metadata, Error *err);

#endif
