// The shape of a decoder, read from and written as Hugging Face's config.json. One architecture covers Llama, Qwen2/2.5 and
// Qwen3: pre-norm RMSNorm, grouped-query attention with rotary positions, SwiGLU; they differ in the flags below.
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H
#include "base/check.h"

enum { MODEL_MAX_EOS = 8 };

typedef struct ModelConfig {
    char architecture[16]; // "llama", "qwen2", "qwen3" (model_type in config.json)
    int V, C, F, L;        // vocabulary, channels, feed-forward size, layers
    int NH, NKV, HS;       // heads, kv heads, channels of a head (not always C / NH)
    int T_max;             // longest sequence (max_position_embeddings)
    float eps;             // of RMSNorm
    double rope_theta;
    bool qkv_bias; // Qwen2: q, k and v have a bias
    bool qk_norm;  // Qwen3: RMSNorm over each head of q and k before the rotation
    bool tied;     // the head is the embedding table
    // Llama 3's rope scaling; factor 0 = none
    double rope_factor, rope_low_freq, rope_high_freq;
    int rope_original_T;
    int eos[MODEL_MAX_EOS], n_eos; // token ids that end a response (generation_config.json, else config.json)
} ModelConfig;

// The sizes make sense together (positive, NH % NKV == 0, HS even, below 2^31 in products). False with the reason in err.
bool model_config_check(const ModelConfig *config, const char *where, Error *err);

#endif
