// Optional (data from files): problem sets read from JSON files; merging, splitting and comparing them.
#ifndef DATA_PROBLEMS_FILE_H
#define DATA_PROBLEMS_FILE_H
#include "data/problems.h"

enum { PROBLEM_REPORT_ROWS = 16, PROBLEM_REPORT_TEXT = 240, PROBLEM_TEXT_MAX = 1 << 20 };

typedef struct ProblemReport {
    int rows, kept, bad, duplicates; // rows = kept + bad + duplicates; of equal questions the first is kept
    int listed;                      // the first bad or duplicate rows, described below
    struct {
        int line;
        char what[PROBLEM_REPORT_TEXT];
    } row[PROBLEM_REPORT_ROWS];
} ProblemReport;

// Reads FILE[:question=KEY,answer=KEY,rule=RULE].
//   FILE      one JSON object per line (blank lines are skipped) or one JSON array of objects, at most 1 GiB
//   question  default: the row's first field among question, problem, prompt, input. A+B joins two fields with a space
//   answer    default: the row's first field among answer, gold, ground_truth, target, reward_model.ground_truth and
//             solution; of a solution, the contents of its last \boxed{} if it has one
//   KEY       a field, or a.b: field b of a (reward_model.ground_truth), or element b of the list a (answer.0)
//   RULE      plain (default): the field unchanged. gsm8k: the number after the last "#### ", without thousands commas.
//             boxed: the contents of the last \boxed{} in the field
// A field is a string; a number (27.0 becomes 27; one that a double does not hold is taken digit for digit); a list of
// one element, or one in a string; or a chat: a list of {"role","content"}, or a string that holds one. Of a chat, what
// follows the last user message is an answer and is not asked. Where that message is the first, it is the question;
// else the question is the list of messages as JSON text, which data/chat.h renders. White space around a question is
// removed. A row is bad if it is not a JSON object, lacks either field, has null, an empty text, a NUL or invalid UTF-8
// there, is longer than 16 MiB, or has a text longer than PROBLEM_TEXT_MAX. `strict`: the first bad row is an error;
// otherwise bad rows are left out and counted. An unreadable file, an array with a syntax error, and a file without a
// usable row are always errors. `report` may be NULL. On failure the set is empty.
bool problems_from_file(const char *source, bool strict, ProblemSet *set, ProblemReport *report, Error *err);

// The same for a file's bytes in memory; `source` still gives the settings, and the name for messages.
bool problems_from_memory(const char *text, size_t size, const char *source, bool strict, ProblemSet *set,
                          ProblemReport *report, Error *err);

// Prints the counts and the listed rows; nothing if all rows were kept.
void problems_report_print(const ProblemReport *report, const char *source, FILE *out);

// Appends the problems of `from`, which ends empty, to `to`, except prompts that are there already. Returns how many
// were left out.
int problems_merge(ProblemSet *to, ProblemSet *from);

// Distributes the problems of `set`, which ends empty, over train and heldout in the same order. Held out are `most`
// problems, but never more than a fifth of the set (rounded down, and 1 of 2 to 4 problems): those whose prompts have
// the smallest hashes. The choice depends neither on the order of the set nor on any seed, and a larger one extends a
// smaller one.
void problems_split(ProblemSet *set, int most, ProblemSet *train, ProblemSet *heldout);

// Finds training problems that an evaluation set asks too. writes twin_out (train->count): the index in `eval` of the
// problem that asks the same, or -1. Returns how many have one. Two prompts ask the same if their letters (of any
// case), digits and operators agree; publishers of one problem differ in case, spaces, punctuation and dollar signs.
int problems_overlap(const ProblemSet *train, const ProblemSet *eval, int *twin_out);
// Lists the left_out-th problem that is left out: where it is, why, and its first words; after 16 of them nothing,
// until problem NULL counts the rest.
void problems_note(FILE *notes, const Problem *problem, const char *why, int left_out);
#endif
