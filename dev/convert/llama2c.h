// Optional (converters): what the two readers of llama2.c's format share.
#ifndef DEV_CONVERT_LLAMA2C_H
#define DEV_CONVERT_LLAMA2C_H
#include "base/check.h"

enum { LLAMA2C_UNKNOWN, LLAMA2C_BOS, LLAMA2C_EOS, LLAMA2C_BYTES }; // ids; then the 256 single bytes

// tokenizer.bin of V pieces -> dir/tokenizer.json. False with file and reason in err.
bool llama2c_tokenizer(const char *path, int V, const char *dir, Error *err);

#endif
