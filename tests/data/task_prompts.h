// Problems of tasks from their prompts, and specs from their text, for the tests of tasks.
#ifndef TESTS_DATA_TASK_PROMPTS_H
#define TESTS_DATA_TASK_PROMPTS_H
#include "data/task_kind.h"

static inline TaskSpec spec_of(const char *text) {
    TaskSpec spec;
    Error err;
    if (!task_spec_parse(text, &spec, &err)) fail_msg("%s: %s", text, err.text);
    return spec;
}

// Whether the prompt is one of a task, each of which is tried: exactly one may take it.
static inline bool is_prompt(TaskProblem *out, const char *prompt) {
#define TASK_ROW(NAME, name) &task_row_##name,
    static const TaskRow *const rows[] = {TASKS(TASK_ROW)};
    int found = 0;
    *out = (TaskProblem){0};
    for (int kind = 0; kind < TASK_KINDS; kind++) {
        TaskText steps = {0}, answer = {0};
        if (!rows[kind]->solve(prompt, &(Slip){.at = -1}, &steps, &answer)) continue;
        assert_true(!steps.full && strlen(prompt) < sizeof out->prompt && answer.used < sizeof out->gold);
        out->kind = (TaskKind)kind;
        strcpy(out->prompt, prompt);
        strcpy(out->gold, answer.text);
        found++;
    }
    assert_in_range(found, 0, 1);
    return found == 1;
}

static inline TaskProblem from_prompt(const char *prompt) {
    TaskProblem problem;
    if (!is_prompt(&problem, prompt)) fail_msg("%s is no prompt of a task", prompt);
    return problem;
}

static inline bool right(const TaskProblem *problem, const char *response) {
    return task_check(problem, response, strlen(response), NULL);
}
#endif
