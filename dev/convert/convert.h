// Models of other programs, written as Hugging Face folders: llama2.c's checkpoints and GGUF.
#ifndef DEV_CONVERT_CONVERT_H
#define DEV_CONVERT_CONVERT_H
#include "model/params.h"

// llama2.c's version 0 checkpoint (fp32) and its tokenizer.bin -> dir, which is made where it is missing. The tokenizer
// is written as byte-level BPE; see llama2c_tokenizer.c for what that keeps. False with file and reason in err.
bool convert_llama2c(const char *checkpoint, const char *tokenizer, const char *dir, Error *err);

// A GGUF file (version 2 or 3, little endian) of the Llama architecture with F32, F16, Q8_0, Q4_0 and Q4_1 tensors -> dir.
// Its tokenizer must be byte-level BPE ("gpt2"). False with file and reason in err.
bool convert_gguf(const char *path, const char *dir, Error *err);

// Writes tokenizer.json (made of what the other format says) and tokenizer_config.json into dir; merges are strings "a b".
// Both lists are the caller's. `split` is the pre-tokenizer's pattern, NULL for none; digits: SmolLM's, every digit apart
// and GPT-2's pattern behind it.
typedef struct ConvertedTokenizer {
    int V;
    const char **tokens;     // (V) in the spelling of byte-level BPE
    const unsigned char *is_added, *is_special; // (V) matched as they stand, before anything else; no part of a text
    const char **merges;     // (n_merges)
    size_t n_merges;
    const char *split;
    bool digits, nfc, ignore_merges, gpt2_split;
    const char *chat_template; // NULL: none
    int bos, eos;              // -1: none
} ConvertedTokenizer;
bool convert_write_tokenizer(const ConvertedTokenizer *tokenizer, const char *dir, Error *err);

// Both formats rotate channels 2 i and 2 i + 1 of a head together; Hugging Face's models i and i + HS / 2. writes dst: the
// rows (heads HS, C) of a q or k matrix in the order in which the same rotation pairs the same channels.
void convert_rotation_rows(float *dst, const float *src, int heads, int HS, int C);

#endif
