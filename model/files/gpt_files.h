// A model's parameters between Hugging Face files and the flat buffer of params.h, and their first values.
#ifndef MODEL_FILES_GPT_FILES_H
#define MODEL_FILES_GPT_FILES_H
#include "model/optimizer.h"

// Reads every parameter of the table from dir/model.safetensors (or its shards): F32, F16 or BF16. writes h_params (table->size)
// fp32. A missing tensor, one too many, a wrong shape or a value that is not finite is refused with file and name.
bool params_load(const ParamTable *table, const char *dir, float *h_params, Error *err);

// The same straight into the model: writes gpt->params and, where opt is not NULL, the fp32 weights in opt->master as well.
// The host holds a few MiB at a time, never the model.
bool gpt_load(Gpt *gpt, const Optimizer *opt, const char *dir, Error *err);

// Writes config.json, generation_config.json and model.safetensors into dir, which must exist. h_params as above.
bool gpt_save(const ParamTable *table, const ModelConfig *config, const char *dir, const float *h_params, Error *err);

#endif
