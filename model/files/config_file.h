// Optional (Hugging Face models): config.json and generation_config.json of a model folder.
#ifndef MODEL_FILES_CONFIG_FILE_H
#define MODEL_FILES_CONFIG_FILE_H
#include "model/config.h"

// Reads dir/config.json and, where it is there, dir/generation_config.json. What the code does not do (MoE, a sliding
// window in use, quantised weights, another architecture or activation) is refused by name. False with the reason in err.
bool model_config_load(ModelConfig *config, const char *dir, Error *err);

// Writes both files into dir, each under a temporary name first.
bool model_config_save(const ModelConfig *config, const char *dir, Error *err);

#endif
