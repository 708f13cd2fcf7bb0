// The table of tasks, and what all tasks have in common.
#include "data/tasks.h"
#include "data/task_kind.h"
#include <string.h>

enum { HELDOUT_ONE_IN = 8, SLIP_TRIES = 256 };

#define TASK_ROW(NAME, name) &task_row_##name,
#define TASK_WORD(NAME, name) #name ", "
static const TaskRow *const task_rows[TASK_KINDS] = {TASKS(TASK_ROW)};

const char *task_name(TaskKind kind) { return task_rows[kind]->name; }

// "@3", "@1-3" or nothing, up to `end`
static bool parse_levels(const char *at, const char *end, int *low, int *high) {
    *low = 1;
    *high = TASK_LEVELS;
    if (at == end) return true;
    if (end - at != 2 && !(end - at == 4 && at[2] == '-')) return false;
    *low = at[1] - '0';
    *high = end[-1] - '0';
    return *at == '@' && *low >= 1 && *low <= *high && *high <= TASK_LEVELS;
}

static bool parse_piece(const char *piece, const char *end, TaskSpec *spec, Error *err) {
    int shown = end - piece > 60 ? 60 : (int)(end - piece), low, high;
    const char *at = memchr(piece, '@', (size_t)(end - piece));
    if (!at) at = end;
    if (!parse_levels(at, end, &low, &high))
        return fail(err, "task:%.*s: a level is @1 to @%d or a range such as @1-3", shown, piece, TASK_LEVELS);
    size_t length = (size_t)(at - piece);
    bool all = length == 3 && memcmp(piece, "all", 3) == 0, known = false;
    for (int kind = 0; kind < TASK_KINDS; kind++) {
        const char *name = task_rows[kind]->name;
        if (!all && !(strlen(name) == length && memcmp(name, piece, length) == 0)) continue;
        if (spec->on[kind]) return fail(err, "task:%.*s: %s is named twice", shown, piece, name);
        spec->on[kind] = known = true;
        spec->level_low[kind] = low;
        spec->level_high[kind] = high;
    }
    return known || fail(err, "task:%.*s: unknown task; know " TASKS(TASK_WORD) "all", shown, piece);
}

bool task_spec_parse(const char *text, TaskSpec *spec, Error *err) {
    *spec = (TaskSpec){0};
    for (const char *end;; text = end + 1) {
        end = text + strcspn(text, ",");
        if (!parse_piece(text, end, spec, err)) return false;
        if (*end == 0) return true;
    }
}

// writes the gold; false if the prompt is not of its kind.
static bool find_gold(TaskProblem *problem) {
    TaskText steps = {0}, answer = {0};
    Slip none = {.at = -1};
    if (!task_rows[problem->kind]->solve(problem->prompt, &none, &steps, &answer)) return false;
    if (steps.full || answer.used >= sizeof problem->gold) return false;
    memcpy(problem->gold, answer.text, answer.used + 1);
    return true;
}

void task_problem(TaskProblem *out, const TaskSpec *spec, uint64_t seed, uint64_t index) {
    int kinds[TASK_KINDS], count = 0;
    for (int kind = 0; kind < TASK_KINDS; kind++)
        if (spec->on[kind]) kinds[count++] = kind;
    REQUIRE(count > 0, "no task is on: fill the TaskSpec with task_spec_parse");
    Random random = random_keyed(seed, 0x7461736b, index);
    *out = (TaskProblem){.kind = (TaskKind)kinds[random_range(&random, 0, count - 1)]};
    out->level = random_range(&random, spec->level_low[out->kind], spec->level_high[out->kind]);
    TaskText prompt = {0};
    task_rows[out->kind]->pose(out->level, &random, &prompt);
    REQUIRE(prompt.used <= TASK_PROMPT_MAX, "%s posed the overlong prompt %s", task_name(out->kind), prompt.text);
    memcpy(out->prompt, prompt.text, prompt.used + 1);
    REQUIRE(find_gold(out), "%s cannot answer its own prompt %s", task_name(out->kind), out->prompt);
}

bool task_is_heldout(const char *prompt) { return text_hash(prompt, 0) % HELDOUT_ONE_IN == 0; }

static TaskSpan find_answer(const char *response, size_t len) {
    const char *newline = len ? memchr(response, TASK_END, len) : NULL;
    size_t end = newline ? (size_t)(newline - response) : len, start = end;
    while (start > 0 && response[start - 1] != '#') start--;
    return start > 0 ? (TaskSpan){start, end - start} : (TaskSpan){len, 0};
}

bool task_check(const TaskProblem *problem, const char *response, size_t len, TaskSpan *span) {
    TaskSpan found = find_answer(response, len);
    if (span) *span = found;
    if (found.length == 0) return false;
    const char *answer = response + found.start;
    const TaskRow *row = task_rows[problem->kind];
    if (row->check) return row->check(problem->prompt, answer, found.length);
    return strlen(problem->gold) == found.length && memcmp(problem->gold, answer, found.length) == 0;
}

bool task_is_worked(const char *response, size_t len) {
    return len > 0 && response[0] != '#' && response[0] != TASK_END;
}

// writes a response with this slip; returns its length, or 0 if it has no answer or is too long.
static int attempt(const TaskProblem *problem, bool worked, Slip *slip, char *out) {
    TaskText steps = {0}, answer = {0};
    slip->passed = 0;
    if (!task_rows[problem->kind]->solve(problem->prompt, slip, &steps, &answer)) return 0;
    size_t length = (worked ? steps.used : 0) + 1 + answer.used + 1;
    if ((worked && steps.full) || answer.full || length > TASK_RESPONSE_MAX) return 0;
    return snprintf(out, TASK_RESPONSE_MAX + 1, "%s#%s\n", worked ? steps.text : "", answer.text);
}

int task_response(const TaskProblem *problem, bool worked, double error_rate, uint64_t seed, uint64_t draw, char *out,
                  size_t size) {
    REQUIRE(size > TASK_RESPONSE_MAX, "a response needs room for %d bytes", TASK_RESPONSE_MAX + 1);
    Slip slip = {.at = -1, .random = random_keyed(seed, text_hash(problem->prompt, 0), draw)};
    bool errs = random_unit(&slip.random) < error_rate;
    int length = attempt(problem, worked, &slip, out);
    REQUIRE(length > 0, "task prompt %s has no response: make problems with task_problem", problem->prompt);
    if (!errs) return length;
    int points = slip.passed;
    for (int i = 0; i < SLIP_TRIES; i++) { // a slip may cancel out or have no answer: try another
        slip.at = random_range(&slip.random, 0, points - 1);
        length = attempt(problem, worked, &slip, out);
        if (length > 0 && !task_check(problem, out, (size_t)length, NULL)) return length;
    }
    REQUIRE(false, "no wrong answer to %s was found in %d tries", problem->prompt, SLIP_TRIES);
    return 0;
}
