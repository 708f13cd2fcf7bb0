// Optional (Hugging Face models): config.json and generation_config.json of a model folder.
#ifndef MODEL_FILES_CONFIG_FILE_H
#define MODEL_FILES_CONFIG_FILE_H
#include "model/config.h"

// Whether dir is a folder. False with the reason in err, which for the name of a model on the Hugging Face hub holds
// the command that downloads it, and for a GGUF file the one that converts it.
bool model_folder_check(const char *dir, Error *err);

// Reads dir/config.json and, for the EOS tokens, dir/generation_config.json if there is one. False with the reason in
// err; a model that needs an unsupported feature (mixture of experts, a sliding window, quantised weights, another
// architecture or activation) is an error that names it. Where config.json ties the head to the embedding table but the
// weights have a head with other values, that head is used, as transformers 5 does, and a line to stderr says so.
bool model_config_load(ModelConfig *config, const char *dir, Error *err);

// Replaces both files in dir.
bool model_config_save(const ModelConfig *config, const char *dir, Error *err);

#endif
