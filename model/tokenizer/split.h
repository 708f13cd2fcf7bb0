// Optional (Hugging Face models): the split of a text into words for BPE, by regular expressions, each applied to the
// pieces of the previous one. Files are written for Oniguruma; here PCRE2 runs them, compiled to machine code,
// after a translation of the few constructs that differ.
#ifndef MODEL_TOKENIZER_SPLIT_H
#define MODEL_TOKENIZER_SPLIT_H
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/check.h"
#include <pcre2.h>
#include <stddef.h>

enum { SPLIT_MAX_STAGES = 16 };

typedef struct SplitStage {
    pcre2_code *code;
    bool literal;                 // the pattern is a text
    bool drop_matches, drop_gaps; // Split's "Removed", plain and inverted; otherwise both become words
} SplitStage;

typedef struct Splitter {
    SplitStage stages[SPLIT_MAX_STAGES];
    int count;
} Splitter;

// GPT-2's pattern (Radford et al. 2019, encoder.py): contractions, words, numbers, other, spaces.
#define SPLIT_GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

// Appends a stage, whose code it sets. False with the reason (without a file name) in err: too many stages, a bad or
// untranslatable pattern.
bool splitter_add(Splitter *splitter, const char *pattern, SplitStage stage, Error *err);
void splitter_free(Splitter *splitter);

typedef struct SplitWalk {
    const Splitter *splitter;
    pcre2_match_data *match; // from pcre2_match_data_create(1, NULL)
    bool (*visit)(void *context, const char *word, size_t n); // called with each word in order; false stops the walk
    void *context;
    Error *err;
} SplitWalk;

// Walks over the words of text (n bytes, valid UTF-8). False if visit returned false, or with the reason in err if a
// pattern gives up (too much backtracking).
bool splitter_walk(const SplitWalk *walk, const char *text, size_t n);

#endif
