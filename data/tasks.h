// Procedural arithmetic tasks: a prompt, a teacher who answers it, and a judge. Seeded, counter-based, no files.
//
//   name       prompt            worked steps          answer   what it asks
//   chain      c7+5-3=           7+5=12-3=9            9        a sum of small numbers
//   mod        m7:3462=          3061                  1        running sums of the digits modulo m
//   serial     s7:3+4*2-1=       3+4=0*2=0-1=6         6        left to right (no precedence) modulo m
//   add        a47+85=           7+5+0=12,4+8+1=13     132      column by column: digit + digit + carry
//   mul        p47*6=            240+42=282            282      partial products, added as they come
//   gcd        g48,36=           48-36=12,36-12=24,24-12=12  12 Euclid by subtraction, until b - a = a; always >= 2
//   linear     l3x+4=19?         19-4=15,15/3=5        5        solve for x (from level 4: x on both sides)
//   base       b10:73>5=         73=14*5+3,14=2*5+4    243      base 10 to b, and b to 10 (Horner)
//   countdown  d3,4,7:25=        3*7=21,21+4=25        3*7+4    any expression that uses each number exactly once
//
// A response is  steps # answer newline.  The direct form has no steps. Only what follows the last '#' is judged.
// Why two forms and a teacher that can err: reinforcement learning strengthens what is already more often right, so
// the warm-up has to leave a choice (direct or worked) and a wrong habit to drop. Steps are written so that each is
// one small table look-up whose operands stand next to it (a running value is never more than one step away):
// the scratchpad of Nye et al. (arXiv 2112.00114), with the carries stated as in Lee et al. (arXiv 2307.03381).
#ifndef DATA_TASKS_H
#define DATA_TASKS_H
#include "base/check.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The whole alphabet of prompts and responses, newline aside, in ascending order: the vocabulary of a character
// tokenizer. The newline ends a response and is the end-of-sequence token.
#define TASK_CHARACTERS   "#()*+,-/0123456789:=>?abcdglmpsx"
#define TASK_END          '\n'
#define TASK_LEVELS       5
#define TASK_PROMPT_MAX   20 // longest prompt, in characters
#define TASK_RESPONSE_MAX 95 // longest response of the teacher, newline included

typedef enum TaskKind {
    TASK_CHAIN,
    TASK_MOD,
    TASK_SERIAL,
    TASK_ADD,
    TASK_MUL,
    TASK_GCD,
    TASK_LINEAR,
    TASK_BASE,
    TASK_COUNTDOWN,
    TASK_KINDS
} TaskKind;

typedef struct TaskSpec {
    bool on[TASK_KINDS];
    int level_low[TASK_KINDS], level_high[TASK_KINDS]; // 1..TASK_LEVELS where on
} TaskSpec;

typedef struct TaskProblem {
    TaskKind kind;
    int level; // 1..TASK_LEVELS; 0 for a problem rebuilt from its prompt, whose level the prompt does not say
    char prompt[48];
    char gold[24]; // the answer; for countdown one of many
} TaskProblem;

typedef struct TaskSpan {
    size_t start, length; // bytes of the response that were judged; {len, 0} where it has no '#'
} TaskSpan;

const char *task_name(TaskKind kind);

// "serial@3", "chain,gcd@1-3", "all", "all@2": comma-separated names, each with an optional level or range of levels
// (default all five). The error names the piece that was not understood.
bool task_spec_parse(const char *text, TaskSpec *spec, Error *err);

// Problem `index` of the endless sequence that (spec, seed) names: kind and level uniform over those that spec allows.
// The same prompt may come back at another index. spec must come from task_spec_parse.
void task_problem(TaskProblem *out, const TaskSpec *spec, uint64_t seed, uint64_t index);

// The problem whose prompt this is (a trailing part after '=' or '?' is an error): re-scores saved responses.
bool task_from_prompt(TaskProblem *out, const char *prompt, Error *err);

// True for the eighth of all prompts that is never trained on. It looks at the prompt's text alone, so no choice of
// seeds, sizes and tasks can put one prompt on both sides.
bool task_is_heldout(const char *prompt);

// The teacher's response, newline and terminating zero included; returns its length without the zero. With
// probability error_rate it errs: one step is wrong and the rest follows from it, or the answer is miscopied; the
// direct form keeps only the wrong answer. task_check rejects every erring response and accepts every other.
// A pure function of its arguments. size must be at least TASK_RESPONSE_MAX + 1.
int task_response(const TaskProblem *problem, bool worked, double error_rate, uint64_t seed, uint64_t draw, char *out,
                  size_t size);

// Judges a response of len bytes (any bytes, no terminating zero needed). It ends at its first newline; the answer is
// what follows the last '#' before that. Integers must equal the gold byte for byte: no sign '+', no leading zeros,
// no spaces. Countdown: + - * / and parentheses over the prompt's numbers, each once, evaluated exactly.
// `span` (may be NULL) receives where the answer stands.
bool task_check(const TaskProblem *problem, const char *response, size_t len, TaskSpan *span);

// Whether the response begins with steps rather than with '#', answered or not: the worked form.
bool task_is_worked(const char *response, size_t len);
#endif
