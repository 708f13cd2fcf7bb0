// Problem sets: what is asked and what counts as right, from procedural tasks (data/tasks.h) or from files.
//
// A problem's id is a hash of its prompt: the same in every run, whatever else is in the set. Within a set prompts
// (and so ids) are unique. Which side of a train/held-out split a prompt falls on depends on its text alone, so the
// two never share a prompt, for any sizes. A gold from a file is text; comparing it is the verifier's business.
#ifndef DATA_PROBLEMS_H
#define DATA_PROBLEMS_H
#include "data/tasks.h"
#include "base/check.h"

typedef struct Problem {
    int64_t id;              // >= 0
    char *prompt, *gold;     // owned by the set, in one piece that begins at prompt
    const TaskProblem *task; // of a procedural problem, owned by the set; else NULL
    int line;                // first line of its row in the file, from 1; 0 for a procedural problem
} Problem;

typedef struct ProblemSet {
    Problem *problems; // (count)
    int count;
    int capacity;
} ProblemSet;

// Frees everything in the set and empties it; a zeroed set is an empty set.
void problems_free(ProblemSet *set);

// The first n_train training and n_heldout held-out prompts of the sequence that (spec, seed) names, without
// duplicates, in that order; larger sizes extend smaller ones. A small task can hold fewer prompts than are wanted:
// after 20,000 draws without a new one the call fails, and the error says how many there are; or, with fewer, it is content with
// those, as long as there is one of each kind that was wanted.
// On success the caller frees both sets; on failure both are empty.
bool problems_from_tasks(const TaskSpec *spec, uint64_t seed, int n_train, int n_heldout, bool fewer, ProblemSet *train,
                         ProblemSet *heldout, Error *err);

enum { PROBLEM_REPORT_ROWS = 16, PROBLEM_TEXT_MAX = 1 << 20 };

typedef struct ProblemReport {
    int rows, kept, bad, duplicates; // rows = kept + bad + duplicates (a prompt seen before: the first one is kept)
    int listed;                      // of the first bad or duplicate rows, described below
    struct {
        int line;
        char what[100];
    } row[PROBLEM_REPORT_ROWS];
} ProblemReport;

// Reads FILE[:question=KEY,answer=KEY,rule=RULE]; data/problems_file.c.
//   FILE      one JSON object a line (blank lines are skipped), or one JSON array of objects; at most 1 GiB
//   question  default: the first of question, problem, prompt, input that the row has. A+B joins two fields by a space
//   answer    default: the first of answer, gold, ground_truth, target that the row has
//   RULE      plain (default): the field as it is. gsm8k: the number after the last "#### ", without its thousands
//             commas. boxed: what stands in the last \boxed{} of the field
// A field is a string, a number (27.0 becomes 27), a list (its first element) or a chat, as a list of
// {"role","content"} or as a string that holds one (the last user message). Questions lose white space at their ends.
// A row that lacks either field, or holds null, nothing, NUL characters, bytes that are not UTF-8 or no JSON object, is
// bad; so is a row of more than 16 MiB, or a text of more than PROBLEM_TEXT_MAX bytes. With `strict` the first bad row
// is an error; otherwise bad rows are left out and counted. An unreadable file, broken syntax in an array, or no row at
// all is always an error. `report` may be NULL. On failure the set is empty.
bool problems_from_file(const char *source, bool strict, ProblemSet *set, ProblemReport *report, Error *err);

// The same for the bytes of a file that is already in memory; source still carries a name for messages and the settings.
bool problems_from_memory(const char *text, size_t size, const char *source, bool strict, ProblemSet *set,
                          ProblemReport *report, Error *err);

// Writes what the report counted, and the rows it lists, in a few lines. Nothing where all rows were kept.
void problems_report_print(const ProblemReport *report, const char *source, FILE *out);

// Moves the problems out of `set` (which ends empty) into train and heldout, order kept: a problem is held out where
// the hash of (prompt, seed) falls below share, so about share * count are. 0 <= share <= 1.
void problems_split(ProblemSet *set, double share, uint64_t seed, ProblemSet *train, ProblemSet *heldout);

// Keeps the first `count` problems, where there are more.
void problems_truncate(ProblemSet *set, int count);

// The P distinct problems of a training step, as indices into the set. Each epoch is a fresh permutation of the set,
// cut into count / P batches (what is left over sits that epoch out). A pure function of its arguments: a resumed run
// needs the step alone. Errors: P < 1, P > count, step < 0.
bool problems_batch(const ProblemSet *set, uint64_t seed, int64_t step, int P, int *index_out, Error *err);

// Building a set by hand: copies the texts. Returns false, and changes nothing, where the prompt is already there
// or its hash is another prompt's (one chance in 2^63 a pair). `seen` is the set's index by id; zero it at first,
// free with problem_index_free.
typedef struct ProblemIndex {
    int *slot; // position in the set + 1, or 0; open addressing by id
    int capacity;
} ProblemIndex;

bool problems_add(ProblemSet *set, ProblemIndex *seen, const char *prompt, const char *gold, const TaskProblem *task,
                  int line);
const Problem *problems_find(const ProblemSet *set, const ProblemIndex *seen, const char *prompt); // or NULL
void problem_index_free(ProblemIndex *seen);

// Moves the problems of `from` (which ends empty) behind those of `to`, but for prompts that are there already.
// Returns how many were left out.
int problems_merge(ProblemSet *to, ProblemSet *from);

// Training problems that also stand in an evaluation set. writes, for each problem of `train`, the index in `eval` of the
// one that asks the same, or -1; returns how many do. Two prompts ask the same where their letters, digits and
// operators agree: case, spaces, punctuation and dollar signs differ between publishers of one problem.
int problems_overlap(const ProblemSet *train, const ProblemSet *eval, int *twin_out);
#endif
