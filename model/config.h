// The shape of a decoder. One architecture covers Llama, Qwen2/2.5 and Qwen3: pre-norm RMSNorm, grouped-query attention
// with rotary positions, SwiGLU; they differ in the flags below. model/files/config_file.h reads it from config.json.
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H
#include "base/check.h"

enum { MODEL_MAX_EOS = 8 };

typedef struct ModelConfig {
    char architecture[16]; // "llama", "qwen2" or "qwen3" (model_type in config.json)
    int V, C, F, L;        // vocabulary, channels, feed-forward size, layers
    int NH, NKV, HS;       // heads, kv heads, head size (not always C / NH)
    int T_max;             // longest sequence (max_position_embeddings)
    float eps;             // of RMSNorm
    bool qkv_bias;         // Qwen2: q, k and v have a bias
    bool qk_norm;          // Qwen3: RMSNorm over each head of q and k before the rotation
    bool tied;             // the head is the embedding table
    double rope_theta;
    double rope_factor, rope_low_freq, rope_high_freq; // Llama 3's rope scaling; factor 0: none
    int rope_original_T;
    int eos[MODEL_MAX_EOS], n_eos; // the tokens that end a response
} ModelConfig;

// The sizes, by their keys in config.json.
#define MODEL_SIZES(ROW)                                                                                  \
    ROW("vocab_size", V) ROW("hidden_size", C) ROW("intermediate_size", F) ROW("num_hidden_layers", L)    \
    ROW("num_attention_heads", NH) ROW("num_key_value_heads", NKV) ROW("head_dim", HS)                    \
    ROW("max_position_embeddings", T_max)

// Whether the sizes are valid: positive, NH % NKV == 0, HS even, products below 2^31. `where` is the file for messages.
bool model_config_check(const ModelConfig *config, const char *where, Error *err);

// Whether the model takes `vocab` tokens and a prompt and a response of these lengths, and can end a response.
bool model_config_fits(const ModelConfig *config, const char *name, int vocab, int prompt, int response, Error *err);

static inline bool model_config_is_eos(const ModelConfig *config, int token) {
    for (int i = 0; i < config->n_eos; i++)
        if (config->eos[i] == token) return true;
    return false;
}

#endif
