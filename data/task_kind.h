// Inside the tasks (data/task_*.c): the table of kinds, and what its rows read and write with.
//
// Everything about a problem follows from its prompt, so a kind is two functions: one that makes prompts of a level,
// one that reads a prompt and answers it. Errors of the teacher are made while answering: every number it writes
// passes through a Slip, which leaves it alone or, at one chosen point, replaces it; what follows is then computed
// from the wrong number.
#ifndef DATA_TASK_KIND_H
#define DATA_TASK_KIND_H
#include "data/random.h"
#include "data/tasks.h"

// Text under construction; what does not fit sets `full` and is dropped.
typedef struct TaskText {
    char text[128];
    size_t used;
    bool full;
} TaskText;

__attribute__((format(printf, 2, 3))) void text_add(TaskText *text, const char *format, ...);

// A cursor over a prompt. The first mismatch clears `ok`; from then on every read fails.
typedef struct Scan {
    const char *at;
    bool ok;
} Scan;

bool scan_is(Scan *scan, char c);               // the next character is c: steps over it, else leaves it there
void scan_expect(Scan *scan, char c);           // the next character must be c
int scan_number(Scan *scan, int low, int high); // canonical decimal within low..high (low >= 0), at most 6 digits
char scan_one_of(Scan *scan, const char *set);  // one character of the set
bool scan_end(const Scan *scan);                // all was read and all was well

// Where the teacher errs: at the point number `at` of those it passes; -1 for nowhere. `passed` counts the points.
typedef struct Slip {
    int at, passed;
    Random random;
} Slip;

bool slip_here(Slip *slip);                           // counts a point; true where it is the chosen one
int slip_residue(Slip *slip, int value, int modulus); // another value of 0..modulus-1
int slip_number(Slip *slip, int value, int unit);     // off by 1, 2 or 10 units; not below 0 unless value was

typedef struct TaskRow {
    const char *name;
    char letter; // first character of its prompts
    // Writes a prompt of the level.
    void (*pose)(int level, Random *random, TaskText *prompt);
    // Reads the prompt, writes the steps (without '#') and the answer, each number by way of the slip. False where the
    // prompt is not of this kind or a slip leads nowhere (a Euclid that does not end).
    bool (*solve)(const char *prompt, Slip *slip, TaskText *steps, TaskText *answer);
    // Judges an answer of len bytes; NULL: it must equal the gold.
    bool (*judge)(const char *prompt, const char *answer, size_t len);
} TaskRow;

extern const TaskRow task_row_chain, task_row_mod, task_row_serial; // data/task_running.c
extern const TaskRow task_row_add, task_row_mul, task_row_base;     // data/task_digits.c
extern const TaskRow task_row_gcd, task_row_linear;                 // data/task_equation.c
extern const TaskRow task_row_countdown;                            // data/task_countdown.c
#endif
