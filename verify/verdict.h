// Optional (math answers from data sets): one answer text against a compiled gold. Internal.
#ifndef VERIFY_VERDICT_H
#define VERIFY_VERDICT_H
#include "verify/comparison.h"
#include "verify/parse.h"

#define VERIFY_BUILD_SEED UINT64_C(0x76a5f1d09c3be842) // part of every probing point; change it to change the points

enum { FUEL = 2000000, SCRATCH_BYTES = 16 << 20, GOLD_BYTES = 8 << 20 };

// An answer read in full: parsed, signs expanded, folded.
typedef struct Reading {
    Parsed parsed;
    const Node *tree; // NULL when it cannot be read
    char letter;      // multiple choice, 0 when none
    bool marked;      // the letter carries a label's punctuation
    const char *rest; // value after the label
} Reading;

struct VerifyGold {
    VerifyPolicy policy;
    NodePool pool;
    Reading plain, ungrouped; // the second only where plain.parsed.tokens.grouped
    Field field;
    const char *bad;          // why it is BAD_GOLD, or NULL
};

struct VerifyScratch {
    NodePool pool;
};

Reading read_answer(Exact *exact, const char *text, size_t len, bool group);
VerifyVerdict compare_text(Comparison *cmp, const VerifyGold *gold, const char *text, size_t len);

#endif
