// Optional (math answers from data sets): finds the final answer in a response, in one pass, O(n).
//
// The order, each used only if those before it found nothing:
//   1. only what follows the last "</think>" counts
//      a closing "The final answer is $7$. I hope it is correct." after the boxes speaks instead of them
//   2. the last run of complete \boxed{...} or \fbox{...}   "\boxed{1}, \boxed{2} and \boxed{5}" is the list 1, 2, 5
//      an empty box is no answer, and nothing else is looked for; a box that never closes is dropped, and when it
//      is the only one there is no answer: a response cut off in its box may be a prefix of anything
//   3. <answer>...</answer>     4. the last "#### ..."     5. the last "Answer: ...", "the answer is ..."
//   6. with the fallback: the whole of a short response, the last math span, the last number, the only option letter
#ifndef VERIFY_EXTRACT_H
#define VERIFY_EXTRACT_H
#include "verify/verify.h"

enum { EXTRACT_BOXES = 16 };

typedef struct Span {
    size_t begin, end;
} Span;
static inline size_t span_length(Span span) { return span.end - span.begin; }

typedef struct Extract {
    Span span;                   // of everything judged; empty when there is no answer
    Span part[EXTRACT_BOXES];    // the pieces to judge as one list; count 1 is the usual case
    Span prefix[EXTRACT_BOXES];  // "x =" before a box of a run, may be empty
    int count;                   // 0: no answer
    bool percent;                // "%" or "percent" right after the box
    bool too_many;               // a run of more than EXTRACT_BOXES boxes
    const char *rule;            // which step found it
} Extract;

Extract extract_answer(const char *text, size_t len, bool fallback);

#endif
