// Optional (math answers from data sets): judges a file of saved answers, one verdict a row.
//
//   in   {"gold": "3/4", "response": "... \\boxed{0.75}", "expected": true, "category": "fraction"}
//        "response_hex" (raw bytes in hex) takes the place of "response"; "expected" and "category" are optional;
//        "gold" may be a number, whose digits count as written; "approx_digits": 6 sets that knob (verify.h)
//   out  {"row": 1, "verdict": "EQUAL", "reason": "equal rationals", "begin": 11, "end": 15, "span": "0.75"}
//
// The summary counts each verdict. With "expected" in any row it also gives precision, recall and every disagreement.
// A row that cannot be read is reported with its line number and counted as an error; the others are judged.
#ifndef VERIFY_SCORE_H
#define VERIFY_SCORE_H
#include "verify/verify.h"

#include <stdio.h>

// Reads `file` (path: its name in messages) to its end; either output may be NULL. Returns 0; 1 with one line in err
// that names the first row that could not be read; -1, the same, when the file cannot be read, a row has 16 MiB or
// more, or memory runs out.
int score_file(FILE *file, const char *path, FILE *rows_out, FILE *summary_out, const VerifyPolicy *policy, char *err,
               size_t err_size);

#endif
