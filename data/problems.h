// Problem sets: prompts and their golds, from procedural tasks (data/tasks.h) or from files (data/problems_file.h).
//
// A problem's id is a hash of its prompt, so it is the same in every run and every set. Prompts, and so ids, are unique
// within a set. Which prompts are held out never depends on a run's seed, so that seeds are compared on the same
// questions. A gold is text; the grader (rl/reward.h) compares it with a response.
#ifndef DATA_PROBLEMS_H
#define DATA_PROBLEMS_H
#include "data/tasks.h"

typedef struct Problem {
    int64_t id;              // >= 0
    char *prompt, *gold;     // owned by the set: one allocation that starts at prompt
    const TaskProblem *task; // owned by the set; NULL for a problem from a file
    int line;                // where its row starts in the file, from 1; 0 for a procedural problem
} Problem;

typedef struct ProblemSet { // {0} is an empty set
    Problem *items;         // (count)
    int count, capacity;
    int *slot; // (slots) index by id, open addressing: position in items + 1, or 0 if empty; made by problems_add
    int slots;
} ProblemSet;

void problems_free(ProblemSet *set); // everything in the set, which ends empty

// The first n_train training prompts of the sequence that (spec, seed) names, and the first n_heldout held-out prompts
// of a fixed one, which spec alone names; each without duplicates, larger sizes extending smaller ones. A prompt's text
// decides for which of the two it may be drawn (task_is_heldout), so no training set of any seed holds a prompt of any
// held-out set. The caller frees both sets.
// Small tasks have few prompts. After 20,000 draws without a new one the call returns what it found if `fewer` is true
// and no requested set is empty; otherwise it fails, names the counts in err, and leaves both sets empty.
bool problems_from_tasks(const TaskSpec *spec, uint64_t seed, int n_train, int n_heldout, bool fewer, ProblemSet *train,
                         ProblemSet *heldout, Error *err);

// Appends a copy. Returns false, and changes nothing, if the set has the prompt already (or another prompt with the
// same hash: a chance of 2^-63 per pair).
bool problems_add(ProblemSet *set, const char *prompt, const char *gold, const TaskProblem *task, int line);
const Problem *problems_find(ProblemSet *set, const char *prompt); // NULL: the set has no such prompt

// Frees every problem i with keep[i] false (keep is (count)); the others keep their order.
void problems_keep(ProblemSet *set, const bool *keep);
void problems_truncate(ProblemSet *set, int count); // keeps the first `count` problems

// The problem at `position` (0 .. count - 1) of the random order of an epoch: each problem comes once.
int problems_at(const ProblemSet *set, uint64_t seed, int64_t epoch, int position);

// writes index_out (P), the distinct problems of training step `step`. An epoch is its random order, cut into
// count / P batches; the remainder sits out that epoch. A pure function of its arguments, so resuming needs only the
// step. Errors: P < 1, P > count, step < 0.
bool problems_batch(const ProblemSet *set, uint64_t seed, int64_t step, int P, int *index_out, Error *err);
#endif
