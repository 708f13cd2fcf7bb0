// Byte-level BPE (Sennrich et al. 2016 over the bytes of GPT-2), read from Hugging Face's tokenizer.json, and equal to
// the `tokenizers` package token for token:
//
//   text -> added tokens cut out -> NFC where the file asks -> split by regular expressions -> bytes -> merges by rank
//
// Read: BPE models; added and special tokens; normalizer none or NFC; pre-tokenizers ByteLevel, Split (Isolated, Removed),
// Digits and sequences of them; ignore_merges. That covers GPT-2, Llama 3, Qwen2/2.5/3 and SmolLM2. Anything else in the
// file is refused by name, never ignored. Post-processors (which would add a first token) are not applied.
#ifndef MODEL_TOKENIZER_TOKENIZER_H
#define MODEL_TOKENIZER_TOKENIZER_H
#include "base/check.h"
#include <stddef.h>

typedef struct Tokenizer Tokenizer; // immutable once loaded: every function below may be called from many threads

// From a tokenizer.json, or from a folder with one, or with encoder.json and vocab.bpe (or vocab.json and merges.txt: GPT-2's
// form). NULL with file and reason in err: bad JSON, what is not supported, an id or token given twice, an id missing,
// merges that name unknown tokens. Free with tokenizer_free.
Tokenizer *tokenizer_load(const char *dir_or_json, Error *err);
void tokenizer_free(Tokenizer *tokenizer); // NULL is fine

// writes ids (at most max_ids; NULL only counts) and returns how many tokens the text has. len ids are always enough
// where nothing is normalised, 3 len with NFC. Negative with the reason in err: text that is not UTF-8, a byte that the
// vocabulary lacks (both with the byte's offset), more than max_ids tokens.
int tokenizer_encode(const Tokenizer *tokenizer, const char *text, size_t len, int *ids, int max_ids, Error *err);

// The text of n tokens as valid UTF-8 (what is not becomes U+FFFD, as in Python), a 0 byte behind it; special tokens by
// their name. len may be NULL. NULL with the reason in err for an id outside the vocabulary. Free with free.
char *tokenizer_decode(const Tokenizer *tokenizer, const int *ids, int n, size_t *len, Error *err);

// The same as the tokens come, for a text that is shown while it is made. Starts from {0}. Returns what token `id` adds: whole
// characters only, for a character may be spread over several tokens; its first bytes wait in the stream. id -1 ends the
// text. All that is returned, end to end, is what tokenizer_decode gives for the ids. Free with free.
typedef struct TokenStream {
    unsigned char held[4];
    size_t n_held; // at most 3
} TokenStream;
char *tokenizer_stream(const Tokenizer *tokenizer, TokenStream *stream, int id, size_t *len, Error *err);

// The bytes of one token, not terminated; *len may be 0. NULL for an id outside the vocabulary. Owned by the tokenizer.
const char *tokenizer_token_bytes(const Tokenizer *tokenizer, int id, size_t *len);

int tokenizer_vocab_size(const Tokenizer *tokenizer);          // ids are 0 .. size - 1
int tokenizer_id(const Tokenizer *tokenizer, const char *text); // the token that is exactly this text ("<|im_end|>"), or -1
bool tokenizer_is_special(const Tokenizer *tokenizer, int id); // marked special in the file: no part of a text

// Writes the files it was read from into dir, byte for byte, with what stood beside them of tokenizer_config.json,
// special_tokens_map.json and chat_template.jinja.
bool tokenizer_save(const Tokenizer *tokenizer, const char *dir, Error *err);

// Writes a tokenizer that gives every character an id of its own into dir (made where it is missing): ids 0 .. n_special
// - 1 are the special tokens, then the characters in the order given. An ordinary tokenizer.json, byte-level BPE with no
// merges, and a tokenizer_config.json. The characters are ASCII, each given once;
// special tokens are printable ASCII without spaces.
bool tokenizer_write_characters(const char *dir, const char *characters, const char *const *special_tokens, int n_special,
                                Error *err);

#endif
