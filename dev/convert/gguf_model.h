// Optional (converters): the two halves of the GGUF converter: the model and the tokenizer.
#ifndef DEV_CONVERT_GGUF_MODEL_H
#define DEV_CONVERT_GGUF_MODEL_H
#include "dev/convert/convert.h"
#include "dev/convert/gguf.h"
#include "model/config.h"

// The shape of the model in a GGUF file. False with file and reason in err.
bool gguf_model_config(const Gguf *file, ModelConfig *config, Error *err);

// Writes tokenizer.json and tokenizer_config.json for an embedding of V rows.
bool gguf_write_tokenizer(const Gguf *file, int V, const char *dir, Error *err);

#endif
