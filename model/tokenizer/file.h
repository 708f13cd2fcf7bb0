// Optional (Hugging Face models): the parts of a tokenizer, and how they are read. It is byte-level BPE (Sennrich et
// al. 2016, over the bytes of GPT-2) and equals Hugging Face's `tokenizers` package token for token:
//
//   text -> added tokens cut out -> NFC if the file wants it -> split by regular expressions -> bytes -> merges by rank
//
// Supported: BPE models; added and special tokens; normalizer none or NFC; pre-tokenizers ByteLevel, Split (Isolated,
// Removed), Digits and sequences of them; ignore_merges. That covers GPT-2, Llama 3, Qwen2/2.5/3 and SmolLM2. Any other
// component is an error that names it. A post-processor may put one token before a text; tokenizer_encode leaves that
// to tokenizer_encode_prompt.
#ifndef MODEL_TOKENIZER_FILE_H
#define MODEL_TOKENIZER_FILE_H
#include "model/tokenizer/tokenizer.h"
#include "model/tokenizer/added.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/split.h"
#include "model/tokenizer/vocab.h"
#include <cjson/cJSON.h>

typedef struct TokenizerFile { // unchanged, for tokenizer_save
    const char *name;          // in its folder
    char *bytes;
    size_t n;
} TokenizerFile;

struct Tokenizer {
    Vocab vocab;
    Merges merges;
    AddedTokens raw, normalized; // matched before and after the normalizer
    Splitter splitter;
    bool nfc, ignore_merges;
    int first, eos; // the token before every text, and tokenizer_config.json's eos_token; -1: none
    TokenizerFile files[5];
    int n_files;
};

// The token before every text, such as Llama 3's <|begin_of_text|>, or -1.
int tokenizer_first(const Tokenizer *tokenizer);
int tokenizer_eos(const Tokenizer *tokenizer); // the eos_token of tokenizer_config.json, or -1

// Fills an empty tokenizer from a parsed tokenizer.json; `path` is for messages. False with the reason in err.
bool tokenizer_read_json(Tokenizer *tokenizer, const cJSON *json, const char *path, Error *err);

// The same from tokenizer_config.json: eos_token, and add_bos_token, which overrules the post-processor.
bool tokenizer_read_config(Tokenizer *tokenizer, const cJSON *config, const char *path, Error *err);

// The tokenizer.json equivalent to encoder.json and the text of vocab.bpe (GPT-2's files); <|endoftext|> is special.
// Takes ownership of encoder, even on failure. NULL with the reason in err. Free with cJSON_Delete.
cJSON *tokenizer_json_from_gpt2(cJSON *encoder, const char *merges, const char *merges_path, Error *err);

// text (n bytes of UTF-8) in normalization form C: *out (*n_out bytes), free with free. False when out of memory.
bool normalize_nfc(const char *text, size_t n, char **out, size_t *n_out);

#endif
