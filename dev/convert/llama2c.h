// The parts of llama2.c's format that its two readers share.
#ifndef DEV_CONVERT_LLAMA2C_H
#define DEV_CONVERT_LLAMA2C_H
#include "base/check.h"

enum { LLAMA2C_UNKNOWN, LLAMA2C_BOS, LLAMA2C_EOS, LLAMA2C_BYTES }; // ids; then 256 tokens of one byte each

// tokenizer.bin of V pieces -> dir/tokenizer.json. False with file and reason in err.
bool llama2c_tokenizer(const char *path, int V, const char *dir, Error *err);

#endif
