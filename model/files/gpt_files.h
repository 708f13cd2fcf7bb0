// Optional (Hugging Face models): parameters between a model folder and the flat buffer of model/params.h.
#ifndef MODEL_FILES_GPT_FILES_H
#define MODEL_FILES_GPT_FILES_H
#include "model/optimizer.h"

// Reads every parameter from dir/model.safetensors (or its shards), in F32, F16 or BF16. writes h_params (table->size)
// fp32. Errors name file and tensor: one missing or unexpected, a wrong shape, a value that is not finite.
bool params_load(const ParamTable *table, const char *dir, float *h_params, Error *err);

// The same straight to the device, with a few MiB of host memory: writes gpt->params and, unless opt is NULL, the fp32
// weights in opt->master.
bool gpt_load(Gpt *gpt, const Optimizer *opt, const char *dir, Error *err);

// Writes config.json, generation_config.json and model.safetensors into dir, which must exist. h_params as above.
bool gpt_save(const ParamTable *table, const ModelConfig *config, const char *dir, const float *h_params, Error *err);

#endif
