// Optional (Hugging Face models): splitting a text into words for BPE.
// A sequence of regular expressions, each applied to the pieces of the previous one. Files are written for Oniguruma;
// here PCRE2 runs them, compiled to machine code, after a translation of the few constructs that differ.
#ifndef MODEL_TOKENIZER_SPLIT_H
#define MODEL_TOKENIZER_SPLIT_H
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/check.h"
#include <pcre2.h>
#include <stddef.h>

enum { SPLIT_MAX_STAGES = 16 };

typedef struct SplitStage {
    pcre2_code *code;
    bool drop_matches, drop_gaps; // Split's "Removed", plain and inverted; otherwise both become words
} SplitStage;

typedef struct Splitter {
    SplitStage stages[SPLIT_MAX_STAGES];
    int count;
} Splitter;

// Appends a stage. False with the reason (without a file name) in err: too many, a bad or untranslatable pattern.
bool splitter_add(Splitter *splitter, const char *pattern, bool drop_matches, bool drop_gaps, Error *err);

// The same for a literal text, and for the pattern of GPT-2, which ByteLevel implies.
bool splitter_add_text(Splitter *splitter, const char *text, bool drop_matches, bool drop_gaps, Error *err);
bool splitter_add_gpt2(Splitter *splitter, Error *err);
void splitter_free(Splitter *splitter);

// Called with each word in order; false stops the walk.
typedef bool (*SplitVisit)(void *context, const char *word, size_t n);

// False if visit returned false, or with the reason in err if a pattern gives up (too much backtracking). text is valid
// UTF-8. match is the caller's, from pcre2_match_data_create(1, NULL).
bool splitter_walk(const Splitter *splitter, const char *text, size_t n, pcre2_match_data *match, SplitVisit visit,
                   void *context, Error *err);

#endif
