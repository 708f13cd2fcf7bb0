// The data of a run: which problems, which tokenizer, and every prompt as tokens.
#include "rl/trainer.h"
#include <string.h>

static bool load_problems(Trainer *t, Error *err) {
    const TrainConfig *c = &t->config;
    if (strncmp(c->data, "task:", 5) == 0)
        return task_spec_parse(c->data + 5, &t->tasks, err) &&
               problems_from_tasks(&t->tasks, (uint64_t)c->seed, c->problems, c->heldout, &t->train.problems, &t->heldout.problems, err);
    ProblemSet all = {0};
    ProblemReport report;
    if (!problems_from_file(c->data, false, &all, &report, err)) return false;
    if (comm_rank(t->comm) == 0) problems_report_print(&report, c->data, stderr);
    problems_truncate(&all, c->problems + c->heldout);
    double share = (double)c->heldout / all.count;
    problems_split(&all, share < 0.5 ? share : 0.5, (uint64_t)c->seed, &t->train.problems, &t->heldout.problems);
    return true;
}

bool trainer_open_data(Trainer *t, Error *err) {
    const TrainConfig *c = &t->config;
    char folder[FLAG_TEXT_SIZE + 16];
    if (!load_problems(t, err)) return false;
    if (t->train.problems.count < c->prompts)
        return fail(err, "--prompts %d: %s has only %d to train on", c->prompts, c->data, t->train.problems.count);
    if (t->heldout.problems.count < 1) return fail(err, "%s: no prompt is left to hold out: lower --problems or raise --heldout", c->data);
    snprintf(folder, sizeof folder, "%s", c->model);
    if (strcmp(c->model, "tiny") == 0) { // the character tokenizer of the tasks, written as any other and read back
        char characters[] = TASK_CHARACTERS "\n";
        snprintf(folder, sizeof folder, "%s/tokenizer", c->out);
        if (comm_rank(t->comm) == 0 && !tokenizer_write_characters(folder, characters, NULL, 0, err)) return false;
        comm_barrier(t->comm);
    }
    t->tokenizer = tokenizer_load(folder, err);
    return t->tokenizer && prompts_tokenize(&t->train, t->tokenizer, err) && prompts_tokenize(&t->heldout, t->tokenizer, err);
}
