// Optional (converters): llama2.c's checkpoints and GGUF files to Hugging Face folders.
#ifndef DEV_CONVERT_CONVERT_H
#define DEV_CONVERT_CONVERT_H
#include "model/params.h"

// llama2.c's version 0 checkpoint (fp32) and its tokenizer.bin -> dir, which is created if missing. The tokenizer
// becomes byte-level BPE; llama2c_tokenizer.c says what that preserves. False with file and reason in err.
bool convert_llama2c(const char *checkpoint, const char *tokenizer, const char *dir, Error *err);

// A GGUF file (version 2 or 3, little endian) of the Llama architecture with F32, F16, Q8_0, Q4_0 and Q4_1 tensors ->
// dir. Its tokenizer must be byte-level BPE ("gpt2"). False with file and reason in err.
bool convert_gguf(const char *path, const char *dir, Error *err);

typedef struct ConvertedTokenizer { // all pointers belong to the caller
    int V;
    const char **tokens;             // (V) in the spelling of byte-level BPE
    const unsigned char *is_added;   // (V) matched literally before the merges
    const unsigned char *is_special; // (V) control tokens, which no text contains
    const char **merges;             // (n_merges) strings "a b"
    size_t n_merges;
    const char *split; // the pre-tokenizer's pattern; NULL: none
    bool digits;       // SmolLM's pre-tokenizer: every digit apart, then GPT-2's pattern
    bool nfc, ignore_merges, gpt2_split;
    const char *chat_template; // NULL: none
    int bos, eos;              // -1: none
} ConvertedTokenizer;
// Writes tokenizer.json and tokenizer_config.json into dir. False with file and reason in err.
bool convert_write_tokenizer(const ConvertedTokenizer *tokenizer, const char *dir, Error *err);

// Both formats rotate channels 2 i and 2 i + 1 of a head together; Hugging Face's models rotate i and i + HS / 2.
// Writes dst: the rows (heads HS, C) of a q or k matrix, reordered so that the same channels are paired.
void convert_rotation_rows(float *dst, const float *src, int heads, int HS, int C);

#endif
