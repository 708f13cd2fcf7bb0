// Procedural arithmetic tasks: prompts, a teacher that answers them, and the check of an answer. No files; every draw
// is keyed by seed and index.
//
//   name       prompt            worked steps          answer   what it asks
//   chain      c7+5-3=           7+5=12-3=9            9        sums and differences, left to right
//   mod        m7:3462=          3061                  1        the sum of the digits modulo m, running values first
//   serial     s7:3+4*2-1=       3+4=0*2=0-1=6         6        left to right (no precedence) modulo m
//   add        a47+85=           7+5+0=12,4+8+1=13     132      column by column: digit + digit + carry
//   mul        p47*6=            240+42=282            282      partial products, summed one by one
//   gcd        g48,36=           48-36=12,36-12=24,24-12=12  12 the gcd, by subtraction until both are equal
//   linear     l3x+4=19?         19-4=15,15/3=5        5        solve for x (from level 4: x on both sides)
//   base       b10:73>5=         73=14*5+3,14=2*5+4    243      base 10 to b, and b to 10 (Horner)
//   countdown  d3,4,7:25=        3*7=21,21+4=25        3*7+4    any expression that uses each number exactly once
//
// A response is  steps # answer newline;  the direct form has no steps. Only the text after the last '#' is checked.
// Why two forms, and a teacher that makes errors: RL reinforces responses that are already right more often, so the
// warm-up must leave the model a choice (direct or worked) and errors to unlearn. Every step is one small table look-up
// whose operands are next to it; a running value is never more than one step away. This is the scratchpad of Nye et al.
// (arXiv 2112.00114), with explicit carries as in Lee et al. (arXiv 2307.03381).
#ifndef DATA_TASKS_H
#define DATA_TASKS_H
#include "base/check.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// To add a task: write data/task_NAME.c, which defines task_row_NAME (data/task_kind.h), and add it here. The
// flags, the evaluation's table and the tests read this list; tests/data/test_tasks.c also wants a second way to
// compute the answer. A character that no other task uses goes into TASK_CHARACTERS.
#define TASKS(ROW)                                           \
    ROW(CHAIN, chain) ROW(MOD, mod) ROW(SERIAL, serial)      \
    ROW(ADD, add) ROW(MUL, mul) ROW(GCD, gcd)                \
    ROW(LINEAR, linear) ROW(BASE, base) ROW(COUNTDOWN, countdown)
#define TASK_ENUMERATOR(NAME, name) TASK_##NAME,
typedef enum TaskKind { TASKS(TASK_ENUMERATOR) TASK_KINDS } TaskKind;

// Every character of prompts and responses except the newline, in ascending order: the character tokenizer's
// vocabulary. The newline ends a response and is the EOS token.
#define TASK_CHARACTERS   "#()*+,-/0123456789:=>?abcdglmpsx"
#define TASK_END          '\n'
#define TASK_LEVELS       5
#define TASK_PROMPT_MAX   20 // longest prompt, in characters
#define TASK_RESPONSE_MAX 95 // the teacher's longest response, newline included

typedef struct TaskSpec { // which tasks to draw, and their levels
    bool on[TASK_KINDS];
    int level_low[TASK_KINDS], level_high[TASK_KINDS]; // 1..TASK_LEVELS if on
} TaskSpec;

typedef struct TaskProblem {
    TaskKind kind;
    int level; // 1..TASK_LEVELS
    char prompt[48];
    char gold[24]; // the answer; of a countdown one of many
} TaskProblem;

typedef struct TaskSpan {
    size_t start, length; // the answer's bytes in the response; {len, 0} if it has no '#'
} TaskSpan;

const char *task_name(TaskKind kind);

// Whether an item of --data names tasks ("task:serial@1-2") and not a set or a file.
static inline bool data_is_tasks(const char *item) { return strncmp(item, "task:", 5) == 0; }

// "serial@3", "chain,gcd@1-3", "all", "all@2": names separated by commas, each with an optional level or range of
// levels (default: all five). On failure err names the piece with the error.
bool task_spec_parse(const char *text, TaskSpec *spec, Error *err);

// Problem `index` of the infinite sequence that (spec, seed) names: kind and level are uniform over those in spec. A
// prompt may occur at several indices. spec must come from task_spec_parse.
void task_problem(TaskProblem *out, const TaskSpec *spec, uint64_t seed, uint64_t index);

// True for one eighth of all prompts, which are never trained on. It depends on the prompt's text alone.
bool task_is_heldout(const char *prompt);

// writes the teacher's response with its newline and a zero byte; returns its length without the zero. size must be at
// least TASK_RESPONSE_MAX + 1. With probability error_rate it makes an error: one step is wrong and the rest follows
// from it, or the answer is miscopied; the direct form shows only the wrong answer. task_check rejects every response
// with an error and accepts every other one. A pure function of its arguments.
int task_response(const TaskProblem *problem, bool worked, double error_rate, uint64_t seed, uint64_t draw, char *out,
                  size_t size);

// Whether a response (len arbitrary bytes, no zero needed) is correct. It ends at its first newline; the answer follows
// the last '#' before that. Integers must equal the gold byte for byte: no '+', leading zeros or spaces. Countdown: any
// expression of + - * / and parentheses over the prompt's numbers, each used once, evaluated exactly. `span` (may be
// NULL) receives the answer's position.
bool task_check(const TaskProblem *problem, const char *response, size_t len, TaskSpan *span);

// Whether the response starts with a step, not with '#', with or without an answer: the worked form.
bool task_is_worked(const char *response, size_t len);
#endif
