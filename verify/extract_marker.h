// Optional (math answers from data sets): answers without a box. Internal to extract.c.
#ifndef VERIFY_EXTRACT_MARKER_H
#define VERIFY_EXTRACT_MARKER_H
#include "verify/extract.h"

// Steps 3 to 6 of extract.h on text[from, len). An empty span when nothing was found; *rule names the step.
Span extract_marked(const char *text, size_t from, size_t len, bool fallback, const char **rule);

// The answer in "The final answer is $...$. I hope it is correct." in text[from, len); empty when there is none.
Span extract_closing(const char *text, size_t from, size_t len);

#endif
