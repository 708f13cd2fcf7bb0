// Internal to the tasks (data/task_*.c): what a task defines, and how it writes, reads and makes errors.
//
// Everything about a problem follows from its prompt, so a task is two functions: one poses a prompt of a level, the
// other reads a prompt and solves it. The teacher makes its errors while solving: every number it writes passes through
// a Slip, which replaces it at one chosen point and returns it unchanged elsewhere; later steps use the wrong number.
#ifndef DATA_TASK_KIND_H
#define DATA_TASK_KIND_H
#include "data/random.h"
#include "data/tasks.h"

// Text under construction. An addition that does not fit is dropped and sets `full`.
typedef struct TaskText {
    char text[128];
    size_t used;
    bool full;
} TaskText;

__attribute__((format(printf, 2, 3))) void text_add(TaskText *text, const char *format, ...);

// A cursor over a prompt. The first mismatch clears `ok`; every later read fails.
typedef struct Scan {
    const char *at;
    bool ok;
} Scan;

// The next characters must be the form's. Each '%' in it stands for a number, as scan_number reads it; its arguments
// are int *number, low, high.
void scan_form(Scan *scan, const char *form, ...);
int scan_number(Scan *scan, int low, int high); // in low..high (low >= 0), no leading zeros, at most 6 digits; else low
bool scan_is(Scan *scan, char c);               // whether the next character is c, which it then skips
char scan_one_of(Scan *scan, const char *set);  // a character of the set
bool scan_end(const Scan *scan);                // no mismatch, and nothing left

// Where the teacher makes an error: at point number `at`; -1: nowhere. `passed` counts the points so far.
typedef struct Slip {
    int at, passed;
    Random random;
} Slip;

bool slip_here(Slip *slip);                           // counts a point; whether it is the chosen one
int slip_residue(Slip *slip, int value, int modulus); // an error is another value in 0..modulus-1
int slip_number(Slip *slip, int value, int unit);     // an error is off by 1, 2 or 10 units, negative only if value is

typedef struct TaskRow {
    const char *name;
    // writes a prompt of the level
    void (*pose)(int level, Random *random, TaskText *prompt);
    // writes the steps (without '#') and the answer of the prompt; every number passes through the slip. False if the
    // prompt is not of this task, or no answer follows from the slip (a subtraction that never ends).
    bool (*solve)(const char *prompt, Slip *slip, TaskText *steps, TaskText *answer);
    // Whether an answer of len bytes is right; NULL: it must equal the gold.
    bool (*check)(const char *prompt, const char *answer, size_t len);
} TaskRow;

#define TASK_DECLARATION(NAME, name) extern const TaskRow task_row_##name;
TASKS(TASK_DECLARATION)
#endif
