// Tensors in a .safetensors file, read in place through mmap and written whole.
//
//   8 bytes, little endian: n | n bytes of JSON: {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, ..,
//   "__metadata__": {"key": "value", ..}} | the data, which begin and end count from its first byte
//
// Source: the format's description in huggingface/safetensors. As there, the tensors must cover the data without overlap
// and without holes. A file is hostile until checked: every length and offset is, before any tensor is handed out.
// A file that another process cuts short while it is mapped still kills the reader (SIGBUS); writers rename, as ours does.
#ifndef MODEL_FILES_SAFETENSORS_H
#define MODEL_FILES_SAFETENSORS_H
#include "base/check.h"
#include <stddef.h>
#include <stdint.h>

enum { SAFETENSOR_MAX_RANK = 8 };

typedef enum SafetensorType {
    SAFETENSOR_BOOL,
    SAFETENSOR_U8,
    SAFETENSOR_I8,
    SAFETENSOR_F8_E5M2,
    SAFETENSOR_F8_E4M3,
    SAFETENSOR_I16,
    SAFETENSOR_U16,
    SAFETENSOR_F16,
    SAFETENSOR_BF16,
    SAFETENSOR_I32,
    SAFETENSOR_U32,
    SAFETENSOR_F32,
    SAFETENSOR_I64,
    SAFETENSOR_U64,
    SAFETENSOR_F64,
    SAFETENSOR_TYPES
} SafetensorType;

// A tensor of an open file (then everything it points to lives until safetensors_close), or one to be written (then the
// caller owns name and data, and sets the first five fields only).
typedef struct Safetensor {
    const char *name;
    SafetensorType type;
    int rank;                          // 0 .. SAFETENSOR_MAX_RANK; 0 is a scalar
    size_t shape[SAFETENSOR_MAX_RANK]; // outermost dimension first, row major
    const void *data;                  // little endian, not necessarily aligned for its type
    size_t elements, bytes;
    const char *path; // the file it lies in, for messages
} Safetensor;

typedef struct SafetensorsPair {
    const char *key, *value;
} SafetensorsPair;

typedef struct Safetensors Safetensors;

// Maps and checks one file. NULL with file and reason in err: unreadable, header longer than the file or 100 MB, bad
// JSON, unknown dtype, rank above SAFETENSOR_MAX_RANK, shape times element size not the bytes of its offsets (or beyond
// 2^53), tensors that overlap, leave a hole or reach past the end, a name given twice, metadata that is not strings.
Safetensors *safetensors_open(const char *path, Error *err);

// dir/model.safetensors, or else the shards that dir/model.safetensors.index.json names, as one. Beyond the above it is
// refused when a shard lies outside dir, a tensor is not in the shard the index gives, or two shards hold the same name.
Safetensors *safetensors_open_model(const char *dir, Error *err);

void safetensors_close(Safetensors *file); // NULL is fine

size_t safetensors_count(const Safetensors *file);
const Safetensor *safetensors_at(const Safetensors *file, size_t i);             // in order of names, i < count
const Safetensor *safetensors_find(const Safetensors *file, const char *name);   // NULL where there is none
const char *safetensors_metadata(const Safetensors *file, const char *key);      // NULL where there is none; first shard's

size_t safetensor_type_size(SafetensorType type);      // bytes of an element
const char *safetensor_type_name(SafetensorType type); // as in the file

// writes dst (elements) from F32, F16 or BF16, exactly; any other type is refused with file and name in err
bool safetensor_to_float(const Safetensor *tensor, float *dst, Error *err);

// The same for n elements from `first` on, which must be in the tensor: any thread may read any part.
bool safetensor_part_to_float(const Safetensor *tensor, size_t first, size_t n, float *dst, Error *err);

// Tells the system which elements are read next, and that others are not read soon: their pages stop counting as this
// program's memory. Neither changes what is read.
void safetensor_read_next(const Safetensor *tensor, size_t first, size_t n);
void safetensor_read_done(const Safetensor *tensor, size_t first, size_t n);

// A half (IEEE 754 binary16), exactly
float float_from_half(uint16_t half);

// Writes n tensors and n_metadata strings to path: into path.tmp first, flushed to disk, then renamed, so path holds
// either its old or its whole new content even after a crash. The data is stored by falling element size, otherwise in
// the order given, so that every tensor is aligned. Refused before anything is written: a name that is empty, given
// twice or "__metadata__", text that is not UTF-8, data NULL. False with file and reason in err.
bool safetensors_write(const char *path, const Safetensor *tensors, size_t n, const SafetensorsPair *metadata,
                       size_t n_metadata, Error *err);

#endif
