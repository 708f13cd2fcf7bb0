// Text <-> tokens. Training on tasks calls these functions and nothing else of model/tokenizer/, so a character
// tokenizer can take their place. model/tokenizer/file.h describes the implementation.
#ifndef MODEL_TOKENIZER_TOKENIZER_H
#define MODEL_TOKENIZER_TOKENIZER_H
#include "base/check.h"
#include <stddef.h>

typedef struct Tokenizer Tokenizer; // immutable once loaded: many threads may use it

// Reads a tokenizer.json, or a folder with one, or a folder with GPT-2's encoder.json and vocab.bpe (or vocab.json and
// merges.txt). NULL with file and reason in err: bad JSON, an unsupported component, an id or token given twice, a
// missing id, merges of unknown tokens. Free with tokenizer_free.
Tokenizer *tokenizer_load(const char *dir_or_json, Error *err);
void tokenizer_free(Tokenizer *tokenizer); // NULL is fine

// writes the text's tokens to ids (max_ids; NULL: only counts them) and returns how many there are: at most len, or 3
// len with NFC. Negative with the reason in err: text that is not UTF-8 or has a byte that the vocabulary lacks (both
// with the byte's offset), more than max_ids tokens.
int tokenizer_encode(const Tokenizer *tokenizer, const char *text, size_t len, int *ids, int max_ids, Error *err);

// The same for a prompt, which begins with the token that the tokenizer puts before every text (tokenizer_first), once;
// not so with `complete`, as of a text that a chat template printed. At most one token more.
int tokenizer_encode_prompt(const Tokenizer *tokenizer, const char *text, size_t len, bool complete, int *ids,
                            int max_ids, Error *err);

// The bytes of a token, not terminated; *len may be 0. NULL for an id outside the vocabulary. Owned by the tokenizer.
const char *tokenizer_token_bytes(const Tokenizer *tokenizer, int id, size_t *len);

int tokenizer_vocab_size(const Tokenizer *tokenizer);           // ids are 0 .. size - 1
int tokenizer_id(const Tokenizer *tokenizer, const char *text); // the token of this text ("<|im_end|>"), or -1
bool tokenizer_is_special(const Tokenizer *tokenizer, int id);  // a marker such as <|im_end|>, not part of the text

// Writes the files that it was read from into dir, byte for byte, and with them tokenizer_config.json,
// special_tokens_map.json and chat_template.jinja if they were beside them.
bool tokenizer_save(const Tokenizer *tokenizer, const char *dir, Error *err);

// Writes a character tokenizer into dir, which is made if missing: ids 0 .. n_special - 1 are the special tokens
// (printable ASCII without spaces), the following ids the characters (ASCII, each once); "\n" is the eos_token.
bool tokenizer_write_characters(const char *dir, const char *characters, const char *const *special, int n_special,
                                Error *err);

#endif
