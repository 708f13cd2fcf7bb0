// Samples of rollouts, early and late in the run, grouped by prompt, every token coloured by its final advantage.
#ifndef RL_REPORT_ROLLOUTS_H
#define RL_REPORT_ROLLOUTS_H
#include <stdbool.h>
#include <stdio.h>
#include "base/check.h"

// Counts for the page's notes.
typedef struct RolloutNotes {
    bool missing;    // there is no rollouts.jsonl
    size_t rollouts; // in the file
    size_t shown;
    size_t unreadable; // lines left out: no JSON object, or without step and prompt
    bool cut_off;      // the last line was cut off
} RolloutNotes;

// Reads dir/rollouts.jsonl twice: once to choose, once for what was chosen, so that the file may be large. Chosen are
// up to four prompts seen both in the first and the last quarter of the logged steps, then prompts seen in only one of
// the two, until either end has four; of a prompt and step up to four rollouts, correct and wrong ones where there are
// both. Long prompts and rollouts are cut with a word about it. All text is escaped: it is model output. False with a
// message only if memory runs out; a missing or damaged file is told in the notes.
bool rollouts_write(FILE *out, const char *dir, RolloutNotes *notes, Error *err);

#endif
